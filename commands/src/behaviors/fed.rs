//! A recorded event as a rehearsal feeds it to behaviors: what calls them when it happens, of
//! whatever source, and the slash commands that were used.

use domain::discord::{ChannelEvent, happened_at};
use domain::kernel::{ChannelId, DiscordUserId, Event, GuildId, MessageId, Person, Recorded};
use serde_json::{Map, Value};

use super::occasion::somebody;
use super::{Head, Match, OptionKind, Registry, Seen};
use crate::ports::{Line, Occasion, User};

/// See the module.
pub(crate) struct Fed {
    what: What,
    /// What was said, in words.
    said: String,
}

enum What {
    Command { name: String, options: Map<String, Value>, occasion: Occasion },
    Seen(Seen),
}

/// Whether events of this type say something to behaviors, as far as the type tells.
pub(crate) fn says_something(kind: &str) -> bool {
    matches!(
        kind,
        "channel.interaction_received"
            | "channel.message_created"
            | "channel.message_deleted"
            | "channel.message_edited"
            | "channel.reaction_added"
            | "channel.reaction_removed"
            | "guild.member_joined"
            | "guild.member_left"
    )
}

impl Fed {
    /// None when the event says nothing to behaviors, or nobody can read any more what it says.
    pub(crate) fn of(recorded: &Recorded) -> Option<Self> {
        if let Event::Channel(channel, event) = &recorded.event
            && let ChannelEvent::InteractionReceived { id, user, guild, command, .. } = event
        {
            return Self::of_command(recorded, event, (*channel, *guild), (*id, *user), command);
        }
        let seen = Seen::at_any_time(recorded)?;
        let of = &seen.occasion;
        let name = || of.user.as_ref().map(|it| it.name.clone()).unwrap_or_default();
        let said = match (of.text.as_str(), of.emoji.as_str()) {
            ("", "") => name(),
            ("", emoji) => emoji.to_owned(),
            (text, _) => text.to_owned(),
        };
        Some(Self { what: What::Seen(seen), said })
    }

    fn of_command(
        recorded: &Recorded,
        event: &ChannelEvent,
        (channel, guild): (ChannelId, Option<GuildId>),
        (id, user): (MessageId, DiscordUserId),
        name: &str,
    ) -> Option<Self> {
        let ChannelEvent::InteractionReceived { user_name, options, .. } = event else {
            return None;
        };
        let options = options.clear()?.as_object().cloned().unwrap_or_default();
        let at = happened_at(id);
        let took = (recorded.recorded_at - at).num_milliseconds();
        let occasion = Occasion {
            at,
            guild,
            channel: Some(channel),
            user: Some(User { name: user_name.shown().to_owned(), ..somebody(user) }),
            latency_ms: u64::try_from(took).unwrap_or_default(),
            seed: id.0,
            ..Occasion::default()
        };
        let said = options.iter().map(|(name, value)| match value {
            Value::String(text) => format!(" {name}: {text}"),
            other => format!(" {name}: {other}"),
        });
        let said = format!("/{name}{}", said.collect::<String>());
        Some(Self { what: What::Command { name: name.to_owned(), options, occasion }, said })
    }

    /// The same where it is known on which server it was, which some events do not tell.
    pub(crate) fn on(mut self, guild: Option<GuildId>) -> Self {
        if let What::Seen(seen) = &mut self.what
            && seen.of_unknown_server().is_some()
        {
            seen.occasion.guild = guild;
        }
        self
    }

    /// Who did it, where that may have been a bot: what bots do so calls nothing.
    pub(crate) fn perhaps_of_a_bot(&self) -> Option<DiscordUserId> {
        match &self.what {
            What::Command { .. } => None,
            What::Seen(seen) => seen.perhaps_of_a_bot(),
        }
    }

    pub(crate) fn occasion(&self) -> &Occasion {
        match &self.what {
            What::Command { occasion, .. } => occasion,
            What::Seen(seen) => &seen.occasion,
        }
    }

    /// What was said, or put under a message, or who came.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Whose data it is about.
    pub(crate) fn person(&self) -> Person {
        let user = self.occasion().user.as_ref();
        user.map_or_else(Person::operator, |it| Person::discord(it.id))
    }

    /// The behaviors that it calls.
    pub(crate) fn matches(&self, registry: &Registry) -> Vec<Match> {
        match &self.what {
            What::Command { name, .. } => {
                let live = registry.command(name).cloned();
                let found = live.map(|live| Match { live, what: "command", args: String::new() });
                found.into_iter().collect()
            }
            What::Seen(seen) => seen.matches(registry),
        }
    }

    /// Turns what the last behavior was told into what this one is told, whom it calls.
    pub(crate) fn tell(&self, told: &mut Occasion, called: &Match, history: Vec<Line>) {
        called.what.clone_into(&mut told.what);
        told.args.clone_from(&called.args);
        told.options = match &self.what {
            What::Command { options, .. } => options_of(&called.live.head, options),
            What::Seen(_) => Map::new(),
        };
        told.history = history;
    }
}

/// Those that the behavior has, with people as scripts see them: by their ids, because the log
/// holds no more of them.
fn options_of(head: &Head, given: &Map<String, Value>) -> Map<String, Value> {
    let known = head.options.iter().filter_map(|option| {
        let value = given.get(&option.name)?;
        let id = value.as_str().and_then(|it| it.parse().ok());
        let value = match (option.kind, id) {
            (OptionKind::User, Some(id)) => somebody(id).seen(),
            _ => value.clone(),
        };
        Some((option.name.clone(), value))
    });
    known.collect()
}
