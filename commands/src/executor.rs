//! Load, decide, store; and again, when somebody else was faster.
//!
//! Hot aggregates are kept in memory. Commands for one aggregate are decided one after the other
//! on that state; where the log allows it, the next one is decided while the commit of the one
//! before is still on its way to disk, so that one hot aggregate is not bound to one commit per
//! disk write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::kernel::{Appended, Cause, Event, Journal, Listed, LogError, StreamId};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use moka::future::Cache;
use tokio::sync::Mutex;

use crate::CommandError;
use crate::memory::{Memory, Place};
use crate::ports::{Execute, Executed, Loaded, Snapshots};

/// How often a command is decided before its conflict is the caller's.
const ATTEMPTS: usize = 16;

/// How many aggregates of one kind are kept in memory, and for how long after they were used.
const KEPT: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_mins(15);

/// When a commit is durable: where, or that the state it stood on is void.
type Landing = Shared<BoxFuture<'static, Result<Appended, Arc<LogError>>>>;

/// Executes commands on one kind of aggregate.
pub struct Executor<A: Listed> {
    journal: Journal,
    snapshots: Arc<dyn Snapshots>,
    slots: Cache<String, Arc<Slot<A>>>,
}

/// The place of one aggregate: whoever holds the lock decides.
struct Slot<A: Listed> {
    memory: Mutex<Option<Hot<A>>>,
    /// Counts what makes the memory void: a failed append, a foreign commit.
    voided: AtomicU64,
}

/// What is remembered of one aggregate, commits that are still on their way included.
struct Hot<A: Listed> {
    memory: Memory<A>,
    /// The newest commit on its way, if any.
    landing: Option<Landing>,
    /// The value of `voided` when this was loaded.
    epoch: u64,
}

impl<A: Listed> Hot<A> {
    /// Takes note of a commit that has landed meanwhile.
    fn notice_landing(&mut self) {
        let landed = self.landing.clone().and_then(FutureExt::now_or_never);
        if let Some(Ok(Appended::Stored { position })) = landed {
            self.memory.position = position;
            self.landing = None;
        }
    }
}

/// What deciding came to.
enum Decided<A: Listed> {
    /// A commit is on its way.
    Appending { landing: Landing, version: u64, events: Vec<A::Event> },
    /// Nothing to store, or a refusal, on a state that this commit has to confirm first.
    Nothing { pending: Option<Landing>, position: u64, version: u64, no: Option<CommandError> },
}

impl<A: Listed> Executor<A> {
    /// Executes over this journal.
    pub fn new(journal: Journal, snapshots: Arc<dyn Snapshots>) -> Self {
        let slots = Cache::builder().max_capacity(KEPT).time_to_idle(KEPT_FOR).build();
        Self { journal, snapshots, slots }
    }

    /// Another process wrote to this stream up to this position: what is remembered may be old.
    pub async fn observe(&self, stream: &StreamId, position: u64) {
        let Some(slot) = self.slots.get(stream.id()).await else { return };
        let mut held = slot.memory.lock().await;
        if let Some(hot) = held.as_mut() {
            hot.notice_landing();
            // A commit on its way conflicts with a foreign one, which voids the memory as well.
            if hot.landing.is_none() && hot.memory.position < position {
                *held = None;
            }
        }
    }

    /// What is remembered may not be what the log holds: it is loaded again.
    pub fn forget_all(&self) {
        self.slots.invalidate_all();
    }

