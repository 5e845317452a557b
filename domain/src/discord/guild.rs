//! A guild is the stream of who and what was seen in one Discord server.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::{ChannelId, DiscordUserId, Ground, Personal, Rejection, aggregate};

/// What is known of a server: enough to record each fact once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Guild {
    present: bool,
    name: String,
    channels: BTreeMap<u64, ChannelFact>,
    #[serde(default)]
    deleted: BTreeSet<u64>,
    /// Members, and when each joined (milliseconds since 1970).
    members: BTreeMap<u64, i64>,
    /// A fingerprint of each member's name and roles.
    #[serde(default)]
    looks: BTreeMap<u64, u64>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum GuildCommand {
    /// Record what an export says. It may be old: only what was never heard of before is news.
    Import { facts: Vec<GuildEvent> },
    /// Record what was seen.
    Observe { facts: Vec<GuildEvent> },
}

/// What has happened in it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GuildEvent {
    ChannelDeleted {
        id: ChannelId,
    },
    /// A channel was seen for the first time, or changed.
    ChannelObserved(ChannelFact),
    /// The bot is no longer in the server.
    Left,
    MemberJoined {
        user: DiscordUserId,
        name: Personal<String>,
        joined_at: DateTime<Utc>,
    },
    MemberLeft {
        user: DiscordUserId,
    },
    MemberUpdated {
        user: DiscordUserId,
        name: Personal<String>,
        roles: Vec<String>,
    },
    /// The bot is in the server; recorded again when the name changes. Without a single member it
    /// is an import's, which cannot know whether the bot is there.
    Observed {
        name: String,
        member_count: u64,
    },
}

/// What a channel is called and what kind it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFact {
    pub id: ChannelId,
    pub name: String,
    /// `text`, `voice`, `thread` …
    pub kind: String,
}

/// There is nothing it refuses: what was seen was seen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuildError {}

impl Rejection for GuildError {
    fn ground(&self) -> Ground {
        match *self {}
    }
}

impl GuildEvent {
    /// When it happened, as far as Discord says.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::MemberJoined { joined_at, .. } => Some(*joined_at),
            Self::ChannelDeleted { .. }
            | Self::ChannelObserved(_)
            | Self::Left
            | Self::MemberLeft { .. }
            | Self::MemberUpdated { .. }
            | Self::Observed { .. } => None,
        }
    }
}

impl Guild {
    /// Who is a member, as far as it was seen.
    pub fn members(&self) -> impl Iterator<Item = DiscordUserId> {
        self.members.keys().copied().map(DiscordUserId)
    }

    /// Each fact once, whoever brings it again.
    fn decide(&self, command: GuildCommand) -> Result<Vec<GuildEvent>, GuildError> {
        let (facts, import) = match command {
            GuildCommand::Import { facts } => (facts, true),
            GuildCommand::Observe { facts } => (facts, false),
        };
        // Of all that is known, what these facts are about: a server is large and they are few.
        let mut after = self.about(&facts);
        let news = facts.into_iter().filter(|fact| {
            let new = after.is_new(fact) && !(import && after.has_heard_of(fact));
            if new {
                after.evolve(fact);
            }
            new
        });
        Ok(news.collect())
    }

    /// Only what bears on these facts.
    fn about(&self, facts: &[GuildEvent]) -> Self {
        use GuildEvent as Did;
        let (present, name) = (self.present, self.name.clone());
        let mut about = Self { present, name, ..Self::default() };
        for fact in facts {
            match fact {
                Did::ChannelDeleted { id } | Did::ChannelObserved(ChannelFact { id, .. }) => {
                    about.channels.extend(self.channels.get(&id.0).map(|it| (id.0, it.clone())));
                    about.deleted.extend(self.deleted.get(&id.0));
                }
                Did::MemberJoined { user, .. }
                | Did::MemberLeft { user }
                | Did::MemberUpdated { user, .. } => {
                    about.members.extend(self.members.get(&user.0).map(|it| (user.0, *it)));
                    about.looks.extend(self.looks.get(&user.0).map(|it| (user.0, *it)));
                }
                Did::Left | Did::Observed { .. } => {}
            }
        }
        about
    }

    fn is_new(&self, fact: &GuildEvent) -> bool {
        use GuildEvent as Did;
        match fact {
            Did::ChannelDeleted { id } => self.channels.contains_key(&id.0),
            Did::ChannelObserved(channel) => self.channels.get(&channel.id.0) != Some(channel),
            Did::Left => self.present,
            Did::MemberJoined { user, joined_at, .. } => {
                self.members.get(&user.0) != Some(&joined_at.timestamp_millis())
            }
            Did::MemberLeft { user } => self.members.contains_key(&user.0),
            Did::MemberUpdated { user, name, roles } => {
                self.looks.get(&user.0) != Some(&looks(name, roles))
            }
            Did::Observed { name, .. } => !self.present || self.name != *name,
        }
    }

