//! What behaviors did on Discord, from the live read models.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Effect, Effects, Span, Sums, Which};
use domain::kernel::{ChannelId, DiscordUserId, Undo};
use projections::Slice;
use projections::behaviors::effects;
use projections::self_editing::files;
use uuid::Uuid;

use crate::surroundings::Views;

/// How long the read models are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl Effects for Views {
    async fn shown(&self, position: u64) {
        self.wait_for(position, PATIENCE).await;
    }

    async fn changed_in(&self, revision: u64) -> Result<Vec<(String, Option<u64>)>, CommandError> {
        let found = files::changed_in(&self.db()?, revision).await;
        found.map_err(CommandError::unavailable)
    }

    async fn list(
        &self,
        wanted: &[Span],
        which: Which,
        limit: u64,
        offset: u64,
    ) -> Result<(Vec<Effect>, u64), CommandError> {
        let which = match which {
            Which::All => effects::Which::All,
            Which::Lasting => effects::Which::Lasting,
            Which::Troubled => effects::Which::Troubled,
            Which::Undoable => effects::Which::Undoable,
        };
        let slice = Slice { limit, offset };
        let page = effects::list(&self.db()?, &spans(wanted), which, slice).await;
        let page = page.map_err(CommandError::unavailable)?;
        Ok((page.items.into_iter().filter_map(effect).collect(), page.total))
    }

    async fn of_calls(
        &self,
        wanted: &[Span],
        calls: Vec<Uuid>,
    ) -> Result<Vec<Effect>, CommandError> {
        let found = effects::of_calls(&self.db()?, &spans(wanted), calls).await;
        Ok(found.map_err(CommandError::unavailable)?.into_iter().filter_map(effect).collect())
    }

    async fn sums(&self, wanted: &[Span]) -> Result<Sums, CommandError> {
        let found = effects::sums(&self.db()?, &spans(wanted)).await;
        let mut sums = Sums::default();
        for effects::Sum { kind, undoable, count } in found.map_err(CommandError::unavailable)? {
            let of = if undoable { &mut sums.undoable } else { &mut sums.lasting };
            of.insert(kind, count);
        }
        Ok(sums)
    }
}

fn spans(spans: &[Span]) -> Vec<effects::Span> {
    let span = |it: &Span| effects::Span {
        behavior: it.behavior.as_ref().map(ToString::to_string),
        from: it.from,
        before: it.before,
    };
    spans.iter().map(span).collect()
}

fn effect(it: effects::Effect) -> Option<Effect> {
    let (why_not, row) = (it.why_not(), it.action);
    let undo = row.undo();
    let caller = row.owner.strip_prefix("discord:").and_then(|id| id.parse().ok());
    let (channel, user) = match &undo {
        Some(Undo::DeleteMessage { channel, .. }) => (Some(*channel), caller),
        Some(
            Undo::AddRole { user, .. }
            | Undo::DeleteDirectMessage { user, .. }
            | Undo::RemoveRole { user, .. },
        ) => (None, Some(*user)),
        Some(Undo::RemoveReaction { .. }) | None => {
            (row.channel_id.map(|id| ChannelId(id.cast_unsigned())), caller)
        }
    };
    let user: Option<DiscordUserId> = user;
    let nothing = || "nothing takes it back".to_owned();
    Some(Effect {
        behavior: row.behavior.parse().ok()?,
        call: row.call_id,
        action: u32::try_from(row.place).ok()?,
        at: row.settled_at?.0,
        channel,
        user,
        outside_id: row.outside_id.filter(|id| !id.is_empty()),
        trouble: row.reason.filter(|_| row.outcome.as_deref() == Some("delivered")),
        undo: why_not.map_or_else(|| undo.ok_or_else(nothing), Err),
        kind: row.kind,
    })
}
