//! What people ask by slash commands, buttons and forms: recorded, handled, answered, and the answer
//! recorded as well.

mod answer;
mod asked;
mod limits;
mod powers;
mod speak;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::behaviors::{Answered, Said};
use commands::identity::accounts::Accounts;
use commands::lifecycle::Lifecycle;
use commands::{CommandError, describe};
use domain::discord::ChannelEvent;
use domain::kernel::{Actor, Cause, GuildId, MessageId, Outcome, Singleton};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::gateway::Welcome;
use crate::recorder::{Hooks, Tools};
use crate::rest::Trouble;
use crate::slash::{Commands, Form, Reply};
use crate::{CommandLimits, Settings};
use answer::Answering;
use asked::{Asked, Kind};
use limits::Limits;

/// Discord waits three seconds for a first word. Whatever is not done by then is thought about in
/// the open.
const PROMPT: Duration = Duration::from_millis(1_500);

/// After this, nobody can be answered any more.
const TOKEN_LIFE: Duration = Duration::from_mins(14);

/// How many interactions are remembered, to know one that is delivered again.
const MET: usize = 4_096;

/// How often registering the commands is tried.
const TRIES: u32 = 5;

/// See the module.
pub(crate) struct Interactions {
    tools: Arc<Tools>,
    commands: Arc<Commands>,
    limits: Arc<Gate>,
    calls: TaskTracker,
    /// Tells when the workspace has changed, and with it the commands of behaviors.
    revisions: watch::Receiver<u64>,
    /// Ends with the stay: nobody waits for it.
    registering: Option<DropGuard>,
}

/// How often commands may be used, and how often they were.
pub(crate) struct Gate {
    accounts: Accounts,
    limits: CommandLimits,
    trusted: BTreeSet<GuildId>,
    lifecycle: Lifecycle,
    used: Limits,
    /// Interactions that came lately: Discord may deliver one again.
    met: Mutex<BTreeSet<MessageId>>,
}

impl Gate {
    pub(crate) fn new(settings: &Settings, lifecycle: Lifecycle, accounts: Accounts) -> Self {
        let (limits, trusted) = (settings.limits, settings.trusted_guilds.clone());
        let (used, met) = (Limits::default(), Mutex::default());
        Self { accounts, limits, trusted, lifecycle, used, met }
    }

    /// Whether this interaction comes for the first time.
    fn is_new(&self, id: MessageId) -> bool {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let new = met.insert(id);
        if met.len() > MET {
            met.pop_first();
        }
        new
    }

    /// Whether those who manage this server may edit the bot: it is named in the settings or,
    /// where none is, the only one that the bot is in.
    fn trusts(&self, guild: GuildId, all: &BTreeSet<GuildId>) -> bool {
        if self.trusted.is_empty() { all.len() <= 1 } else { self.trusted.contains(&guild) }
    }

    async fn pass(&self, received: &ChannelEvent) -> Result<(), CommandError> {
        let settings = self.lifecycle.settings.load(&Singleton).await?.aggregate;
        self.used.take(&self.limits, settings.command_rate_limit, received, Instant::now())
    }
}

impl Interactions {
    pub(crate) fn new(
        tools: Arc<Tools>,
        commands: Arc<Commands>,
        limits: Arc<Gate>,
        calls: TaskTracker,
        revisions: watch::Receiver<u64>,
    ) -> Self {
        let registering = None;
        Self { tools, commands, limits, calls, revisions, registering }
    }
}

impl Hooks for Interactions {
    fn interaction(&mut self, data: Value, guilds: &BTreeSet<GuildId>) {
        let trusts = |guild| self.limits.trusts(guild, guilds);
        let Some(asked) = Asked::read(&data, trusts) else {
            tracing::debug!("an interaction cannot be read");
            return;
        };
        if !self.limits.is_new(asked.id) {
            return;
        }
        let handling = Handling {
            tools: Arc::clone(&self.tools),
            commands: Arc::clone(&self.commands),
            limits: Arc::clone(&self.limits),
            answering: Answering::new(
                Arc::clone(&self.tools),
                asked.ticket.clone(),
                asked.on_message,
            ),
        };
        self.calls.spawn(handling.handle(asked));
    }

