//! What behaviors may see beside the event that calls them, from the live read models.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::{Due, Line, RecentFault, RecentFaults, Surroundings, User};
use domain::behaviors::{Action, Reminder};
use domain::kernel::{ChannelId, DiscordUserId, ERASED, GuildId, MessageId, Person, Personal};
use projections::behaviors::{actions, bots, calls};
use projections::discord::activity::{Activity, activity};
use projections::discord::{channels, guilds, members, messages};
use projections::{DatabaseConnection, Generations, Slice};
use serde_json::{Map, Value, json};

/// How long a behavior waits for the read models.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many of the newest failures are looked at.
const FAULTS: u64 = 100;

/// See the module. The read models come later than whoever asks them.
#[derive(Clone, Default)]
pub struct Views(Arc<OnceLock<Generations>>);

impl Views {
    /// From now on they can be asked.
    pub fn are(&self, generations: &Generations) {
        // A process opens its read models once.
        let _ = self.0.set(generations.clone());
    }

    /// Waits until they hold what stands up to this position, and says whether they do.
    pub(crate) async fn wait_for(&self, position: u64, patience: Duration) -> bool {
        match self.0.get() {
            Some(generations) => generations.wait_for(position, patience).await,
            None => false,
        }
    }

    pub(crate) fn db(&self) -> Result<DatabaseConnection, CommandError> {
        let live = self.0.get().and_then(Generations::live);
        let live = live.ok_or_else(|| CommandError::unavailable("there are no read models yet"))?;
        Ok(live.db().clone())
    }
}

#[async_trait]
impl Surroundings for Views {
    fn are_there(&self) -> bool {
        self.db().is_ok()
    }

    async fn reach(&self, position: u64) {
        // What is late is looked at as it is.
        self.wait_for(position, PATIENCE).await;
    }

    async fn history(
        &self,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Line>, CommandError> {
        let before = before.map(|it| it.0);
        let found = messages::before(&self.db()?, channel.0, before, limit.into()).await;
        let found = found.map_err(CommandError::unavailable)?;
        Ok(found.into_iter().filter_map(line).collect())
    }

    async fn member(
        &self,
        guild: GuildId,
        user: DiscordUserId,
    ) -> Result<Option<User>, CommandError> {
        let found = members::find(&self.db()?, guild.0, user.0).await;
        let found = found.map_err(CommandError::unavailable)?;
        Ok(found.filter(|it| it.left_at.is_none()).map(|it| User {
            id: user,
            name: it.name.unwrap_or_default(),
            bot: false,
            roles: serde_json::from_str(&it.roles).unwrap_or_default(),
            joined_at: it.joined_at.map(|at| at.0),
        }))
    }

    async fn stats(
        &self,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<Map<String, Value>, CommandError> {
        let found = activity(&self.db()?, guild.0, now).await;
        Ok(figures(found.map_err(CommandError::unavailable)?))
    }

    async fn guilds(&self) -> Result<Vec<GuildId>, CommandError> {
        guilds::present(&self.db()?).await.map_err(CommandError::unavailable)
    }

    async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>, CommandError> {
        let found = channels::find(&self.db()?, channel.0).await;
        let found = found.map_err(CommandError::unavailable)?;
        Ok(found.and_then(|it| it.guild_id).map(|id| GuildId(id.cast_unsigned())))
    }

    async fn is_bot(&self, user: DiscordUserId) -> Result<bool, CommandError> {
        bots::is_bot(&self.db()?, user.0).await.map_err(CommandError::unavailable)
    }

    async fn due(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<Due>, CommandError> {
        let found = actions::due(&self.db()?, now, limit).await;
        let found = found.map_err(CommandError::unavailable)?;
        Ok(found.into_iter().filter_map(due).collect())
    }
}

#[async_trait]
impl RecentFaults for Views {
    async fn of(&self, path: &str) -> Result<Vec<RecentFault>, CommandError> {
        let name = path.strip_prefix("behaviors/").and_then(|it| it.strip_suffix(".rhai"));
        let filter = calls::Filter {
            behavior: name.map(ToOwned::to_owned),
            status: Some("failed".to_owned()),
        };
        if filter.behavior.is_none() {
            return Ok(Vec::new());
        }
        let slice = Slice { limit: FAULTS, offset: 0 };
        let found = calls::list(&self.db()?, &filter, slice).await;
        let mut faults: Vec<RecentFault> = Vec::new();
        for call in found.map_err(CommandError::unavailable)?.items {
            let line = call.line.and_then(|line| u32::try_from(line).ok());
            let reason = call.reason.unwrap_or_default();
            match faults.iter_mut().find(|it| it.line == line && it.reason == reason) {
                Some(known) => known.count += 1,
                None => faults.push(RecentFault { at: call.at.0, line, reason, count: 1 }),
            }
        }
        Ok(faults)
    }
}

/// What nobody can read any more is no history.
fn line(it: messages::Model) -> Option<Line> {
    (it.content != ERASED).then(|| Line {
        message: MessageId(it.id.cast_unsigned()),
        user: DiscordUserId(it.author_id.cast_unsigned()),
        name: it.author_name.unwrap_or_default(),
        text: it.content,
        at: it.sent_at.0,
    })
}

fn due(it: actions::Model) -> Option<Due> {
    let Some(Action::Remind { text, .. }) = it.action() else { return None };
    let person: Person = it.owner.parse().ok()?;
    let user = it.owner.strip_prefix("discord:").and_then(|id| id.parse().ok());
    let channel = ChannelId(it.channel_id?.cast_unsigned());
    Some(Due {
        behavior: it.behavior.parse().ok()?,
        call: it.call_id,
        action: u32::try_from(it.place).ok()?,
        reminder: Reminder { channel, user, text: Personal::of(person, text) },
    })
}

/// As scripts see them.
fn figures(it: Activity) -> Map<String, Value> {
    let top = it.top_channels.iter();
    let top = top.map(|(id, count)| json!({ "channel": id.to_string(), "messages": count }));
    let channels: Vec<_> = top.collect();
    let figures = json!({
        "members": it.members,
        "channels": it.channels,
        "messages_today": it.messages_today,
        "messages_7_days": it.messages_7_days,
        "active_users_7_days": it.active_users_7_days,
        "commands_7_days": it.commands_7_days,
        "top_channels": channels,
    });
    match figures {
        Value::Object(figures) => figures,
        _ => Map::new(),
    }
}
