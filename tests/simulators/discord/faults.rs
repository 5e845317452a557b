//! What can go wrong between the bot and Discord, on demand.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};

use super::dispatches::Dispatch;

/// Answers that are plausible and that serenity cannot parse, or that never arrive. Each is
/// given once, to the first request or event that it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// A send is done, but the connection breaks before the answer.
    AnswerLost,
    /// Registered commands come back without ids.
    CommandsWithoutIds,
    /// A guild comes without its stages.
    GuildWithoutStages,
    /// An interaction comes without the language of the one who asked.
    InteractionWithoutLocale,
    /// A member comes with his roles spelled out, not named by id.
    MemberRolesSpelledOut,
    /// The list of members leaves out who they are.
    MembersWithoutUsers,
    /// A member has changed, but not since when he is one.
    MemberUpdateWithoutJoinTime,
    /// The news of a message leaves out whom it mentions.
    MessageEventWithoutMentions,
    /// A message is created, and answered without its list of mentions and its author's name.
    MessageWithoutMentions,
    /// A message has null where lists and a text must stand.
    NullContent,
    /// A message's author has numbers written as text.
    NumbersAsText,
    /// A reaction comes without saying whether it is a burst.
    ReactionWithoutBurst,
    /// The connection breaks before the request is heard.
    RequestLost,
    /// Discord answers 500 and does nothing.
    ServerError,
}

/// Where in a request a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
}

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    Cut,
    Deform(Hostile),
    ServerError,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The gateway hears and says nothing, and keeps its connections.
    pub(super) frozen: bool,
    pub(super) outage: bool,
    limited: usize,
    retry_after: Duration,
    hostile: VecDeque<Hostile>,
}

impl Faults {
    pub(super) fn arm(&mut self, hostile: Hostile) {
        self.hostile.push_back(hostile);
    }

    pub(super) fn limit(&mut self, requests: usize, retry_after: Duration) {
        (self.limited, self.retry_after) = (requests, retry_after);
    }

    /// How long this request has to wait, if it is one of those refused.
    pub(super) fn limited(&mut self) -> Option<Duration> {
        self.limited = self.limited.checked_sub(1)?;
        Some(self.retry_after)
    }

    /// The fault that strikes this request now, if one does.
    pub(super) fn strike(&mut self, moment: Moment, method: &str, route: &str) -> Option<Strike> {
        let struck = |fault: &Hostile| fault.moment() == Some(moment) && fault.fits(method, route);
        let place = self.hostile.iter().position(struck)?;
        let fault = self.hostile.remove(place)?;
        Some(match fault {
            Hostile::AnswerLost | Hostile::RequestLost => Strike::Cut,
            Hostile::ServerError => Strike::ServerError,
            other => Strike::Deform(other),
        })
    }

    pub(super) fn deform_dispatch(&mut self, dispatch: &mut Dispatch) {
        let struck = |fault: &Hostile| match fault {
            Hostile::GuildWithoutStages => dispatch.name == "GUILD_CREATE",
            Hostile::InteractionWithoutLocale => dispatch.name == "INTERACTION_CREATE",
            Hostile::MemberUpdateWithoutJoinTime => dispatch.name == "GUILD_MEMBER_UPDATE",
            Hostile::MessageEventWithoutMentions => dispatch.name == "MESSAGE_CREATE",
            Hostile::ReactionWithoutBurst => dispatch.name.starts_with("MESSAGE_REACTION"),
            _ => false,
        };
        let place = self.hostile.iter().position(struck);
        if let Some(fault) = place.and_then(|place| self.hostile.remove(place)) {
            fault.deform(&mut dispatch.data);
        }
    }
}

impl Hostile {
    /// Before the request is heard or after it is done; none for what strikes events.
    fn moment(self) -> Option<Moment> {
        match self {
            Self::RequestLost | Self::ServerError => Some(Moment::Before),
            Self::GuildWithoutStages
            | Self::InteractionWithoutLocale
            | Self::MemberUpdateWithoutJoinTime
            | Self::MessageEventWithoutMentions
            | Self::ReactionWithoutBurst => None,
            _ => Some(Moment::After),
        }
    }

    fn fits(self, method: &str, route: &str) -> bool {
        let message = route.starts_with("/channels/{channel_id}/messages");
        let send = message || route.starts_with("/webhooks/") || route.ends_with("/callback");
        match self {
            Self::AnswerLost | Self::RequestLost | Self::ServerError => method != "GET" && send,
            Self::CommandsWithoutIds => method == "PUT" && route.ends_with("/commands"),
            Self::MemberRolesSpelledOut => route == "/guilds/{guild_id}/members/{user_id}",
            Self::MembersWithoutUsers => route == "/guilds/{guild_id}/members",
            Self::MessageWithoutMentions | Self::NullContent | Self::NumbersAsText => {
                method == "POST" && route == "/channels/{channel_id}/messages"
            }
            _ => false,
        }
    }

    /// Make of a good answer the hostile one.
    pub(super) fn deform(self, answer: &mut Value) {
        match self {
            Self::CommandsWithoutIds => each(answer, |command| remove(command, "id")),
            Self::GuildWithoutStages => remove(answer, "stage_instances"),
            Self::InteractionWithoutLocale => remove(answer, "locale"),
            Self::MemberRolesSpelledOut => each(&mut answer["roles"], |role| {
                *role = json!({ "id": role.take(), "name": "spelled out" });
            }),
            Self::MemberUpdateWithoutJoinTime => remove(answer, "joined_at"),
            Self::MembersWithoutUsers => each(answer, |member| {
                remove(member, "user");
                remove(member, "roles");
            }),
            Self::MessageEventWithoutMentions => remove(answer, "mentions"),
            Self::MessageWithoutMentions => {
                remove(answer, "mentions");
                remove(&mut answer["author"], "username");
            }
            Self::NullContent => {
                for key in ["components", "content", "embeds"] {
                    answer[key] = Value::Null;
                }
            }
            Self::NumbersAsText => answer["author"]["public_flags"] = json!("0"),
            Self::ReactionWithoutBurst => remove(answer, "burst"),
            Self::AnswerLost | Self::RequestLost | Self::ServerError => {}
        }
    }
}

fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

fn remove(object: &mut Value, key: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(key);
    }
}
