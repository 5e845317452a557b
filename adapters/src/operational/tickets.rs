//! Single-use tickets.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::Tickets;
use sea_orm::ConnectionTrait as _;

use super::{OperationalStore, milliseconds};

#[async_trait]
impl Tickets for OperationalStore {
    async fn put(&self, ticket: &str, payload: &str, lasts: Duration) -> Result<(), CommandError> {
        let (id, now) = (self.vault.index("ticket", ticket), self.now());
        let sealed = self.vault.seal(&place(&id), payload.as_bytes())?;
        let sql = format!(
            "INSERT INTO operational_tickets (id, payload, until) VALUES ($1, $2, {now} + $3)
             ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, until = excluded.until"
        );
        let values = [id.into(), sealed.into(), milliseconds(lasts).into()];
        let put = self.db.execute_raw(self.statement(sql, values)).await;
        put.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn take(&self, ticket: &str) -> Result<Option<String>, CommandError> {
        let (id, now) = (self.vault.index("ticket", ticket), self.now());
        // What one deletes another cannot delete again.
        let sql = format!(
            "DELETE FROM operational_tickets WHERE id = $1 AND until > {now} RETURNING payload"
        );
        let row = self.db.query_one_raw(self.statement(sql, [id.as_str().into()])).await;
        let Some(row) = row.map_err(CommandError::unavailable)? else { return Ok(None) };
        let sealed: Vec<u8> = row.try_get("", "payload").map_err(CommandError::unavailable)?;
        let payload = self.vault.open(&place(&id), &sealed)?;
        String::from_utf8(payload).map(Some).map_err(CommandError::unavailable)
    }
}

fn place(id: &str) -> String {
    format!("ticket/{id}")
}
