//! Where in the log things stand that people ask about, from the live read models.

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Earlier, EventPlace, Made, Settled, Spotted, Traces};
use domain::kernel::{
    Actor, ActorKind, BehaviorId, DiscordUserId, EditId, GuildId, MessageId, Outcome, StreamId,
};
use projections::Slice;
use projections::analytics::commands as uses;
use projections::audit::trail;
use projections::behaviors::{actions, calls};
use projections::conversation::messages as said;
use projections::discord::messages;
use projections::identity::actors;
use projections::self_editing::{edits, files, revisions};
use uuid::Uuid;

use crate::surroundings::Views;

/// How many earlier calls, and later events, are looked at.
const A_FEW: u64 = 50;

#[async_trait]
impl Traces for Views {
    async fn message(&self, id: MessageId) -> Result<Option<Spotted>, CommandError> {
        let found = messages::find(&self.db()?, id.0).await.map_err(CommandError::unavailable)?;
        Ok(found.map(|it| Spotted {
            position: it.position.cast_unsigned(),
            author: DiscordUserId(it.author_id.cast_unsigned()),
            bot: it.bot,
            reply_to: it.reply_to.map(|id| MessageId(id.cast_unsigned())),
        }))
    }

    async fn interaction(&self, id: MessageId) -> Result<Option<u64>, CommandError> {
        let found = uses::find(&self.db()?, id.0).await.map_err(CommandError::unavailable)?;
        Ok(found.map(|it| it.position.cast_unsigned()))
    }

    async fn calls(&self, id: &str) -> Result<Vec<EventPlace>, CommandError> {
        let found = calls::named(&self.db()?, id).await.map_err(CommandError::unavailable)?;
        Ok(found.iter().map(|it| place(it.position, it.idx)).collect())
    }

    async fn call_that_wrote(&self, message: MessageId) -> Result<Option<Uuid>, CommandError> {
        let found = actions::that_wrote(&self.db()?, &message.to_string()).await;
        Ok(found.map_err(CommandError::unavailable)?.map(|it| it.call_id))
    }

    async fn outcomes(&self, call: Uuid) -> Result<Vec<Settled>, CommandError> {
        let found = actions::of(&self.db()?, call).await.map_err(CommandError::unavailable)?;
        Ok(found.into_iter().filter_map(settled).collect())
    }

    async fn calls_before(
        &self,
        behavior: &BehaviorId,
        position: u64,
    ) -> Result<Vec<Earlier>, CommandError> {
        let name = behavior.to_string();
        let found = calls::before(&self.db()?, &name, position, A_FEW).await;
        let found = found.map_err(CommandError::unavailable)?.into_iter();
        Ok(found
            .map(|it| Earlier {
                at: it.at.0,
                user: it.user_id.map(|id| DiscordUserId(id.cast_unsigned())),
                guild: it.guild_id.map(|id| GuildId(id.cast_unsigned())),
                held: it.hold.and_then(|it| it.parse().ok()),
            })
            .collect())
    }

    async fn last_failure(
        &self,
        behavior: &BehaviorId,
    ) -> Result<Option<EventPlace>, CommandError> {
        let filter = calls::Filter {
            behavior: Some(behavior.to_string()),
            status: Some("failed".to_owned()),
        };
        let found = calls::list(&self.db()?, &filter, Slice { limit: 1, offset: 0 }).await;
        let found = found.map_err(CommandError::unavailable)?.items;
        Ok(found.first().map(|it| place(it.position, it.idx)))
    }

    async fn answers(&self, id: Uuid) -> Result<Vec<EventPlace>, CommandError> {
        let found = said::answers(&self.db()?, id).await.map_err(CommandError::unavailable)?;
        Ok(found.iter().map(|it| place(it.position, it.idx)).collect())
    }

    async fn later(
        &self,
        stream: &StreamId,
        kind: &str,
        after: u64,
    ) -> Result<Vec<EventPlace>, CommandError> {
        let found = trail::later(&self.db()?, stream.id(), kind, after, A_FEW).await;
        found.map_err(CommandError::unavailable)
    }

    async fn made(&self, path: &str, revision: u64) -> Result<Option<Made>, CommandError> {
        let db = self.db()?;
        let Some(revision) =
            files::changed_at(&db, path, revision).await.map_err(CommandError::unavailable)?
        else {
            return Ok(None);
        };
        let row = revisions::newest(&db, revisions::At::Revision(revision)).await;
        let Some(row) = row.map_err(CommandError::unavailable)? else { return Ok(None) };
        let edit =
            edits::find(&db, EditId(row.edit_id)).await.map_err(CommandError::unavailable)?;
        let (kind, id, description) = match edit {
            Some(edit) => (edit.author_kind, edit.author_id, edit.description),
            None => (row.by_kind, row.by_id, String::new()),
        };
        let kind = kind.parse().unwrap_or(ActorKind::System);
        let author = Actor { kind, id };
        let author_name =
            actors::names(&db, [&author]).await.map_err(CommandError::unavailable)?.remove(&author);
        Ok(Some(Made {
            revision,
            edit: EditId(row.edit_id),
            kind: row.kind,
            author,
            author_name,
            description,
            applied_at: row.recorded_at.0,
            rolls_back: row.rolls_back.map(EditId),
        }))
    }
}

fn place(position: i64, idx: i64) -> EventPlace {
    (position.cast_unsigned(), u32::try_from(idx).unwrap_or_default())
}

fn settled(it: actions::Model) -> Option<Settled> {
    let outside_id = it.outside_id.unwrap_or_default();
    let reason = it.reason.clone().unwrap_or_default();
    let (outcome, trouble) = match it.outcome?.as_str() {
        "delivered" => (Outcome::Delivered { outside_id }, it.reason),
        "failed" => (Outcome::Failed { reason }, None),
        _ => (Outcome::Unknown { reason }, None),
    };
    let action = u32::try_from(it.place).ok()?;
    Some(Settled { action, outcome, trouble, at: it.settled_at.map(|at| at.0) })
}