    async fn attempt(
        &self,
        id: &A::Id,
        wanted: Option<u64>,
        command: A::Command,
        cause: &Cause,
        again: bool,
    ) -> Result<Executed<A>, CommandError> {
        let stream = StreamId::of::<A>(id);
        let slot = self.slot(&stream).await;
        let decided = {
            let mut held = slot.memory.lock().await;
            // Who has seen more than is remembered here knows of a commit of another process.
            let is_old = |hot: &mut Hot<A>| {
                hot.landing.is_none() && wanted.is_some_and(|wanted| wanted > hot.memory.version)
            };
            drop(held.take_if(is_old));
            let hot = self.hot(&slot, &mut held, &stream).await?;
            self.wait_where_needed(hot).await?;
            // Deciding changes the state before its commit is on its way: whatever keeps it from
            // getting there, the caller's leaving included, leaves no memory behind.
            let Some(mut hot) = held.take() else { return Err(CommandError::Conflict) };
            let decided = self.decide(&slot, &mut hot, id, &stream, wanted, command, cause).await?;
            *held = Some(hot);
            // Somebody else writes to this aggregate: the others here wait for the outcome,
            // instead of deciding on what may well be void.
            if let (true, Decided::Appending { landing, .. }) = (again, &decided) {
                landing.clone().await.map_err(conflict_or_down)?;
            }
            decided
        };
        match decided {
            Decided::Appending { landing, version, events } => {
                match landing.await.map_err(conflict_or_down)? {
                    Appended::Stored { position } => Ok(Executed { position, version, events }),
                    // An earlier try was stored, and what was decided just now was not.
                    Appended::Repeated { position } => {
                        let version = self.load(id).await?.version;
                        Ok(Executed { position, version, events: vec![] })
                    }
                }
            }
            Decided::Nothing { pending, position, version, no } => {
                let position = match pending {
                    Some(landing) => stored(landing.await)?,
                    None => position,
                };
                no.map_or(Ok(Executed { position, version, events: vec![] }), Err)
            }
        }
    }

