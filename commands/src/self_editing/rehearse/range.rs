//! Which part of the log is rehearsed.

use chrono::{DateTime, Utc};
use domain::kernel::{Codec, Journal, LogError};
use domain::self_editing::Plan;

use crate::CommandError;
use crate::behaviors::says_something;
use crate::self_editing::Moment;

/// How many commits a rehearsal looks at when nobody says it.
const USUAL: u64 = 1_000;

/// How many events, and commits, it takes at most.
pub const MOST: u64 = 1_000_000;

/// How many commits are read at once, and how far the search goes back at first.
const PAGE: usize = 1_000;
const FIRST_STEP: u64 = 4_000;
const LONGEST_STEP: u64 = 64_000;

/// Which events somebody would like to see rehearsed. Both ends belong to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// The newest so many commits; without it and without an end, the usual number.
    pub last: Option<u64>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
}

/// The commits after one and up to another, and how many of them.
pub(super) struct Bounds {
    pub(super) last: Option<u64>,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Range {
    pub(super) async fn bounds(self, journal: &Journal) -> Result<Bounds, CommandError> {
        if self.last.is_some_and(|last| last == 0 || last > MOST) {
            return Err(CommandError::invalid("last", format!("is between 1 and {MOST}")));
        }
        let head = journal.log().head().await?;
        let from = match self.from {
            None | Some(Moment::Now) => 0,
            Some(Moment::Time(time)) => count_before(journal, head, |it| it < time).await?,
            Some(Moment::Position(at) | Moment::Revision(at)) => at.saturating_sub(1),
        };
        let to = match self.to {
            None | Some(Moment::Now) => head,
            Some(Moment::Time(time)) => count_before(journal, head, |it| it <= time).await?,
            Some(Moment::Position(at) | Moment::Revision(at)) => at.min(head),
        };
        if self.from.is_some() && from >= head {
            let reason = format!("nothing was recorded since then; the newest commit is {head}");
            return Err(CommandError::invalid("from", reason));
        }
        if self.to.is_some() && to == 0 {
            return Err(CommandError::invalid("to", "nothing was recorded until then"));
        }
        if from >= to && self.to.is_some() {
            return Err(CommandError::invalid("to", "comes before what `from` says"));
        }
        let usual = self.from.is_none() && self.to.is_none();
        Ok(Bounds { last: self.last.or(usual.then_some(USUAL)), from, to })
    }
}

/// How many commits were recorded before some time; the log's writer stamps them in order.
async fn count_before(
    journal: &Journal,
    head: u64,
    is_before: impl Fn(DateTime<Utc>) -> bool,
) -> Result<u64, CommandError> {
    let (mut low, mut high) = (0, head);
    while low < high {
        let middle = low.midpoint(high);
        let commits = journal.log().read_all(middle, 1).await?;
        let Some(commit) = commits.first() else { return Ok(low) };
        let recorded = Codec::parse(commit).map_err(CommandError::unavailable)?.recorded;
        if is_before(recorded) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// After which commit the newest part begins that has as many commits, and no more events, as are
/// wanted: of those that say something to behaviors.
pub(super) async fn begin(journal: &Journal, plan: &Plan) -> Result<u64, LogError> {
    let (mut commits, mut events) = (0, 0);
    let (mut high, mut step) = (plan.to, FIRST_STEP);
    while high > plan.from {
        let low = high.saturating_sub(step).max(plan.from);
        for (position, says) in weighed(journal, low, high).await?.into_iter().rev() {
            if events + says > MOST {
                return Ok(position);
            }
            (commits, events) = (commits + 1, events + says);
            if plan.last.is_some_and(|last| commits >= last) {
                return Ok(position - 1);
            }
        }
        (high, step) = (low, (step * 2).min(LONGEST_STEP));
    }
    Ok(plan.from)
}

/// The commits of a stretch that say something to behaviors, and in how many events.
async fn weighed(journal: &Journal, low: u64, high: u64) -> Result<Vec<(u64, u64)>, LogError> {
    let (mut found, mut at) = (Vec::new(), low);
    while at < high {
        let commits = journal.log().read_all(at, PAGE).await?;
        let Some(last) = commits.last() else { break };
        at = last.position;
        for commit in commits.iter().filter(|it| it.position <= high) {
            // What people say is sealed, so this is the field.
            let by_bot = |data: &str| data.contains("\"bot\":true");
            let body = Codec::parse(commit).map_err(|it| LogError::Corrupt(it.to_string()))?;
            let says = body.events.iter();
            let says = says.filter(|it| says_something(&it.r#type) && !by_bot(it.data.get()));
            match says.count() as u64 {
                0 => {}
                says => found.push((commit.position, says)),
            }
        }
    }
    Ok(found)
}
