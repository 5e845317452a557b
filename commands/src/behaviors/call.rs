//! Calls behaviors, and records what they want.

use std::sync::Arc;
use std::time::Duration;

use domain::behaviors::{Behavior, BehaviorCommand, Call, Effort, Hold, Power};
use domain::kernel::{Cause, Journal, Personal};
use uuid::Uuid;

use super::budgets::Whose;
use super::turns::in_turn;
use super::{Budgets, Live, Match, Registries, Registry, Seen};
use crate::CommandError;
use crate::ports::{ChatModel, Execute, Executed, Fault, Occasion, Ran, Surroundings};

/// The longest reason of a failure that is kept, in characters.
const LONGEST_REASON: usize = 1_000;

/// Calls behaviors when something happens.
#[derive(Clone)]
pub struct Behaviors {
    pub behaviors: Arc<dyn Execute<Behavior>>,
    pub budgets: Arc<Budgets>,
    pub journal: Journal,
    pub model: Arc<dyn ChatModel>,
    pub registries: Registries,
    pub surroundings: Arc<dyn Surroundings>,
}

/// One behavior about to be called.
pub(super) struct Calling {
    pub(super) live: Arc<Live>,
    pub(super) occasion: Occasion,
    pub(super) call: Call,
}

impl Behaviors {
    /// Calls every behavior that an event calls. Bears repeating.
    pub(super) async fn handle(
        &self,
        cause: &Cause,
        registry: &Arc<Registry>,
        mut seen: Seen,
        (event, position): (Uuid, u64),
    ) -> Result<(), CommandError> {
        let matches = seen.matches(registry);
        if matches.is_empty() {
            return Ok(());
        }
        let unknown = seen.of_unknown_server();
        if unknown.is_some() || matches.iter().any(|it| sees_more(&it.live)) {
            self.surroundings.reach(position.saturating_sub(1)).await;
        }
        if let Some(channel) = unknown {
            // Edits, deletions and reactions name their channel only.
            seen.occasion.guild = self.surroundings.guild_of(channel).await?;
        }
        let mut callings = Vec::with_capacity(matches.len());
        for Match { live, what, args } in matches {
            let base = Occasion { what: what.to_owned(), args, ..seen.occasion.clone() };
            let occasion = self.completed(&live, base).await?;
            let call = Call {
                id: Uuid::new_v5(&event, live.id.as_str().as_bytes()),
                revision: registry.revision(),
                what: what.to_owned(),
                position: Some(position),
                at_ms: occasion.at.timestamp_millis(),
                guild: occasion.guild,
                channel: occasion.channel,
                user: seen.user(),
                message: occasion.message,
                interaction: None,
            };
            callings.push(Calling { live, occasion, call });
        }
        self.run(cause, registry, callings).await.map(drop)
    }

    /// Runs behaviors and records what came of it. Of responders the first one that has an answer
    /// gives it. Answers what was recorded for each, in order, as far as they were run.
    pub(super) async fn run(
        &self,
        cause: &Cause,
        registry: &Arc<Registry>,
        callings: Vec<Calling>,
    ) -> Result<Vec<Executed<Behavior>>, CommandError> {
        let (mut ready, mut recorded) = (Vec::new(), Vec::new());
        for calling in callings {
            if self.has_left(&calling.call) {
                ready.push(calling);
            } else {
                let Calling { live, call, .. } = calling;
                let command = BehaviorCommand::Hold { call, why: Hold::GuildLimit };
                recorded.push(self.record(cause, &live, command).await?);
            }
        }
        if ready.is_empty() {
            return Ok(recorded);
        }
        let registry = registry.clone();
        // A script may take a thread for a moment.
        let run =
            move || in_turn(ready, |it| &it.call.what, |it| registry.run(&it.live, &it.occasion));
        let done = tokio::task::spawn_blocking(run).await.map_err(CommandError::unavailable)?;
        for (Calling { live, call, .. }, ran) in done {
            self.spend(&call, effort(&ran));
            // Whoever has nothing to say leaves no trace, except where somebody waits.
            if ran.wanted.as_ref().is_ok_and(Vec::is_empty) && !call.is_command() {
                continue;
            }
            let command = outcome(&live, call, ran);
            recorded.push(self.record(cause, &live, command).await?);
        }
        Ok(recorded)
    }

    /// Whether the server of a call, or else its channel, has something left in this minute.
    pub(super) fn has_left(&self, call: &Call) -> bool {
        whose(call).is_none_or(|whose| self.budgets.has_left(whose, minute(call)))
    }

    /// Counts what a call cost for its server, or else its channel.
    pub(super) fn spend(&self, call: &Call, effort: Effort) {
        if let Some(whose) = whose(call) {
            self.budgets.spend(whose, minute(call), effort);
        }
    }

    pub(super) async fn record(
        &self,
        cause: &Cause,
        live: &Live,
        command: BehaviorCommand,
    ) -> Result<Executed<Behavior>, CommandError> {
        let cause = cause.then(live.id.as_str());
        self.behaviors.execute(&live.id, command, &cause).await
    }

    /// An occasion with what the behavior's powers let it see.
    pub(super) async fn completed(
        &self,
        live: &Live,
        mut occasion: Occasion,
    ) -> Result<Occasion, CommandError> {
        if live.head.history > 0
            && let Some(channel) = occasion.channel
        {
            let before = occasion.message;
            let history = self.surroundings.history(channel, before, live.head.history).await?;
            occasion.history = history;
        }
        if live.may(Power::ReadMembers)
            && let (Some(guild), Some(user)) = (occasion.guild, occasion.user.as_mut())
            && let Some(member) = self.surroundings.member(guild, user.id).await?
        {
            let name =
                if user.name.is_empty() { member.name } else { std::mem::take(&mut user.name) };
            *user = crate::ports::User { name, bot: user.bot, ..member };
        }
        if live.may(Power::ReadStats)
            && let Some(guild) = occasion.guild
        {
            occasion.stats = self.surroundings.stats(guild, occasion.at).await?;
        }
        Ok(occasion)
    }
}

/// Whether a behavior sees more than the event says.
fn sees_more(live: &Live) -> bool {
    let powers = [Power::ReadHistory, Power::ReadMembers, Power::ReadStats];
    powers.into_iter().any(|power| live.may(power))
}

/// Who bears what a call costs.
fn whose(call: &Call) -> Option<Whose> {
    call.guild.map(Whose::Guild).or_else(|| call.channel.map(Whose::Channel))
}

fn minute(call: &Call) -> i64 {
    call.at_ms.div_euclid(60_000)
}

fn effort(ran: &Ran) -> Effort {
    Effort { operations: ran.operations, took_us: micros(ran.took) }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What is to be recorded of a run.
fn outcome(live: &Live, call: Call, ran: Ran) -> BehaviorCommand {
    let (effort, of, cooldown_s) = (effort(&ran), call.person(), live.head.cooldown_s);
    match ran.wanted {
        Ok(actions) => {
            let actions = Personal::of(of, actions);
            BehaviorCommand::Run { call, cooldown_s, actions, effort }
        }
        Err(Fault { line, reason }) => {
            let reason = reason.chars().take(LONGEST_REASON).collect();
            let reason = Personal::of(of, reason);
            BehaviorCommand::Fail { call, cooldown_s, line, reason, effort }
        }
    }
}
