//! What an event of the log looks like to behaviors.

use chrono::{DateTime, TimeDelta, Utc};
use domain::discord::{ChannelEvent, GuildEvent, Message, happened_at};
use domain::kernel::{ChannelId, DiscordUserId, Event, GuildId, Personal, Recorded, Source};

use super::{Happening, Match, Registry};
use crate::ports::{Occasion, User};

/// How long after somebody joined it is news; a list of members tells of older ones.
const NEWS: TimeDelta = TimeDelta::minutes(5);

/// What happened, and what is told of it.
pub struct Seen {
    happening: Happening,
    to_bot: bool,
    pub occasion: Occasion,
}

impl Seen {
    /// What a live event says to behaviors; none when it says nothing to them, as what an import
    /// brings, or what bots write.
    pub fn of(recorded: &Recorded) -> Option<Self> {
        if recorded.source == Source::Discord { Self::at_any_time(recorded) } else { None }
    }

    /// The same for events of any source, as a rehearsal sees them.
    pub fn at_any_time(recorded: &Recorded) -> Option<Self> {
        let base = Occasion {
            at: recorded.occurred_at,
            seed: recorded.id.as_u64_pair().1,
            ..Occasion::default()
        };
        match &recorded.event {
            Event::Channel(channel, event) => {
                let base = Occasion { channel: Some(*channel), ..base };
                of_channel(event, base, recorded)
            }
            Event::Guild(guild, event) => of_guild(*guild, event, base, recorded.recorded_at),
            _ => None,
        }
    }

    /// Who did it; none where nobody is known.
    pub fn user(&self) -> Option<DiscordUserId> {
        self.occasion.user.as_ref().map(|it| it.id)
    }

    /// Who did it, where the event does not say whether that was a bot: of a message it does.
    pub(super) fn user_perhaps_a_bot(&self) -> Option<DiscordUserId> {
        self.user().filter(|_| self.happening != Happening::MessageCreated)
    }

    /// Who edited or reacted: what bots do so calls nothing, but such an event does not say who is
    /// one.
    pub(super) fn perhaps_of_a_bot(&self) -> Option<DiscordUserId> {
        let by_anybody = matches!(
            self.happening,
            Happening::MessageEdited | Happening::ReactionAdded | Happening::ReactionRemoved
        );
        self.user().filter(|_| by_anybody)
    }

    /// The channel whose server the event does not tell. A message tells it: one without is direct.
    pub(super) fn of_unknown_server(&self) -> Option<ChannelId> {
        let tells = self.happening == Happening::MessageCreated || self.occasion.guild.is_some();
        self.occasion.channel.filter(|_| !tells)
    }

    /// The behaviors that it calls.
    pub fn matches(&self, registry: &Registry) -> Vec<Match> {
        match self.happening {
            Happening::MessageCreated => registry.on_message(&self.occasion.text, self.to_bot),
            happening => registry.on(happening),
        }
    }
}

fn of_channel(event: &ChannelEvent, base: Occasion, recorded: &Recorded) -> Option<Seen> {
    let seen = |happening, occasion| Some(Seen { happening, to_bot: false, occasion });
    match event {
        ChannelEvent::MessageCreated(message) if !message.bot => {
            let occasion = of_message(message, base, recorded.recorded_at)?;
            Some(Seen { happening: Happening::MessageCreated, to_bot: message.to_bot, occasion })
        }
        ChannelEvent::MessageEdited { id, content, .. } => {
            let (user, text) = (user_of(content), content.clear()?.clone());
            let occasion = Occasion { message: Some(*id), text, user, ..base };
            seen(Happening::MessageEdited, occasion)
        }
        ChannelEvent::MessageDeleted { id } => {
            seen(Happening::MessageDeleted, Occasion { message: Some(*id), ..base })
        }
        ChannelEvent::ReactionAdded { message, user, emoji } => {
            seen(Happening::ReactionAdded, reacted(base, *message, *user, emoji))
        }
        ChannelEvent::ReactionRemoved { message, user, emoji } => {
            seen(Happening::ReactionRemoved, reacted(base, *message, *user, emoji))
        }
        ChannelEvent::MessageCreated(_)
        | ChannelEvent::CaughtUp { .. }
        | ChannelEvent::InteractionAnswered { .. }
        | ChannelEvent::InteractionReceived { .. } => None,
    }
}

fn of_message(message: &Message, base: Occasion, recorded: DateTime<Utc>) -> Option<Occasion> {
    let took = recorded - happened_at(message.id);
    Some(Occasion {
        guild: message.guild,
        user: Some(User {
            name: message.author_name.shown().to_owned(),
            ..somebody(message.author)
        }),
        message: Some(message.id),
        reply_to: message.reply_to,
        text: message.content.clear()?.clone(),
        latency_ms: u64::try_from(took.num_milliseconds()).unwrap_or_default(),
        ..base
    })
}

fn reacted(
    base: Occasion,
    message: domain::kernel::MessageId,
    user: DiscordUserId,
    emoji: &str,
) -> Occasion {
    let user = Some(somebody(user));
    Occasion { message: Some(message), user, emoji: emoji.to_owned(), ..base }
}

fn of_guild(
    guild: GuildId,
    event: &GuildEvent,
    base: Occasion,
    recorded: DateTime<Utc>,
) -> Option<Seen> {
    let base = Occasion { guild: Some(guild), ..base };
    let (happening, user) = match event {
        GuildEvent::MemberJoined { user, name, joined_at } if recorded - joined_at < NEWS => {
            let joined_at = Some(*joined_at);
            let name = name.clear()?.clone();
            (Happening::MemberJoined, User { name, joined_at, ..somebody(*user) })
        }
        GuildEvent::MemberLeft { user } => (Happening::MemberLeft, somebody(*user)),
        GuildEvent::MemberJoined { .. }
        | GuildEvent::ChannelDeleted { .. }
        | GuildEvent::ChannelObserved(_)
        | GuildEvent::Left
        | GuildEvent::MemberUpdated { .. }
        | GuildEvent::Observed { .. } => return None,
    };
    let occasion = Occasion { user: Some(user), ..base };
    Some(Seen { happening, to_bot: false, occasion })
}

/// Somebody of whom nothing but the id is known.
pub(super) fn somebody(id: DiscordUserId) -> User {
    User { id, name: String::new(), bot: false, roles: Vec::new(), joined_at: None }
}

fn user_of(content: &Personal<String>) -> Option<User> {
    let id = content.person().as_str().strip_prefix("discord:")?.parse().ok()?;
    Some(somebody(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_does_not_tell_is_looked_up() {
        let seen = |happening, guild| {
            let (channel, user) = (Some(ChannelId(3)), Some(somebody(DiscordUserId(7))));
            let occasion = Occasion { guild, channel, user, ..Occasion::default() };
            Seen { happening, to_bot: false, occasion }
        };
        let reacted = seen(Happening::ReactionAdded, None);
        assert_eq!(reacted.of_unknown_server(), Some(ChannelId(3)));
        assert_eq!(reacted.perhaps_of_a_bot(), Some(DiscordUserId(7)));
        // It was said in a direct conversation, and says whether a bot wrote it.
        let said = seen(Happening::MessageCreated, None);
        assert_eq!((said.of_unknown_server(), said.perhaps_of_a_bot()), (None, None));
        let joined = seen(Happening::MemberJoined, Some(GuildId(1)));
        assert_eq!((joined.of_unknown_server(), joined.perhaps_of_a_bot()), (None, None));
    }
}
