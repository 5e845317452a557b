//! How to measure without fooling oneself.
//!
//! What waits for the disk is run between two measurements of F and dropped when F moved more than twofold
//! meanwhile; two things to compare take turns; of several rounds the one with the median ratio is told.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::figure::Figure;
use crate::raw;

const ROUNDS: usize = 3;
const ATTEMPTS: usize = 9;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench {
    /// How long each run takes.
    pub(crate) span: Duration,
}

/// Two figures of the same round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) ours: Figure,
    pub(crate) theirs: Figure,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.ours.value / self.theirs.value
    }
}

impl Bench {
    /// What waits for the disk, beside F.
    pub(crate) async fn against_f(&self, ours: impl AsyncFn() -> Result<Figure>) -> Result<Pair> {
        let mut rounds = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let before = raw::f()?;
            let figure = ours().await?;
            let after = raw::f()?;
            if steady(before, after) || attempt == ATTEMPTS {
                rounds.push(Pair { ours: figure, theirs: between(before, after) });
            }
            if rounds.len() == ROUNDS {
                break;
            }
        }
        Ok(median(rounds))
    }

    /// Two things that take turns. `durable` says that they wait for the disk.
    pub(crate) async fn in_turns(
        &self,
        durable: bool,
        ours: impl AsyncFn() -> Result<Figure>,
        theirs: impl AsyncFn() -> Result<Figure>,
    ) -> Result<Pair> {
        let mut rounds = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let before = if durable { Some(raw::f()?) } else { None };
            let (first, second) = (ours().await?, theirs().await?);
            let after = if durable { Some(raw::f()?) } else { None };
            let steady = before.zip(after).is_none_or(|(before, after)| steady(before, after));
            if steady || attempt == ATTEMPTS {
                rounds.push(Pair { ours: first, theirs: second });
            }
            if rounds.len() == ROUNDS {
                break;
            }
        }
        Ok(median(rounds))
    }
}

fn steady(before: Figure, after: Figure) -> bool {
    let moved = before.value.max(after.value) / before.value.min(after.value);
    let verdict = if moved > 2.0 { "dropped" } else { "kept" };
    eprintln!("  F {before} before, {after} after: {verdict}");
    moved <= 2.0
}

fn between(before: Figure, after: Figure) -> Figure {
    Figure { value: f64::midpoint(before.value, after.value), p50_us: None, p99_us: None, ..before }
}

fn median(mut rounds: Vec<Pair>) -> Pair {
    rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    rounds[rounds.len() / 2]
}

/// Repeats for the span and tells the rate of what `piece` counts.
pub(crate) fn repeat(span: Duration, mut piece: impl FnMut() -> Result<usize>) -> Result<Figure> {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < span {
        count += piece()?;
    }
    Ok(Figure::rate(count, started.elapsed()))
}
