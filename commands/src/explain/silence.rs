//! Why nothing happened, or not what was wanted: recomputed from what was live at that place of
//! the log.

use domain::behaviors::Hold;
use domain::discord::{ChannelEvent, Message};
use domain::kernel::{Event, Outcome, Recorded, Source};

use super::{Called, Done, Ended, Explain, Explanation, Spoken};
use crate::CommandError;
use crate::behaviors::{Kind, Match, Registry, Seen};

/// How many parked reactions are looked through.
const PARKED: u64 = 1_000;

/// Who calls behaviors, who answers, who delivers and who carries out.
const RUNS: &str = "run_behaviors";
const ANSWERS: &str = "answer_messages";
const DELIVERS: &str = "deliver_answers";
const PERFORMS: &str = "perform_actions";

impl Explain {
    /// In words; nothing when all that was wanted was done.
    pub(super) async fn silence(&self, story: &Explanation) -> Result<Vec<String>, CommandError> {
        let mut why = Vec::new();
        for call in &story.calls {
            self.of_call(call, &mut why).await?;
        }
        for answer in &story.answers {
            self.of_answer(answer, &mut why).await?;
        }
        if !story.calls.is_empty() || !story.answers.is_empty() {
            return Ok(why);
        }
        let event = match &story.event {
            Some(event) => self.event((event.position, event.index)).await?,
            None => None,
        };
        let Some(recorded) = event else {
            why.push("What came in cannot be found in the log any more.".to_owned());
            return Ok(why);
        };
        match &recorded.event {
            Event::Channel(_, ChannelEvent::MessageCreated(message)) => {
                self.of_message(&recorded, message, &mut why).await?;
            }
            Event::Channel(_, ChannelEvent::InteractionReceived { command, .. }) => {
                self.of_command(&recorded, command, &mut why).await?;
            }
            _ => {}
        }
        Ok(why)
    }

    async fn of_call(&self, call: &Called, why: &mut Vec<String>) -> Result<(), CommandError> {
        let Called { behavior, file, .. } = call;
        match &call.ended {
            Ended::Failed { line, reason } => {
                let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
                why.push(format!("The behavior {behavior} failed ({file}{line}): {reason}"));
            }
            Ended::Held(Hold::Cooldown) => {
                why.push(rests(behavior.as_str(), call.cooldown_s));
            }
            Ended::Held(Hold::GuildLimit) => why.push(used_up(behavior.as_str())),
            Ended::Ran if call.actions.is_empty() => {
                why.push(format!("The behavior {behavior} ran and had nothing to say."));
            }
            Ended::Ran => {}
        }
        let mut waits = false;
        for Done { kind, outcome, trouble, .. } in &call.actions {
            if let Some(trouble) = trouble {
                why.push(format!(
                    "The action {kind} of the behavior {behavior} did not work as a whole: {trouble}"
                ));
            }
            match outcome {
                Some(Outcome::Delivered { .. }) => {}
                Some(Outcome::Failed { reason }) => why.push(format!(
                    "The action {kind} of the behavior {behavior} was refused: {reason}"
                )),
                Some(Outcome::Unknown { reason }) => why.push(format!(
                    "Nobody can say whether the action {kind} of the behavior {behavior} \
                     happened: {reason}"
                )),
                None if kind == "remind" => {
                    why.push(format!(
                        "The reminder of the behavior {behavior} waits for its time."
                    ));
                }
                None => waits = true,
            }
        }
        if waits {
            let unknown = format!("It is not known yet what became of what {behavior} wanted.");
            why.push(self.waiting(PERFORMS, call.position, None).await?.unwrap_or(unknown));
        }
        Ok(())
    }

    async fn of_answer(&self, answer: &Spoken, why: &mut Vec<String>) -> Result<(), CommandError> {
        match &answer.outcome {
            Some(Outcome::Failed { reason }) => {
                why.push(format!("The answer could not be delivered: {reason}"));
            }
            Some(Outcome::Unknown { reason }) => {
                why.push(format!("Nobody can say whether the answer was delivered: {reason}"));
            }
            None if answer.by_message => {
                let unknown = "It is not known yet whether the answer was delivered.".to_owned();
                let waiting = self.waiting(DELIVERS, answer.position, None).await?;
                why.push(waiting.unwrap_or(unknown));
            }
            Some(Outcome::Delivered { .. }) | None => {}
        }
        Ok(())
    }

