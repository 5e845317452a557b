//! Leases, and the tokens that keep former holders from writing.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Lease, Leases};
use sea_orm::ConnectionTrait;

use super::{OperationalStore, milliseconds, signed, unsigned};

#[async_trait]
impl Leases for OperationalStore {
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        lasts: Duration,
    ) -> Result<Option<Lease>, CommandError> {
        let now = self.now();
        // One statement, so that of two who come at once one sees the other. The row stays when
        // a lease is given back, so that tokens only grow.
        let sql = format!(
            "INSERT INTO operational_leases AS lease (name, holder, token, until)
             VALUES ($1, $2, 1, {now} + $3)
             ON CONFLICT (name) DO UPDATE SET
               holder = excluded.holder,
               token = CASE WHEN lease.holder = excluded.holder THEN lease.token
                            ELSE lease.token + 1 END,
               until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until <= {now}
             RETURNING token"
        );
        let values = [name.into(), holder.into(), milliseconds(lasts).into()];
        let row = self.db.query_one_raw(self.statement(sql, values)).await;
        let Some(row) = row.map_err(CommandError::unavailable)? else { return Ok(None) };
        let token = row.try_get("", "token").map_err(CommandError::unavailable)?;
        let (name, holder) = (name.to_owned(), holder.to_owned());
        Ok(Some(Lease { name, holder, token: unsigned(token) }))
    }

    async fn holds(&self, lease: &Lease) -> Result<bool, CommandError> {
        let sql = "SELECT 1 FROM operational_leases
                   WHERE name = $1 AND holder = $2 AND token = $3";
        let asked = self.statement(sql, values(lease));
        let row = self.db.query_one_raw(asked).await.map_err(CommandError::unavailable)?;
        Ok(row.is_some())
    }

    async fn release(&self, lease: &Lease) -> Result<(), CommandError> {
        let sql = "UPDATE operational_leases SET holder = '', until = 0
                   WHERE name = $1 AND holder = $2 AND token = $3";
        let released = self.db.execute_raw(self.statement(sql, values(lease))).await;
        released.map(|_| ()).map_err(CommandError::unavailable)
    }
}

impl OperationalStore {
    /// Ends what an earlier process left when it was killed: its leases, and its claims on
    /// requests that it never answered. Only for who knows that no other process is alive.
    pub async fn bury_the_dead(&self) -> Result<(), CommandError> {
        for sql in [
            "UPDATE operational_leases SET holder = '', until = 0",
            "DELETE FROM operational_idempotency_keys WHERE answer IS NULL",
        ] {
            let buried = self.db.execute_raw(self.statement(sql, [])).await;
            buried.map_err(CommandError::unavailable)?;
        }
        Ok(())
    }

    /// Keeps a lease from changing hands until the transaction ends; fails when it did before.
    pub(super) async fn hold(
        &self,
        transaction: &impl ConnectionTrait,
        lease: &Lease,
    ) -> Result<(), CommandError> {
        // A write that changes nothing locks the row in PostgreSQL and the file in SQLite.
        let sql = "UPDATE operational_leases SET token = token
                   WHERE name = $1 AND holder = $2 AND token = $3";
        let held = transaction.execute_raw(self.statement(sql, values(lease))).await;
        match held.map_err(CommandError::unavailable)?.rows_affected() {
            0 => Err(CommandError::Conflict),
            _ => Ok(()),
        }
    }
}

fn values(lease: &Lease) -> [sea_orm::Value; 3] {
    [lease.name.as_str().into(), lease.holder.as_str().into(), signed(lease.token).into()]
}
