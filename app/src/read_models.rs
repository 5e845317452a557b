//! The read models, as the rest of the program asks them: which generation is live, and where it is.

use std::sync::Arc;

use adapters::OperationalStore;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{CommandError, Head, Heads};
use projections::{DatabaseConnection, Generations, LivePointer, PointerError, Until};

/// Which generation is live is kept in the operational store.
pub(crate) struct Pointer(pub Arc<OperationalStore>);

#[async_trait]
impl LivePointer for Pointer {
    async fn get(&self) -> Result<Option<u64>, PointerError> {
        Ok(self.0.live_generation().await?.map(i64::cast_unsigned))
    }

    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError> {
        let from = from.map(u64::cast_signed);
        match self.0.set_live_generation(from, to.cast_signed()).await {
            Ok(()) => Ok(true),
            Err(CommandError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The live generation, for the bot and for signatures.
#[derive(Clone)]
pub(crate) struct Live(pub Generations);

impl bot::ReadModels for Live {
    fn live(&self) -> Option<DatabaseConnection> {
        self.0.live().map(|live| live.db().clone())
    }
}

#[async_trait]
impl Heads for Live {
    async fn head(&self) -> Option<Head> {
        let live = self.0.live()?;
        // Views that stand still may be those of another log.
        if live.standing().borrow().alarm.is_some() {
            return None;
        }
        let checkpoint = live.checkpoint().await.ok()?;
        Some(Head { position: checkpoint.position, chain: checkpoint.chain })
    }
}

/// A position, or an RFC 3339 time.
pub(crate) fn parse_until(text: &str) -> anyhow::Result<Until> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(position));
    }
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| {
        anyhow::anyhow!("“{text}” is neither a position nor a time such as 2026-11-20T12:00:00Z")
    })?;
    Ok(Until::Time(time.with_timezone(&Utc)))
}
