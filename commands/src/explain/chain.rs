//! What was done about an event: the calls of behaviors with their actions, and the answers.

use std::collections::HashMap;

use domain::behaviors::{Action, BehaviorEvent, Call, Effort};
use domain::conversation::ConversationEvent;
use domain::kernel::{ERASED, Event, Outcome, Personal, Recorded};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AiSaid, Called, Done, Ended, Explain, Spoken};
use crate::CommandError;
use crate::ports::EventPlace;

/// What a failed command is answered.
const APOLOGY: &str = "apology";

impl Explain {
    /// The event that called a behavior.
    pub(super) async fn caller_of(
        &self,
        place: EventPlace,
    ) -> Result<Option<Recorded>, CommandError> {
        let Some(recorded) = self.event(place).await? else { return Ok(None) };
        let Event::Behavior(behavior, event) = &recorded.event else { return Ok(None) };
        let Some((call, _, _)) = taken_apart(event) else { return Ok(None) };
        let Some(position) = call.position else { return Ok(None) };
        let commit = self.commit(position).await?;
        Ok(commit.into_iter().find(|it| match call.interaction {
            Some(interaction) => super::names(it, interaction),
            // The call is named after the event and the behavior.
            None => Uuid::new_v5(&it.id, behavior.as_str().as_bytes()) == call.id,
        }))
    }

    pub(super) async fn called(
        &self,
        places: Vec<EventPlace>,
    ) -> Result<Vec<Called>, CommandError> {
        let mut called = Vec::with_capacity(places.len());
        for place in places {
            if let Some(recorded) = self.event(place).await? {
                called.extend(self.one_call(&recorded).await?);
            }
        }
        Ok(called)
    }

    async fn one_call(&self, recorded: &Recorded) -> Result<Option<Called>, CommandError> {
        let Event::Behavior(behavior, event) = &recorded.event else { return Ok(None) };
        let Some((call, ended, effort)) = taken_apart(event) else { return Ok(None) };
        let registry = self.behaviors.registries.at(call.position.unwrap_or(recorded.position));
        let registry = registry.await?;
        let live = registry.find(behavior);
        let file = live.map_or_else(|| format!("behaviors/{behavior}.rhai"), |it| it.path.clone());
        let made = self.traces.made(&file, call.revision).await?;
        let powers = live.map(|it| it.head.powers.iter().copied().collect());
        Ok(Some(Called {
            id: call.id,
            behavior: behavior.clone(),
            description: live.map(|it| it.head.description.clone()),
            file,
            revision: call.revision,
            made,
            what: call.what.clone(),
            position: recorded.position,
            at: recorded.recorded_at,
            channel: call.channel,
            powers: powers.unwrap_or_default(),
            cooldown_s: live.map_or(0, |it| it.head.cooldown_s),
            ended,
            operations: effort.operations,
            took_us: effort.took_us,
            actions: self.actions(recorded, call.id, event).await?,
        }))
    }

    async fn actions(
        &self,
        recorded: &Recorded,
        call: Uuid,
        event: &BehaviorEvent,
    ) -> Result<Vec<Done>, CommandError> {
        let wanted: Vec<(String, Option<&Action>, Value)> = match event {
            BehaviorEvent::Ran { actions, kinds, .. } => {
                let content =
                    |action: Option<&Action>| action.map_or(json!(ERASED), |it| json!(it));
                let action = |place: usize| actions.clear().and_then(|all| all.get(place));
                let all = kinds.iter().enumerate();
                all.map(|(place, kind)| (kind.clone(), action(place), content(action(place))))
                    .collect()
            }
            BehaviorEvent::Failed { call, .. } if call.is_command() => {
                vec![(APOLOGY.to_owned(), None, Value::Null)]
            }
            _ => return Ok(Vec::new()),
        };
        let outcomes = self.traces.outcomes(call).await?;
        let mut outcomes: HashMap<_, _> = outcomes.into_iter().map(|it| (it.action, it)).collect();
        let mut said = if wanted.iter().any(|(kind, ..)| kind == "ask_ai") {
            self.ai_said(recorded, call).await?
        } else {
            HashMap::new()
        };
        let done = (0u32..).zip(wanted).map(|(place, (kind, action, content))| {
            let settled = outcomes.remove(&place);
            let settled_at = settled.as_ref().and_then(|it| it.at);
            let trouble = settled.as_ref().and_then(|it| it.trouble.clone());
            Done {
                kind,
                content,
                power: action.map(Action::power),
                outcome: settled.map(|it| it.outcome),
                trouble,
                settled_at,
                ai: said.remove(&place),
            }
        });
        Ok(done.collect())
    }

