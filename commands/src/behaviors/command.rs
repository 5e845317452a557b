//! Slash commands of behaviors: whoever holds the token of the call asks, and answers at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::behaviors::{Action, BehaviorCommand, BehaviorEvent, Call, Effort, Hold, Power};
use domain::kernel::{
    BehaviorId, Cause, ChannelId, DiscordUserId, GuildId, MessageId, Outcome, Personal,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::call::Calling;
use super::occasion::somebody;
use super::perform_actions::SORRY;
use super::{Behaviors, Live, OptionKind};
use crate::CommandError;
use crate::conversation::persona;
use crate::ports::{Asker, Occasion, Prompt, User};

/// How often one run may ask the AI provider.
const AI_CALLS: usize = 3;

/// As many steps of scripts does asking the AI provider count for in a server's minute: with the
/// usual budget that is 20 times.
const AI_OPERATIONS: u64 = 1_000_000;

/// A slash command that somebody used.
#[derive(Debug, Clone)]
pub struct Asked {
    pub name: String,
    pub options: BTreeMap<String, Value>,
    /// What people are called that were named in the options.
    pub names: BTreeMap<DiscordUserId, String>,
    pub interaction: MessageId,
    pub channel: ChannelId,
    pub guild: Option<GuildId>,
    pub user: DiscordUserId,
    pub user_name: String,
    /// When it was used, and how long it took to get here.
    pub at: DateTime<Utc>,
    pub latency_ms: u64,
    /// Where the log holds it.
    pub position: u64,
}

/// What is to be said, by whoever holds the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub behavior: BehaviorId,
    pub call: Uuid,
    pub replies: Vec<Answer>,
}

/// One message, and the action it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// None when nothing is to be settled.
    pub action: Option<u32>,
    pub text: String,
    pub private: bool,
    pub reactions: Vec<String>,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub outcome: Outcome,
    /// The messages after the first one.
    pub also: Vec<MessageId>,
    /// What did not work of what was said.
    pub trouble: Option<String>,
}

impl From<Outcome> for Said {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, also: Vec::new(), trouble: None }
    }
}