    /// A message that nothing was done about.
    async fn of_message(
        &self,
        recorded: &Recorded,
        message: &Message,
        why: &mut Vec<String>,
    ) -> Result<(), CommandError> {
        if recorded.source != Source::Discord {
            why.push(
                "It came by an import, or was filled in after the bot had been away: nobody waits \
                 for an answer any more, so nothing reacts to it."
                    .to_owned(),
            );
            return Ok(());
        }
        if message.bot {
            why.push("A bot wrote it, and I do not react to what bots write.".to_owned());
            return Ok(());
        }
        let Some(seen) = Seen::of(recorded) else {
            why.push(
                "Whoever wrote it was erased: nobody can say any more what it would have called."
                    .to_owned(),
            );
            return Ok(());
        };
        let before = why.len();
        let place = (recorded.position, Some(recorded.index));
        for reactor in [Some(RUNS), message.to_bot.then_some(ANSWERS)].into_iter().flatten() {
            why.extend(self.waiting(reactor, place.0, place.1).await?);
        }
        if why.len() > before {
            return Ok(());
        }
        let registry = self.behaviors.registries.at(recorded.position).await?;
        let matches = seen.matches(&registry);
        if matches.iter().all(|it| it.live.head.kind == Kind::Reaction) {
            let mut words = unmatched(&registry, &seen.occasion.text, message.to_bot);
            if matches.is_empty() {
                words.push_str(" No reaction is on message_created.");
            }
            why.push(words);
        }
        for found in &matches {
            why.push(self.of_match(recorded, &seen, found).await?);
        }
        let prefixed = registry.prefix_command(&seen.occasion.text).is_some();
        if !message.to_bot {
            why.push(
                "It does not speak to me: it does not mention me, does not answer a message of \
                 mine, and is no direct message."
                    .to_owned(),
            );
        } else if !prefixed {
            why.push(
                "It speaks to me, and the limits of conversations held it: whoever says too much in \
                 a short time is told so once, and then hears nothing until it is over."
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// A behavior that a message called, and that left no trace.
    async fn of_match(
        &self,
        recorded: &Recorded,
        seen: &Seen,
        found: &Match,
    ) -> Result<String, CommandError> {
        let (live, at) = (&found.live, seen.occasion.at);
        let earlier = self.traces.calls_before(&live.id, recorded.position).await?;
        let last = earlier.iter().find(|it| it.held.is_none() && it.user == seen.user());
        let pause = chrono::TimeDelta::seconds(live.head.cooldown_s.into());
        if last.is_some_and(|last| at < last.at + pause) {
            return Ok(rests(live.id.as_str(), live.head.cooldown_s));
        }
        let minute = |it: chrono::DateTime<chrono::Utc>| it.timestamp().div_euclid(60);
        let limited = earlier.iter().any(|it| {
            it.held == Some(Hold::GuildLimit)
                && it.guild == seen.occasion.guild
                && minute(it.at) == minute(at)
        });
        if limited {
            return Ok(used_up(live.id.as_str()));
        }
        let id = &live.id;
        Ok(if live.head.kind == Kind::Responder {
            format!("The behavior {id} was called, and had nothing to say or was not the first.")
        } else {
            format!("The behavior {id} was called and had nothing to say.")
        })
    }

    /// A slash command that called no behavior.
    async fn of_command(
        &self,
        recorded: &Recorded,
        command: &str,
        why: &mut Vec<String>,
    ) -> Result<(), CommandError> {
        let kind = "channel.interaction_answered";
        let mut answered = None;
        for place in self.traces.later(&recorded.stream, kind, recorded.position).await? {
            let Some(found) = self.event(place).await? else { continue };
            if let Event::Channel(_, ChannelEvent::InteractionAnswered { id, success, error, .. }) =
                found.event
                && super::names(recorded, id)
            {
                answered = Some((success, error));
                break;
            }
        }
        let registry = self.behaviors.registries.at(recorded.position).await?;
        let scripted = registry.command(command);
        why.push(match (answered, scripted) {
            (None, _) => format!("/{command} was not answered: the bot stopped, or is at it."),
            (Some((true, _)), Some(live)) if live.head.cooldown_s > 0 => {
                rests(live.id.as_str(), live.head.cooldown_s)
            }
            (Some((true, _)), _) => {
                format!("No behavior was called: “{command}” is one of my own, and was answered.")
            }
            (Some((false, error)), _) => {
                let error = error.unwrap_or_else(|| "no reason is known".to_owned());
                format!("“{command}” was refused or failed: {error}")
            }
        });
        Ok(())
    }

    /// That a reactor has not come to an event yet, or tries it again.
    async fn waiting(
        &self,
        reactor: &str,
        position: u64,
        index: Option<u32>,
    ) -> Result<Option<String>, CommandError> {
        let parked = self.checkpoints.parked(reactor, PARKED).await?.into_iter();
        let mut parked = parked.filter(|it| it.position == position);
        if let Some(it) = parked.find(|it| index.is_none_or(|index| it.index == index)) {
            let (attempts, error) = (it.attempts, it.error);
            let next = it.next_at.format("%Y-%m-%d %H:%M:%S UTC");
            return Ok(Some(format!(
                "The reactor {reactor} did not get through with it yet (tries so far: {attempts}) \
                 and tries again at {next}: {error}"
            )));
        }
        let reached = self.checkpoints.read(reactor).await?;
        let at = reached.map_or(0, |it| it.position);
        Ok((at < position).then(|| {
            format!(
                "The reactor {reactor} has not come here yet: it stands at commit {at}, and this \
                 is commit {position}."
            )
        }))
    }
}

fn rests(behavior: &str, cooldown_s: u32) -> String {
    format!(
        "The behavior {behavior} rests: the same person called it a moment ago, and it waits \
         {cooldown_s} seconds between two calls of one person."
    )
}

fn used_up(behavior: &str) -> String {
    format!(
        "The behavior {behavior} was not run: the scripts of this server had used up what they may \
         use in a minute."
    )
}

/// Which kinds of behaviors were looked at.
fn unmatched(registry: &Registry, text: &str, to_bot: bool) -> String {
    let prefix = registry.prefix();
    let count = |kind| registry.all().iter().filter(|it| it.head.kind == kind).count();
    let called = text.trim_start().strip_prefix(prefix).and_then(|it| it.split_whitespace().next());
    let prefixed = match called {
        Some(name) => format!("no prefix command is called {prefix}{name}"),
        None => format!(
            "it begins with none of the {} prefix commands ({prefix}…)",
            count(Kind::PrefixCommand)
        ),
    };
    let phrases = if to_bot {
        "responders leave to the bot's own answer what speaks to it".to_owned()
    } else {
        format!("it holds no phrase of the {} responders", count(Kind::Responder))
    };
    format!(
        "No behavior that was live then (revision {}) is called by its words: {prefixed}; {phrases}.",
        registry.revision()
    )
}