    /// Whether anything was ever said about what this is about.
    fn has_heard_of(&self, fact: &GuildEvent) -> bool {
        use GuildEvent as Did;
        match fact {
            Did::ChannelDeleted { id } | Did::ChannelObserved(ChannelFact { id, .. }) => {
                self.channels.contains_key(&id.0) || self.deleted.contains(&id.0)
            }
            Did::MemberJoined { user, .. }
            | Did::MemberLeft { user }
            | Did::MemberUpdated { user, .. } => self.members.contains_key(&user.0),
            Did::Left | Did::Observed { .. } => self.present || !self.name.is_empty(),
        }
    }

    fn evolve(&mut self, event: &GuildEvent) {
        use GuildEvent as Did;
        match event {
            Did::ChannelDeleted { id } => {
                self.channels.remove(&id.0);
                self.deleted.insert(id.0);
            }
            Did::ChannelObserved(channel) => {
                self.channels.insert(channel.id.0, channel.clone());
            }
            Did::Left => self.present = false,
            Did::MemberJoined { user, joined_at, .. } => {
                self.members.insert(user.0, joined_at.timestamp_millis());
                self.looks.remove(&user.0);
            }
            Did::MemberLeft { user } => {
                self.members.remove(&user.0);
                self.looks.remove(&user.0);
            }
            Did::MemberUpdated { user, name, roles } => {
                self.looks.insert(user.0, looks(name, roles));
            }
            Did::Observed { name, member_count } => {
                self.present |= *member_count > 0;
                self.name.clone_from(name);
            }
        }
    }
}

/// A fingerprint of what is kept of a member; Discord tells of other changes as well.
fn looks(name: &Personal<String>, roles: &[String]) -> u64 {
    let mut hash = blake3::Hasher::new();
    for text in roles.iter().map(String::as_str).chain([name.shown()]) {
        hash.update(text.as_bytes()).update(&[0]);
    }
    let mut first = [0; 8];
    hash.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first)
}

aggregate!(Guild: "guild", GuildCommand -> GuildEvent | GuildError);

#[cfg(test)]
mod tests {
    use super::{GuildCommand as Do, GuildEvent as Did, *};
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    #[test]
    fn a_server_seen_at_every_start_is_recorded_once() {
        given::<Guild>([home("Home"), joined()])
            .when(Do::Observe { facts: vec![home("Home"), joined()] })
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_new_name_is_news() {
        given::<Guild>([home("Home")])
            .when(Do::Observe { facts: vec![home("House")] })
            .then_expect_events(vec![home("House")]);
    }

    #[test]
    fn who_comes_back_joins_again() {
        given::<Guild>([joined(), Did::MemberLeft { user: DiscordUserId(7) }])
            .when(Do::Observe { facts: vec![joined()] })
            .then_expect_events(vec![joined()]);
    }

    #[test]
    fn an_import_says_nothing_about_what_is_known_or_gone() {
        let channel = |name: &str| {
            let (id, name, kind) = (ChannelId(5), name.to_owned(), "text".to_owned());
            Did::ChannelObserved(ChannelFact { id, name, kind })
        };
        let exported = Did::Observed { name: "Old".into(), member_count: 0 };
        given::<Guild>([home("Home"), channel("lounge"), Did::ChannelDeleted { id: ChannelId(5) }])
            .when(Do::Import { facts: vec![exported, channel("hall")] })
            .then_expect_events(vec![]);
    }

    #[test]
    fn the_bot_is_seen_in_a_server_that_an_import_named() {
        given::<Guild>([Did::Observed { name: "Home".into(), member_count: 0 }])
            .when(Do::Observe { facts: vec![home("Home")] })
            .then_expect_events(vec![home("Home")]);
    }

    #[test]
    fn a_change_of_what_is_not_kept_is_no_news() {
        let updated = |roles: &[&str]| Did::MemberUpdated {
            user: DiscordUserId(7),
            name: Personal::of(Person::discord(7), "Ana".into()),
            roles: roles.iter().map(|it| (*it).to_owned()).collect(),
        };
        given::<Guild>([joined(), updated(&["1"])])
            .when(Do::Observe { facts: vec![updated(&["1"]), updated(&["2"]), updated(&["2"])] })
            .then_expect_events(vec![updated(&["2"])]);
    }

    fn home(name: &str) -> Did {
        Did::Observed { name: name.into(), member_count: 3 }
    }

    fn joined() -> Did {
        let name = Personal::of(Person::discord(7), "Ana".into());
        Did::MemberJoined { user: DiscordUserId(7), name, joined_at: DateTime::UNIX_EPOCH }
    }
}