    /// What the AI provider answered to the actions of a call.
    async fn ai_said(
        &self,
        recorded: &Recorded,
        of: Uuid,
    ) -> Result<HashMap<u32, AiSaid>, CommandError> {
        let kind = "behavior.ai_answered";
        let later = self.traces.later(&recorded.stream, kind, recorded.position).await?;
        let mut said = HashMap::new();
        for place in later {
            let Some(found) = self.event(place).await? else { continue };
            if let Event::Behavior(
                _,
                BehaviorEvent::AiAnswered { call, action, content, provider, model, tokens },
            ) = found.event
                && call == of
            {
                said.insert(action, ai(&content, provider, model, tokens));
            }
        }
        Ok(said)
    }

    /// Answers of conversations, and what became of them.
    pub(super) async fn spoken(
        &self,
        places: Vec<EventPlace>,
    ) -> Result<Vec<Spoken>, CommandError> {
        let mut spoken = Vec::with_capacity(places.len());
        for place in places {
            let Some(recorded) = self.event(place).await? else { continue };
            let Event::Conversation(
                conversation,
                ConversationEvent::Answered {
                    answer,
                    content,
                    provider,
                    model,
                    tokens,
                    processing_ms,
                    deliver,
                    ..
                },
            ) = recorded.event.clone()
            else {
                continue;
            };
            let outcome = match deliver {
                Some(_) => self.delivery(&recorded, answer).await?,
                None => None,
            };
            spoken.push(Spoken {
                id: answer,
                conversation,
                position: recorded.position,
                at: recorded.recorded_at,
                said: ai(&content, provider, model, tokens),
                processing_ms,
                by_message: deliver.is_some(),
                outcome,
            });
        }
        Ok(spoken)
    }

    async fn delivery(
        &self,
        answered: &Recorded,
        wanted: Uuid,
    ) -> Result<Option<Outcome>, CommandError> {
        let kind = "conversation.answer_settled";
        for place in self.traces.later(&answered.stream, kind, answered.position).await? {
            let Some(found) = self.event(place).await? else { continue };
            if let Event::Conversation(_, ConversationEvent::AnswerSettled { answer, outcome }) =
                found.event
                && answer == wanted
            {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }
}

fn ai(content: &Personal<String>, provider: String, model: String, tokens: u64) -> AiSaid {
    AiSaid { content: content.shown().to_owned(), provider, model, tokens }
}

/// The call that an event tells of, how it ended, and what it cost.
fn taken_apart(event: &BehaviorEvent) -> Option<(&Call, Ended, Effort)> {
    match event {
        BehaviorEvent::Ran { call, effort, .. } => Some((call, Ended::Ran, *effort)),
        BehaviorEvent::Failed { call, line, reason, effort } => {
            let reason = reason.shown().to_owned();
            Some((call, Ended::Failed { line: *line, reason }, *effort))
        }
        BehaviorEvent::Held { call, why } => Some((call, Ended::Held(*why), Effort::default())),
        BehaviorEvent::ActionSettled { .. }
        | BehaviorEvent::AiAnswered { .. }
        | BehaviorEvent::ReminderDue { .. } => None,
    }
}