    /// What is remembered, loaded where it is not, or not any more.
    async fn hot<'a>(
        &self,
        slot: &Slot<A>,
        held: &'a mut Option<Hot<A>>,
        stream: &StreamId,
    ) -> Result<&'a mut Hot<A>, CommandError> {
        let epoch = slot.voided.load(Ordering::SeqCst);
        let memory = if let Some(hot) = held.take_if(|hot| hot.epoch == epoch) {
            hot
        } else {
            let memory = Memory::load(&self.journal, self.snapshots.as_ref(), stream).await?;
            Hot { memory, landing: None, epoch }
        };
        Ok(held.insert(memory))
    }

    /// Logs that check positions take one commit of a stream at a time.
    async fn wait_where_needed(&self, hot: &mut Hot<A>) -> Result<(), CommandError> {
        let Some(landing) = &hot.landing else { return Ok(()) };
        if self.journal.log().pipelines() {
            if let Some(landed) = landing.clone().now_or_never() {
                // What did not land takes the memory with it, and is decided again.
                hot.memory.position = stored(landed).map_err(|_| CommandError::Conflict)?;
                hot.landing = None;
            }
            return Ok(());
        }
        hot.memory.position = stored(landing.clone().await)?;
        hot.landing = None;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `attempt`, split off to be read")]
    async fn decide(
        &self,
        slot: &Arc<Slot<A>>,
        hot: &mut Hot<A>,
        id: &A::Id,
        stream: &StreamId,
        wanted: Option<u64>,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Decided<A>, CommandError> {
        let memory = &mut hot.memory;
        let nothing = |position, version, no| {
            Ok(Decided::Nothing { pending: hot.landing.clone(), position, version, no })
        };
        if let Some(position) = memory.position_of(cause.command) {
            return nothing(position, memory.version, None);
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != memory.version) {
            let no = CommandError::Moved { wanted, at: memory.version };
            return nothing(memory.position, memory.version, Some(no));
        }

        let sink = EventSink::default();
        if let Err(no) = memory.aggregate.handle(command, &(), &sink).await {
            let no = CommandError::rejected(&no);
            return nothing(memory.position, memory.version, Some(no));
        }
        let events = sink.collect().await;
        if events.is_empty() {
            return nothing(memory.position, memory.version, None);
        }

        let stored: Vec<Event> =
            events.iter().map(|event| A::to_event(id.clone(), event.clone())).collect();
        let expected = memory.expected(hot.landing.is_some());
        let append = self.journal.append(stream, expected, &stored, cause).await?;
        let place = Place::default();
        memory.advance(cause.command, events.len() as u64, place.clone());

        let landing = self.landing(slot, append, hot.epoch, place);
        hot.landing = Some(landing.clone());
        self.keep_snapshot(stream, hot, &landing);
        Ok(Decided::Appending { landing, version: hot.memory.version, events })
    }

    /// Voids the memory when the commit does not land, because later decisions stand on it.
    fn landing(
        &self,
        slot: &Arc<Slot<A>>,
        append: BoxFuture<'static, Result<Appended, LogError>>,
        epoch: u64,
        place: Place,
    ) -> Landing {
        let slot = slot.clone();
        let landing = async move {
            let landed = append.await;
            if let Ok(Appended::Stored { position }) = landed {
                place.landed(position);
            } else {
                // A repeat means that this command was stored by an earlier try: what was decided
                // just now is not in the log, so the state that includes it is void as well.
                let next = epoch + 1;
                let _ =
                    slot.voided.compare_exchange(epoch, next, Ordering::SeqCst, Ordering::SeqCst);
            }
            landed.map_err(Arc::new)
        };
        if self.journal.log().pipelines() {
            // It lands by itself; whoever decides next looks first what became of it.
            return landing.boxed().shared();
        }
        // Driven to its end even when the caller goes away: half a publication is none.
        let driven = tokio::spawn(landing);
        let ended = async {
            driven.await.unwrap_or_else(|gone| Err(Arc::new(LogError::unavailable(gone))))
        };
        ended.boxed().shared()
    }

    /// Keeps a snapshot now and then, off the command's path.
    fn keep_snapshot(&self, stream: &StreamId, hot: &mut Hot<A>, landing: &Landing) {
        let Some(draft) = hot.memory.due_snapshot() else { return };
        let (snapshots, stream, landing) =
            (self.snapshots.clone(), stream.clone(), landing.clone());
        tokio::spawn(async move {
            let Ok(Appended::Stored { position }) = landing.await else { return };
            if let Err(error) = snapshots.put(&stream, draft.at(position)).await {
                tracing::warn!(stream = %stream, error = %error, "a snapshot could not be kept");
            }
        });
    }

    async fn slot(&self, stream: &StreamId) -> Arc<Slot<A>> {
        let empty =
            async { Arc::new(Slot { memory: Mutex::new(None), voided: AtomicU64::new(0) }) };
        self.slots.get_with_by_ref(stream.id(), empty).await
    }

    async fn until_no_conflict(
        &self,
        id: &A::Id,
        wanted: Option<u64>,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Executed<A>, CommandError> {
        for attempt in 0..ATTEMPTS {
            match self.attempt(id, wanted, command.clone(), cause, attempt > 0).await {
                Err(CommandError::Conflict) => back_off(attempt).await,
                ended => return ended,
            }
        }
        Err(CommandError::Conflict)
    }
}

#[async_trait]
impl<A: Listed> Execute<A> for Executor<A>
where
    A: Aggregate<Event: Send + Sync>,
{
    async fn execute(
        &self,
        id: &A::Id,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Executed<A>, CommandError> {
        self.until_no_conflict(id, None, command, cause).await
    }

    async fn execute_at(
        &self,
        id: &A::Id,
        version: u64,
        command: A::Command,
        cause: &Cause,
    ) -> Result<Executed<A>, CommandError> {
        self.until_no_conflict(id, Some(version), command, cause).await
    }

    async fn load(&self, id: &A::Id) -> Result<Loaded<A>, CommandError> {
        let stream = StreamId::of::<A>(id);
        let slot = self.slot(&stream).await;
        loop {
            let mut held = slot.memory.lock().await;
            let hot = self.hot(&slot, &mut held, &stream).await?;
            // What is on its way is not shown before it has landed.
            if let Some(landing) = hot.landing.clone() {
                let Ok(position) = stored(landing.await) else { continue };
                hot.memory.position = position;
                hot.landing = None;
            }
            let Memory { aggregate, version, position, .. } = &hot.memory;
            let (aggregate, version, position) = (aggregate.clone(), *version, *position);
            return Ok(Loaded { aggregate, version, position });
        }
    }
}

/// A little longer each time, and not the same for everybody.
async fn back_off(attempt: usize) {
    let most = 2u64 << attempt.min(6);
    let millis = rand::random_range(0..most);
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}

/// Where a commit is. One that was in the log before leaves the state that includes it void.
fn stored(landed: Result<Appended, Arc<LogError>>) -> Result<u64, CommandError> {
    match landed.map_err(conflict_or_down)? {
        Appended::Stored { position } => Ok(position),
        Appended::Repeated { .. } => Err(CommandError::Conflict),
    }
}

fn conflict_or_down(error: Arc<LogError>) -> CommandError {
    match &*error {
        LogError::Conflict { .. } => CommandError::Conflict,
        LogError::TooLarge { size, limit } => {
            LogError::TooLarge { size: *size, limit: *limit }.into()
        }
        LogError::Corrupt(_) | LogError::Unavailable(_) => CommandError::unavailable(error),
    }
}
