//! What the bot asks the read models.

use commands::CommandError;
use domain::kernel::{ChannelId, EditId};
use projections::discord::{channels, messages};
use projections::lifecycle::bots;
use projections::self_editing::{edits, rehearsals};
use projections::{DatabaseConnection, Paged, Slice};
use uuid::Uuid;

/// The read models, whichever generation of them is live.
pub trait ReadModels: Send + Sync {
    /// None while there is none.
    fn live(&self) -> Option<DatabaseConnection>;
}

fn live(models: &dyn ReadModels) -> Result<DatabaseConnection, CommandError> {
    models.live().ok_or_else(|| CommandError::unavailable("there are no read models yet"))
}

/// The newest messages of a channel, those that hold the words if any are given.
pub(crate) async fn history(
    models: &dyn ReadModels,
    channel: ChannelId,
    search: Option<String>,
    limit: u64,
) -> Result<Vec<messages::Model>, CommandError> {
    let filter =
        messages::Filter { channel: Some(channel.0), search, ..messages::Filter::default() };
    let page = messages::list(&live(models)?, &filter, Slice { limit, offset: 0 }).await;
    Ok(page.map_err(CommandError::unavailable)?.items)
}

/// Edits, the newest first.
pub(crate) async fn edits(
    models: &dyn ReadModels,
    filter: &edits::Filter,
    slice: Slice,
) -> Result<Paged<edits::Model>, CommandError> {
    edits::list(&live(models)?, filter, slice).await.map_err(CommandError::unavailable)
}

/// The edits with these ids and those between; at most two.
pub(crate) async fn edits_between(
    models: &dyn ReadModels,
    low: Uuid,
    high: Uuid,
) -> Result<Vec<EditId>, CommandError> {
    edits::between(&live(models)?, low, high).await.map_err(CommandError::unavailable)
}

/// Presence and headline counts.
pub(crate) async fn status(models: &dyn ReadModels) -> Result<bots::Status, CommandError> {
    bots::status(&live(models)?).await.map_err(CommandError::unavailable)
}

/// The rehearsals of an edit, oldest first.
pub(crate) async fn rehearsals(
    models: &dyn ReadModels,
    edit: EditId,
) -> Result<Vec<rehearsals::Model>, CommandError> {
    rehearsals::of(&live(models)?, edit).await.map_err(CommandError::unavailable)
}

/// The direct conversations that were ever seen.
pub(crate) async fn direct(models: &dyn ReadModels) -> Result<Vec<ChannelId>, CommandError> {
    channels::direct(&live(models)?).await.map_err(CommandError::unavailable)
}
