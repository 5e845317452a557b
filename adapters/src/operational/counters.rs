//! Buckets that all processes take from, by the clock of the database.
//!
//! A bucket is one number: when it will be full again (the generic cell rate algorithm). Taking one is
//! one statement that moves it on, or does nothing when it would lie too far ahead.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Bucket, SharedLimits, Taken};
use sea_orm::ConnectionTrait as _;

use super::{OperationalStore, milliseconds, unsigned};

#[async_trait]
impl SharedLimits for OperationalStore {
    async fn draw(&self, name: &str, key: &str, bucket: Bucket) -> Result<Taken, CommandError> {
        let (id, now) = (self.vault.index("counter", &format!("{name}:{key}")), self.now());
        let every = milliseconds(bucket.every).max(1);
        let burst = i64::from(bucket.burst.max(1));
        // Further ahead than this, there is nothing left to take.
        let furthest = every.saturating_mul(burst - 1);
        let sql = format!(
            "INSERT INTO operational_counters AS kept (id, full_at) VALUES ($1, {now} + $2)
             ON CONFLICT (id) DO UPDATE SET
               full_at = CASE WHEN kept.full_at < {now} THEN {now} ELSE kept.full_at END + $2
             WHERE kept.full_at <= {now} + $3
             RETURNING full_at - {now} AS ahead"
        );
        let values = [id.as_str().into(), every.into(), furthest.into()];
        let row = self.db.query_one_raw(self.statement(sql, values)).await;
        if let Some(row) = row.map_err(CommandError::unavailable)? {
            let ahead: i64 = row.try_get("", "ahead").map_err(CommandError::unavailable)?;
            // The clock goes on inside a statement; who took one never finds the bucket full.
            let left = ((every.saturating_mul(burst) - ahead).max(0) / every).min(burst - 1);
            return Ok(Taken::Left(u32::try_from(left).unwrap_or(u32::MAX)));
        }
        let sql =
            format!("SELECT full_at - {now} - $2 AS wait FROM operational_counters WHERE id = $1");
        let row = self.db.query_one_raw(self.statement(sql, [id.into(), furthest.into()])).await;
        // None: it was full, and swept in between; whoever comes again finds it so.
        let wait = match row.map_err(CommandError::unavailable)? {
            Some(row) => row.try_get("", "wait").map_err(CommandError::unavailable)?,
            None => 1,
        };
        Ok(Taken::Wait(Duration::from_millis(unsigned(wait).max(1))))
    }
}
