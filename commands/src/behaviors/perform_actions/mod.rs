//! When a behavior wants something done, do it and record what became of it.

mod holder;
mod letters;
mod roles;

use std::sync::Arc;

use async_trait::async_trait;
use domain::behaviors::{Action, BehaviorCommand, BehaviorEvent as Did, Call, Reminder};
use domain::kernel::{BehaviorId, Cause, ChannelId, DiscordUserId, Event, Outcome, Recorded};
use uuid::Uuid;

use super::Behaviors;
use crate::ports::{Act, Discord, TryLater};
use crate::{CommandError, Reactor, Setback};
use holder::{is_mine, is_told, wait_for_the_holder};
use letters::{Done, Letter};
use roles::Looks;

/// Said when a command failed, where somebody waits for an answer.
pub(super) const SORRY: &str = "I am sorry, this did not work. Those who run this bot can see why.";

/// See the module.
pub struct PerformActions {
    behaviors: Behaviors,
    discord: Arc<dyn Discord>,
    looks: Looks,
}

#[async_trait]
impl Reactor for PerformActions {
    fn name(&self) -> &'static str {
        "perform_actions"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        match &recorded.event {
            Event::Behavior(_, Did::Ran { kinds, .. }) => !kinds.is_empty(),
            Event::Behavior(_, Did::Failed { call, .. }) => call.is_command(),
            // Who has the token of a slash command answers it.
            Event::Behavior(_, Did::AiAnswered { .. }) => recorded.causation.is_some(),
            Event::Behavior(_, Did::ReminderDue { .. }) => true,
            _ => false,
        }
    }

    /// What happens on one server happens in order; `send` reaches no other one. Of what comes later,
    /// an answer of the AI or a reminder, the event does not tell where it belongs.
    fn lane(&self, recorded: &Recorded) -> Option<u64> {
        let Event::Behavior(_, Did::Ran { call, .. } | Did::Failed { call, .. }) = &recorded.event
        else {
            return None;
        };
        call.guild.map(|it| it.0).or_else(|| call.channel.map(|it| it.0))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::Behavior(id, event) = &recorded.event else { return Ok(()) };
        match event {
            Did::Ran { call, actions, kinds, .. } => {
                // What was wanted by somebody who was erased meanwhile is not done.
                let actions = actions.clear().map_or(&[][..], Vec::as_slice);
                self.perform(recorded, id, call, actions).await?;
                let told = (0u32..).zip(kinds).filter(|(_, kind)| is_told(call, kind));
                self.see_told(recorded, id, call, told.map(|(place, _)| place).collect()).await
            }
            Did::Failed { call, .. } if call.interaction.is_some() => {
                self.see_told(recorded, id, call, vec![0]).await
            }
            Did::Failed { call, .. } => {
                let sorry =
                    Action::Reply { text: SORRY.to_owned(), private: false, reactions: Vec::new() };
                self.perform(recorded, id, call, &[sorry]).await
            }
            Did::AiAnswered { call, action, content, .. } => {
                let Some(text) = content.clear() else { return Ok(()) };
                self.answer(recorded, id, *call, *action, text).await
            }
            Did::ReminderDue { call, action, reminder } => {
                self.remind(recorded, id, *call, *action, reminder).await
            }
            Did::ActionSettled { .. } | Did::Held { .. } => Ok(()),
        }
    }

    async fn give_up(&self, recorded: &Recorded, reason: &str) -> Result<(), CommandError> {
        let Event::Behavior(id, event) = &recorded.event else { return Ok(()) };
        let (call, actions) = match event {
            Did::Ran { call, kinds, .. } => {
                let mine = (0u32..).zip(kinds).filter(|(_, kind)| is_mine(call, kind));
                (call.id, mine.map(|(place, _)| place).collect())
            }
            Did::Failed { call, .. } if call.interaction.is_some() => return Ok(()),
            Did::Failed { call, .. } => (call.id, vec![0]),
            Did::AiAnswered { call, action, .. } | Did::ReminderDue { call, action, .. } => {
                (*call, vec![*action])
            }
            Did::ActionSettled { .. } | Did::Held { .. } => return Ok(()),
        };
        for action in actions {
            let outcome = Outcome::Failed { reason: reason.to_owned() };
            self.settle(recorded, id, call, action, outcome.into()).await?;
        }
        Ok(())
    }
}

