//! What a rehearsed event does not tell itself: on which server it was, and whether a bot did it. The
//! read models know it, as they do when it happens.

use std::collections::HashMap;
use std::sync::Arc;

use domain::discord::ChannelEvent;
use domain::kernel::{ChannelId, DiscordUserId, Event, GuildId, Recorded};

use crate::ports::Surroundings;

/// How many people are remembered; those who come after are asked for again.
const PEOPLE: usize = 10_000;

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) guild: Option<GuildId>,
    pub(super) of_a_bot: bool,
}

/// Asks once for each channel and person.
pub(super) struct Known {
    surroundings: Arc<dyn Surroundings>,
    guilds: HashMap<ChannelId, Option<GuildId>>,
    bots: HashMap<DiscordUserId, bool>,
}

impl Known {
    pub(super) fn new(surroundings: Arc<dyn Surroundings>) -> Self {
        Self { surroundings, guilds: HashMap::new(), bots: HashMap::new() }
    }

    /// What is known beside an event. Where the read models cannot be asked, nothing is: a rehearsal
    /// goes on without them.
    pub(super) async fn beside(&mut self, recorded: &Recorded) -> Beside {
        let Some((channel, user)) = untold(&recorded.event) else { return Beside::default() };
        let guild = match self.guilds.get(&channel) {
            Some(guild) => *guild,
            None => {
                let guild = self.surroundings.guild_of(channel).await.unwrap_or_default();
                *self.guilds.entry(channel).or_insert(guild)
            }
        };
        let of_a_bot = match user {
            Some(user) => self.is_bot(user).await,
            None => false,
        };
        Beside { guild, of_a_bot }
    }

    async fn is_bot(&mut self, user: DiscordUserId) -> bool {
        if let Some(known) = self.bots.get(&user) {
            return *known;
        }
        let is_bot = self.surroundings.is_bot(user).await.unwrap_or_default();
        if self.bots.len() < PEOPLE {
            self.bots.insert(user, is_bot);
        }
        is_bot
    }
}

/// The channel of an event that names no server, and who did it where it does not say whether that
/// was a bot; none for events that tell all of it.
fn untold(event: &Event) -> Option<(ChannelId, Option<DiscordUserId>)> {
    let Event::Channel(channel, event) = event else { return None };
    let user = match event {
        ChannelEvent::MessageDeleted { .. } => None,
        ChannelEvent::MessageEdited { content, .. } => {
            content.person().as_str().strip_prefix("discord:").and_then(|id| id.parse().ok())
        }
        ChannelEvent::ReactionAdded { user, .. } | ChannelEvent::ReactionRemoved { user, .. } => {
            Some(*user)
        }
        ChannelEvent::CaughtUp { .. }
        | ChannelEvent::InteractionAnswered { .. }
        | ChannelEvent::InteractionReceived { .. }
        | ChannelEvent::MessageCreated(_) => return None,
    };
    Some((*channel, user))
}