impl Behaviors {
    /// Run the slash command that was used; none when no behavior has that name.
    pub async fn command(
        &self,
        cause: &Cause,
        asked: Asked,
    ) -> Result<Option<Answered>, CommandError> {
        let registry = self.registries.at(asked.position).await?;
        let Some(live) = registry.command(&asked.name).cloned() else { return Ok(None) };
        self.surroundings.reach(asked.position.saturating_sub(1)).await;
        let call = Call {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, asked.interaction.to_string().as_bytes()),
            revision: registry.revision(),
            what: "command".to_owned(),
            position: Some(asked.position),
            at_ms: asked.at.timestamp_millis(),
            guild: asked.guild,
            channel: Some(asked.channel),
            user: Some(asked.user),
            message: None,
            interaction: Some(asked.interaction),
        };
        let full = !self.has_left(&call);
        let occasion = self.occasion_of(&live, asked).await?;
        let (behavior, id) = (live.id.clone(), call.id);
        let calling = Calling { live: Arc::clone(&live), occasion, call: call.clone() };
        let recorded = self.run(cause, &registry, vec![calling]).await?;
        let events = recorded.into_iter().flat_map(|it| it.events).collect::<Vec<_>>();
        let replies = match events.into_iter().next() {
            Some(BehaviorEvent::Ran { actions, .. }) => {
                let actions = actions.clear().cloned().unwrap_or_default();
                self.said(cause, &call, &behavior, actions).await?
            }
            Some(BehaviorEvent::Failed { .. }) => {
                vec![Answer { action: Some(0), ..private(SORRY) }]
            }
            Some(BehaviorEvent::Held { why, .. }) => vec![private(held(why, &live))],
            // It was held, and that was recorded before.
            _ if full => vec![private(held(Hold::GuildLimit, &live))],
            _ => vec![private(held(Hold::Cooldown, &live))],
        };
        Ok(Some(Answered { behavior, call: id, replies }))
    }

    async fn said(
        &self,
        cause: &Cause,
        call: &Call,
        behavior: &BehaviorId,
        actions: Vec<Action>,
    ) -> Result<Vec<Answer>, CommandError> {
        let (mut replies, mut asked) = (Vec::new(), 0);
        for (place, action) in (0u32..).zip(actions) {
            let action = match action {
                Action::Reply { text, private, reactions } => {
                    Answer { action: Some(place), text, private, reactions }
                }
                Action::AskAi { prompt } => {
                    if let Some(reason) = self.ai_refused(call, asked) {
                        let outcome = Outcome::Failed { reason: reason.to_owned() };
                        self.settle_call(cause, behavior, call.id, place, outcome.into()).await?;
                        replies.push(private(SORRY));
                        continue;
                    }
                    asked += 1;
                    let cause = cause.then(&format!("ai.{place}"));
                    let text = self.ask_ai(&cause, behavior, call, place, &prompt).await?;
                    Answer { action: Some(place), text, private: false, reactions: Vec::new() }
                }
                _ => continue,
            };
            replies.push(action);
        }
        if replies.is_empty() {
            replies.push(private("Done."));
        }
        Ok(replies)
    }

    /// Record what became of an answer.
    pub async fn settle(
        &self,
        cause: &Cause,
        answered: &Answered,
        action: u32,
        said: Said,
    ) -> Result<(), CommandError> {
        self.settle_call(cause, &answered.behavior, answered.call, action, said).await
    }

    async fn settle_call(
        &self,
        cause: &Cause,
        id: &BehaviorId,
        call: Uuid,
        action: u32,
        said: Said,
    ) -> Result<(), CommandError> {
        let (Said { outcome, also, trouble }, already) = (said, false);
        let command = BehaviorCommand::Settle { call, action, outcome, already, also, trouble };
        let cause = cause.then(&format!("settled.{action}"));
        self.behaviors.execute(id, command, &cause).await.map(drop)
    }

    /// Why the AI provider is not asked, after so many times in the same run; none when it is.
    pub(super) fn ai_refused(&self, call: &Call, asked: usize) -> Option<&'static str> {
        if asked >= AI_CALLS {
            return Some("one run may ask the AI provider three times");
        }
        let used_up = "the scripts of this server have used up what they may use in a minute";
        (!self.has_left(call)).then_some(used_up)
    }

    /// Asks the AI provider, and records what it said.
    pub(super) async fn ask_ai(
        &self,
        cause: &Cause,
        id: &BehaviorId,
        call: &Call,
        action: u32,
        prompt: &str,
    ) -> Result<String, CommandError> {
        let workspace = self.registries.files().await?;
        let effort = Effort { operations: AI_OPERATIONS, took_us: 0 };
        self.spend(call, effort);
        let asker = Asker {
            guild: call.guild.map(|guild| guild.to_string()),
            user: call.user.map(|user| user.to_string()),
        };
        let prompt = Prompt {
            system: persona(&workspace),
            text: prompt.to_owned(),
            workspace,
            asker,
            ..Prompt::default()
        };
        let answer = self.model.answer(prompt).await?;
        let tokens = answer.tokens();
        let command = BehaviorCommand::AnswerByAi {
            call: call.id,
            action,
            content: Personal::of(call.person(), answer.text.clone()),
            provider: answer.provider,
            model: answer.model,
            tokens,
        };
        self.behaviors.execute(id, command, cause).await?;
        Ok(answer.text)
    }

    async fn occasion_of(&self, live: &Live, asked: Asked) -> Result<Occasion, CommandError> {
        let mut options = Map::new();
        for option in &live.head.options {
            let Some(value) = asked.options.get(&option.name) else { continue };
            let id = value.as_str().and_then(|it| it.parse().ok());
            let value = match (option.kind, id) {
                (OptionKind::User, Some(id)) => self.shown(live, &asked, id).await?,
                _ => value.clone(),
            };
            options.insert(option.name.clone(), value);
        }
        let occasion = Occasion {
            what: "command".to_owned(),
            at: asked.at,
            guild: asked.guild,
            channel: Some(asked.channel),
            user: Some(User { name: asked.user_name, ..somebody(asked.user) }),
            options,
            latency_ms: asked.latency_ms,
            seed: asked.interaction.0,
            ..Occasion::default()
        };
        self.completed(live, occasion).await
    }

    /// Somebody who was named in an option, as scripts see people.
    async fn shown(
        &self,
        live: &Live,
        asked: &Asked,
        id: DiscordUserId,
    ) -> Result<Value, CommandError> {
        let name = asked.names.get(&id).cloned().unwrap_or_default();
        let mut user = User { name, ..somebody(id) };
        if live.may(Power::ReadMembers)
            && let Some(guild) = asked.guild
            && let Some(member) = self.surroundings.member(guild, id).await?
        {
            let name = if user.name.is_empty() { member.name } else { user.name };
            user = User { name, ..member };
        }
        Ok(user.seen())
    }
}

fn private(text: impl Into<String>) -> Answer {
    Answer { action: None, text: text.into(), private: true, reactions: Vec::new() }
}

fn held(why: Hold, live: &Live) -> String {
    match why {
        Hold::Cooldown => format!(
            "One moment, please: this can be used once in {} seconds.",
            live.head.cooldown_s
        ),
        Hold::GuildLimit => {
            "There is a lot going on here; please try again in a minute.".to_owned()
        }
    }
}