impl PerformActions {
    pub fn new(behaviors: Behaviors, discord: Arc<dyn Discord>) -> Self {
        Self { behaviors, discord, looks: Looks::default() }
    }

    /// Does what is not done yet, in order.
    async fn perform(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: &Call,
        actions: &[Action],
    ) -> Result<(), Setback> {
        let known = self.behaviors.behaviors.load(id).await?.aggregate;
        let mut asked = 0;
        for (place, action) in (0u32..).zip(actions) {
            let asked_before = asked;
            asked += usize::from(matches!(action, Action::AskAi { .. }));
            if !known.is_open(call.id, place) || !is_mine(call, action.as_ref()) {
                continue;
            }
            let done: Done = match action {
                // Its answer is on its way.
                Action::AskAi { .. } if known.is_answered(call.id, place) => continue,
                Action::AskAi { prompt } => match self.behaviors.ai_refused(call, asked_before) {
                    Some(reason) => refused(reason).into(),
                    None => {
                        let cause =
                            Cause::answering(recorded, self.name()).then(&format!("ai.{place}"));
                        self.behaviors.ask_ai(&cause, id, call, place, prompt).await?;
                        continue;
                    }
                },
                action => self.one(recorded, id, call, place, action).await.map_err(later)?,
            };
            self.settle(recorded, id, call.id, place, done).await?;
        }
        Ok(())
    }