    fn welcome(&mut self, welcome: &Welcome) {
        let (tools, commands) = (Arc::clone(&self.tools), Arc::clone(&self.commands));
        let application = welcome.application;
        // One at a time: a new welcome ends what the one before began.
        let ended = CancellationToken::new();
        self.registering = Some(ended.clone().drop_guard());
        let mut revisions = self.revisions.clone();
        revisions.mark_unchanged();
        tokio::spawn(async move {
            let registering = async {
                loop {
                    register(&commands, &tools, application).await;
                    // Nobody tells any more when everything ends.
                    if revisions.changed().await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = tools.stop.cancelled() => {}
                () = ended.cancelled() => {}
                () = registering => {}
            }
        });
    }
}

/// Makes Discord show the commands there are, however long that takes to work.
async fn register(commands: &Commands, tools: &Tools, application: u64) {
    let mut wait = Duration::from_secs(1);
    for _ in 0..TRIES {
        let Err(trouble) = commands.register(&tools.rest, application).await else { return };
        tracing::warn!(%trouble, "the slash commands are not registered yet");
        if !trouble.passes() {
            return;
        }
        sleep(wait).await;
        wait *= 4;
    }
}

/// One interaction being dealt with.
struct Handling {
    tools: Arc<Tools>,
    commands: Arc<Commands>,
    limits: Arc<Gate>,
    answering: Answering,
}

impl Handling {
    async fn handle(self, mut asked: Asked) {
        let since = Instant::now();
        // Before it is recorded, since a linked account acts as its user.
        let let_in = match timeout(PROMPT, asked.let_in(&self.limits.accounts)).await {
            Ok(let_in) => let_in,
            Err(late) => Err(CommandError::unavailable(late)),
        };
        if let Err(error) = let_in {
            if asked.kind == Kind::Autocomplete {
                return self.answering.suggest(&[]).await;
            }
            return self.finish(&asked, Err(error), false, since).await;
        }
        match asked.kind {
            Kind::Autocomplete => {
                let option = asked.focused.clone().unwrap_or_default();
                let suggested =
                    timeout(PROMPT, self.commands.suggest(asked.call(0, self.now()), &option));
                return self.answering.suggest(&suggested.await.unwrap_or_default()).await;
            }
            Kind::Button | Kind::Command | Kind::Form => {}
        }
        // Recording and thinking run on while Discord is told that we think.
        let work = self.work(&asked);
        tokio::pin!(work);
        let (done, deferred) = if let Ok(done) = timeout(PROMPT, &mut work).await {
            (done, false)
        } else {
            let deferred = self.answering.think(self.commands.is_private(&asked.path)).await;
            let done = timeout(TOKEN_LIFE, work).await.unwrap_or_else(|_| {
                Err(CommandError::unavailable("it took longer than Discord waits"))
            });
            (done, deferred)
        };
        self.finish(&asked, done, deferred, since).await;
    }

    fn now(&self) -> DateTime<Utc> {
        self.commands.behaviors().journal.clock().now()
    }

    async fn work(&self, asked: &Asked) -> Result<Reply, CommandError> {
        let (cause, received) = (&asked.caller().cause, asked.received());
        let facts = vec![received.clone()];
        let recorded = self.tools.record_channel(cause, asked.channel, facts, None);
        let Some(recorded) = recorded.await else {
            return Err(CommandError::unavailable("the call cannot be recorded"));
        };
        if matches!(asked.kind, Kind::Button | Kind::Command) {
            self.limits.pass(&received).await?;
        }
        self.commands.run(asked.call(recorded.position, self.now())).await
    }

    async fn finish(
        &self,
        asked: &Asked,
        done: Result<Reply, CommandError>,
        deferred: bool,
        since: Instant,
    ) {
        let (reply, mut error) = match done {
            // A form can only be the first word.
            Ok(Reply::Form(Form { .. })) if deferred => {
                let text = answer::TOO_LATE_FOR_A_FORM;
                (Reply::Private(text.to_owned()), Some("the form came too late".to_owned()))
            }
            Ok(reply) => (reply, None),
            Err(error) => {
                tracing::info!(command = asked.path, error = %describe(&error), "a command failed");
                (
                    Reply::Private(answer::in_plain_words(&error, asked.trusted)),
                    Some(error.to_string()),
                )
            }
        };
        let given = match reply {
            Reply::Scripted(answered) => self.give_scripted(asked, answered, deferred).await,
            reply => self.answering.give(reply, deferred).await,
        };
        if let Err(trouble) = given {
            tracing::warn!(command = asked.path, %trouble, "a command could not be answered");
            error = error.or_else(|| Some(format!("not delivered: {trouble}")));
        }
        let answered = ChannelEvent::InteractionAnswered {
            id: asked.id,
            success: error.is_none(),
            error,
            duration_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let cause = asked.caller().cause.then("answered");
        let cause = Cause { actor: Actor::system("bot"), ..cause };
        self.tools.record_channel(&cause, asked.channel, vec![answered], None).await;
    }

    /// Gives what a behavior says, and records what became of it.
    async fn give_scripted(
        &self,
        asked: &Asked,
        answered: Answered,
        deferred: bool,
    ) -> Result<(), Trouble> {
        let mut ended = Ok(());
        for (place, answer) in answered.replies.iter().enumerate() {
            let given = self.answering.speak(answer, deferred, place == 0).await;
            let said: Said = match given {
                Ok(said) => said,
                Err(trouble) => {
                    let reason = trouble.to_string();
                    let outcome = if trouble.passes() {
                        Outcome::Unknown { reason }
                    } else {
                        Outcome::Failed { reason }
                    };
                    ended = Err(trouble);
                    outcome.into()
                }
            };
            let Some(action) = answer.action else { continue };
            let behaviors = self.commands.behaviors();
            let cause = asked.caller().cause.then("behavior");
            if let Err(error) = behaviors.settle(&cause, &answered, action, said).await {
                tracing::warn!(error = %describe(&error), "an outcome is not recorded");
            }
        }
        ended
    }
}
