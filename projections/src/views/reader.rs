//! Reads the log for a projector: pages of opened events up to a goal, in a task of their own.

use chrono::{DateTime, Utc};
use domain::kernel::{ChainHash, Event, Journal, LogError, Page};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The commits before the first one recorded later than this, and none after this position.
    Before(DateTime<Utc>, u64),
    /// For as long as there are commits.
    Forever,
    /// Up to this commit, which the log holds.
    Position(u64),
}

/// Pages that wait to be projected: enough that neither side waits for the other for long.
const WAITING: usize = 2;

/// What comes from the log.
pub(super) struct Reader {
    pages: mpsc::Receiver<Result<Page, LogError>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Reads on after a position, with the chain's value there.
    pub(super) fn start(journal: Journal, after: u64, chain: ChainHash, goal: Goal) -> Self {
        let (out, pages) = mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            let end = read(&journal, after, chain, goal, &out).await;
            if let Err(error) = end {
                // Nobody listens any more: then nobody needs the error.
                let _ = out.send(Err(error)).await;
            }
        });
        Self { pages, task }
    }

    /// The next page; none when the goal is reached.
    pub(super) async fn next(&mut self) -> Option<Result<Page, LogError>> {
        self.pages.recv().await
    }

    /// The next page, if it is there already.
    pub(super) fn waiting(&mut self) -> Option<Result<Page, LogError>> {
        self.pages.try_recv().ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    journal: &Journal,
    after: u64,
    chain: ChainHash,
    goal: Goal,
    out: &mpsc::Sender<Result<Page, LogError>>,
) -> Result<(), LogError> {
    let last = match goal {
        Goal::Before(_, last) | Goal::Position(last) => last,
        Goal::Forever => u64::MAX,
    };
    let (mut at, mut value) = (after, chain);
    let mut pages = journal.follow(after, chain);
    while at < last {
        let Some(page) = pages.next().await else { return Ok(()) };
        let page = page?;
        // The events after an erasure are opened without the keys that it destroyed.
        if page.events.iter().any(|it| matches!(it.event, Event::Person(..))) {
            journal.codec().forget_keys();
        }
        let end = end(&page, goal).min(last);
        if end < page.position {
            // The goal lies within this page: only what is before it is read again.
            return part(journal, at, value, end, out).await;
        }
        (at, value) = (page.position, page.chain);
        if out.send(Ok(page)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The last commit of a page that belongs to the goal.
fn end(page: &Page, goal: Goal) -> u64 {
    let Goal::Before(time, _) = goal else { return page.position };
    let later = page.events.iter().find(|it| it.recorded_at > time);
    later.map_or(page.position, |later| later.position - 1)
}

/// The commits from one position to another, and no more.
async fn part(
    journal: &Journal,
    after: u64,
    chain: ChainHash,
    last: u64,
    out: &mpsc::Sender<Result<Page, LogError>>,
) -> Result<(), LogError> {
    let (mut at, mut value) = (after, chain);
    while at < last {
        let limit = usize::try_from(last - at).unwrap_or(usize::MAX);
        let commits = journal.log().read_all(at, limit).await?;
        let Some(newest) = commits.last().map(|commit| commit.position) else {
            return Err(LogError::Corrupt(format!("commit {} is missing", at + 1)));
        };
        let mut before = value;
        for commit in &commits {
            before = value;
            value = value.next(&commit.body);
        }
        at = newest;
        let events = journal.decode(&commits).await?;
        let page = Page { events, position: at, before, chain: value, caught_up: false };
        if out.send(Ok(page)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