    /// Sees to it that what whoever has the token of a slash command says is settled: he may be
    /// gone before he says it.
    async fn see_told(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: &Call,
        places: Vec<u32>,
    ) -> Result<(), Setback> {
        if places.is_empty() {
            return Ok(());
        }
        let known = self.behaviors.behaviors.load(id).await?.aggregate;
        let open: Vec<_> = places.into_iter().filter(|it| known.is_open(call.id, *it)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let age = self.behaviors.journal.clock().now() - recorded.recorded_at;
        if let Some(wait) = wait_for_the_holder(age) {
            let reason = "whoever has the token of the slash command has not answered".to_owned();
            return Err(Setback::Waits { reason, after: wait.to_std().unwrap_or_default() });
        }
        for place in open {
            let reason = "it was cut off before anybody knew whether it was said".to_owned();
            let outcome = Outcome::Unknown { reason };
            self.settle(recorded, id, call.id, place, outcome.into()).await?;
        }
        Ok(())
    }

    /// Does one thing.
    async fn one(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: &Call,
        place: u32,
        action: &Action,
    ) -> Result<Done, TryLater> {
        let reason = format!("behavior {id}");
        let here = || call.channel.ok_or("there is no channel to answer in");
        let server = || call.guild.ok_or("this did not happen on a server");
        let wanted = match action {
            Action::Reply { text, reactions, .. } => here().map(|channel| {
                let (reply_to, pings) = (call.message, None);
                Do::Write(Letter { channel, text, reply_to, pings, reactions })
            }),
            Action::Send { channel, text, reactions } => {
                if !self.is_of(call, *channel).await? {
                    return Ok(refused("the channel does not belong to this server").into());
                }
                let (channel, reply_to, pings) = (*channel, None, None);
                Ok(Do::Write(Letter { channel, text, reply_to, pings, reactions }))
            }
            Action::DirectMessage { user, text } => {
                if !self.knows(call, *user).await? {
                    return Ok(refused("nobody with this id is on this server").into());
                }
                let channel = match self.discord.direct(*user).await? {
                    Ok(channel) => channel,
                    Err(reason) => return Ok(Outcome::Failed { reason }.into()),
                };
                let (reply_to, pings, reactions) = (None, None, &[][..]);
                Ok(Do::Write(Letter { channel, text, reply_to, pings, reactions }))
            }
            Action::AddRole { user, role } => server()
                .map(|guild| Do::Act(Act::AddRole { guild, user: *user, role: role.clone() })),
            Action::RemoveRole { user, role } => server()
                .map(|guild| Do::Act(Act::RemoveRole { guild, user: *user, role: role.clone() })),
            Action::DeleteMessage { message } => {
                here().map(|channel| Do::Act(Act::Delete { channel, message: *message }))
            }
            Action::React { message, emoji } => here().map(|channel| {
                Do::Act(Act::React { channel, message: *message, emoji: emoji.clone() })
            }),
            Action::AskAi { .. } | Action::Remind { .. } => Err("this is done elsewhere"),
        };
        match wanted {
            Err(reason) => Ok(refused(reason).into()),
            Ok(Do::Act(act)) => self.act(recorded, place, &act, &reason).await,
            Ok(Do::Write(letter)) => self.write(recorded, call.id, place, letter).await,
        }
    }

    /// What the AI said becomes the answer.
    async fn answer(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: Uuid,
        place: u32,
        text: &str,
    ) -> Result<(), Setback> {
        let Some(call) = self.call_of(recorded, call).await? else { return Ok(()) };
        let Some(channel) = call.channel else { return Ok(()) };
        let letter = Letter { channel, text, reply_to: call.message, pings: None, reactions: &[] };
        let done = self.write(recorded, call.id, place, letter).await.map_err(later)?;
        self.settle(recorded, id, call.id, place, done).await?;
        Ok(())
    }

    async fn remind(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: Uuid,
        place: u32,
        reminder: &Reminder,
    ) -> Result<(), Setback> {
        let done: Done = match reminder.text.clear() {
            None => refused("whoever wanted it was erased").into(),
            Some(text) => {
                let Reminder { channel, user, .. } = reminder;
                let text = user.map_or_else(|| text.clone(), |user| format!("<@{user}> {text}"));
                let letter = Letter {
                    channel: *channel,
                    text: &text,
                    reply_to: None,
                    pings: *user,
                    reactions: &[],
                };
                self.write(recorded, call, place, letter).await.map_err(later)?
            }
        };
        self.settle(recorded, id, call, place, done).await?;
        Ok(())
    }

    /// The call that an event follows from, which is the event that caused it.
    async fn call_of(&self, recorded: &Recorded, id: Uuid) -> Result<Option<Call>, CommandError> {
        let Some((position, _)) = recorded.causation else { return Ok(None) };
        let (events, _) = self.behaviors.journal.read_all(position.saturating_sub(1), 1).await?;
        Ok(events.into_iter().find_map(|it| match it.event {
            Event::Behavior(_, Did::Ran { call, .. }) if call.id == id => Some(call),
            _ => None,
        }))
    }

    async fn is_of(&self, call: &Call, channel: ChannelId) -> Result<bool, TryLater> {
        if call.channel == Some(channel) {
            return Ok(true);
        }
        let guild = self.behaviors.surroundings.guild_of(channel).await.map_err(unknown)?;
        Ok(guild.is_some() && guild == call.guild)
    }

    async fn knows(&self, call: &Call, user: DiscordUserId) -> Result<bool, TryLater> {
        if call.user == Some(user) {
            return Ok(true);
        }
        let Some(guild) = call.guild else { return Ok(false) };
        let member = self.behaviors.surroundings.member(guild, user).await.map_err(unknown)?;
        Ok(member.is_some())
    }

    async fn settle(
        &self,
        recorded: &Recorded,
        id: &BehaviorId,
        call: Uuid,
        action: u32,
        done: Done,
    ) -> Result<(), CommandError> {
        let cause = Cause::answering(recorded, self.name()).then(&format!("settled.{action}"));
        self.looks.forget(recorded, action);
        let Done { outcome, already, also, trouble } = done;
        let command = BehaviorCommand::Settle { call, action, outcome, already, also, trouble };
        match self.behaviors.behaviors.execute(id, command, &cause).await {
            Ok(_) => Ok(()),
            // It is long over: thousands of calls came since.
            Err(CommandError::Rejected(no)) => {
                tracing::warn!(behavior = %id, reason = no.reason, "an action's outcome came too late");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// How an action is done.
enum Do<'a> {
    Act(Act),
    Write(Letter<'a>),
}

fn refused(reason: &str) -> Outcome {
    Outcome::Failed { reason: reason.to_owned() }
}

fn later(later: TryLater) -> Setback {
    Setback::Retry { reason: later.to_string(), after: later.after }
}

/// The read models cannot say it now.
fn unknown(error: CommandError) -> TryLater {
    TryLater { reason: crate::describe(&error), after: None }
}
