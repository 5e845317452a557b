//! Feeds events to the behaviors as they are and as they would be, and compares their answers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::discord::ChannelEvent;
use domain::kernel::{BehaviorId, DiscordUserId, Event, Personal, Recorded};
use domain::self_editing::{Example, Failing, Report};

use super::beside::Beside;
use super::lately::Lately;
use super::words;
use crate::behaviors::{Fed, Match, Registry, has_turns, matches_in_turn};
use crate::ports::{Fault, Ran, Reads};

/// How many examples, and how many different errors, a report has.
const SHOWN: usize = 20;

/// How many bots are remembered.
const BOTS: usize = 10_000;

/// See the module. It has no effects, and asks nobody.
pub(super) struct Comparison {
    before: Arc<Registry>,
    after: Arc<Registry>,
    /// What of the workspace scripts find otherwise: whoever reads none of it answers the same.
    otherwise: Reads,
    /// Whose edits and reactions are left out.
    bots: HashSet<DiscordUserId>,
    lately: Lately,
    report: Report,
    /// How long all runs took, before and after.
    took: (Duration, Duration),
    examples: BTreeMap<BehaviorId, Vec<Example>>,
    errors: BTreeMap<(BehaviorId, String), Failing>,
}

/// What the behaviors of one side did about one event.
struct Side(Vec<(Match, Ran)>);

impl Comparison {
    pub(super) fn new(before: Arc<Registry>, after: Arc<Registry>) -> Self {
        let depth = before.longest_history().max(after.longest_history());
        let otherwise = before.reads_otherwise(&after);
        Self {
            before,
            after,
            otherwise,
            bots: HashSet::new(),
            lately: Lately::new(depth),
            report: Report::default(),
            took: <(Duration, Duration)>::default(),
            examples: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    /// One more event, in the order of the log.
    pub(super) fn feed(&mut self, recorded: &Recorded, Beside { guild, of_a_bot }: Beside) {
        let fed = Fed::of(recorded).filter(|fed| !of_a_bot && !self.is_of_a_bot(fed));
        if let Some(fed) = fed {
            self.rehearse(recorded, &fed.on(guild));
        }
        let Event::Channel(channel, event) = &recorded.event else { return };
        if let ChannelEvent::MessageCreated(message) = event
            && message.bot
            && self.bots.len() < BOTS
        {
            self.bots.insert(message.author);
        }
        self.lately.learn(*channel, event);
    }

    pub(super) fn events(&self) -> u64 {
        self.report.events
    }

    pub(super) fn differing(&self) -> u64 {
        self.report.differing
    }

    /// What all of it showed. Of examples each behavior has its share.
    pub(super) fn report(self) -> Report {
        let mut rows: Vec<_> = self.examples.into_values().map(Vec::into_iter).collect();
        let mut examples = Vec::new();
        while examples.len() < SHOWN {
            let before = examples.len();
            examples.extend(rows.iter_mut().filter_map(Iterator::next));
            if examples.len() == before {
                break;
            }
        }
        examples.truncate(SHOWN);
        examples.sort_by_key(|it| (it.position, it.index));
        let us = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Report {
            examples,
            errors: self.errors.into_values().collect(),
            time_before_us: us(self.took.0),
            time_after_us: us(self.took.1),
            ..self.report
        }
    }

    /// Messages of bots call no behavior; edits and reactions are left out here.
    fn is_of_a_bot(&self, fed: &Fed) -> bool {
        fed.perhaps_of_a_bot().is_some_and(|it| self.bots.contains(&it))
    }

    fn rehearse(&mut self, recorded: &Recorded, fed: &Fed) {
        self.report.events += 1;
        let (mut before, mut after) = (fed.matches(&self.before), fed.matches(&self.after));
        leave_out_what_stays(&mut before, &mut after, self.otherwise);
        if before.is_empty() && after.is_empty() {
            return;
        }
        let (of, lately) = (fed.occasion(), &self.lately);
        let mut told = of.clone();
        let mut run = |registry: &Registry, called: &Match| {
            let history = called.live.head.history;
            fed.tell(&mut told, called, lately.before(of.channel, of.message, history));
            registry.run(&called.live, &told)
        };
        let before = matches_in_turn(before, |it| run(&self.before, it));
        let after = matches_in_turn(after, |it| {
            let same = |(other, _): &&(Match, Ran)| other.is_same(it, self.otherwise);
            match before.iter().find(same) {
                Some((_, ran)) => ran.clone(),
                None => run(&self.after, it),
            }
        });
        let (before, after) = (Side(before), Side(after));
        self.count(&before, &after);
        self.note_errors(recorded, fed, &before, &after);
        self.compare(recorded, fed, &before, &after);
    }

    fn count(&mut self, before: &Side, after: &Side) {
        let report = &mut self.report;
        report.calls_before += before.calls();
        report.calls_after += after.calls();
        report.errors_before += before.errors();
        report.errors_after += after.errors();
        self.took.0 += before.took();
        self.took.1 += after.took();
        report.operations_before += before.operations();
        report.operations_after += after.operations();
        report.most_actions_before = report.most_actions_before.max(before.actions());
        report.most_actions_after = report.most_actions_after.max(after.actions());
    }

    fn note_errors(&mut self, recorded: &Recorded, fed: &Fed, before: &Side, after: &Side) {
        for (side, is_after) in [(before, false), (after, true)] {
            for (called, ran) in &side.0 {
                let Err(Fault { line, reason }) = &ran.wanted else { continue };
                let key = (called.live.id.clone(), words::short(reason));
                if self.errors.len() >= SHOWN && !self.errors.contains_key(&key) {
                    continue;
                }
                let reason = Personal::of(fed.person(), key.1.clone());
                let found = self.errors.entry(key).or_insert_with(|| Failing {
                    behavior: called.live.id.clone(),
                    line: *line,
                    reason,
                    position: recorded.position,
                    index: recorded.index,
                    before: 0,
                    after: 0,
                });
                if is_after {
                    (found.after, found.line) = (found.after + 1, *line);
                } else {
                    found.before += 1;
                }
            }
        }
    }

    fn compare(&mut self, recorded: &Recorded, fed: &Fed, before: &Side, after: &Side) {
        let ids = before.0.iter().chain(&after.0).map(|(called, _)| &called.live.id);
        let ids: BTreeSet<_> = ids.collect();
        let mut differs = false;
        for id in ids {
            let (was, is) = (before.of(id), after.of(id));
            if is_alike(was, is) {
                continue;
            }
            differs = true;
            *self.report.differing_by.entry(id.clone()).or_default() += 1;
            let examples = self.examples.entry(id.clone()).or_default();
            if examples.len() >= SHOWN {
                continue;
            }
            let of = |text: String| Personal::of(fed.person(), text);
            let what = after.what(id).or_else(|| before.what(id)).unwrap_or_default();
            examples.push(Example {
                position: recorded.position,
                index: recorded.index,
                behavior: id.clone(),
                what: what.to_owned(),
                channel: fed.occasion().channel,
                said: of(words::short(fed.said())),
                before: was.and_then(words::answer).map(of),
                after: is.and_then(words::answer).map(of),
            });
        }
        self.report.differing += u64::from(differs);
    }
}

/// Leaves out what both sides call alike, which cannot make a difference; but for responders, of which one
/// decides whether the next is asked: where any of them differs, all of them stay.
fn leave_out_what_stays(before: &mut Vec<Match>, after: &mut Vec<Match>, otherwise: Reads) {
    let is_new =
        |it: &Match, others: &[Match]| !others.iter().any(|other| other.is_same(it, otherwise));
    let newly = |some: &[Match], others: &[Match]| {
        some.iter().any(|it| has_turns(it.what) && is_new(it, others))
    };
    let turns = newly(before, after) || newly(after, before);
    let stays = |it: &Match, others: &[Match]| turns && has_turns(it.what) || is_new(it, others);
    let left = before.iter().filter(|it| stays(it, after)).cloned().collect();
    after.retain(|it| stays(it, before));
    *before = left;
}

/// Whether two runs come to the same. Nobody sees the difference between silence and not being
/// called; an error is the same wherever in the script it now stands.
fn is_alike(one: Option<&Ran>, other: Option<&Ran>) -> bool {
    let loud = |ran: &&Ran| !ran.wanted.as_ref().is_ok_and(Vec::is_empty);
    match (one.filter(loud), other.filter(loud)) {
        (None, None) => true,
        (Some(one), Some(other)) => match (&one.wanted, &other.wanted) {
            (Ok(one), Ok(other)) => one == other,
            (Err(one), Err(other)) => one.reason == other.reason,
            _ => false,
        },
        _ => false,
    }
}

impl Side {
    fn of(&self, id: &BehaviorId) -> Option<&Ran> {
        self.0.iter().find(|(called, _)| called.live.id == *id).map(|(_, ran)| ran)
    }

    fn what(&self, id: &BehaviorId) -> Option<&'static str> {
        self.0.iter().find(|(called, _)| called.live.id == *id).map(|(called, _)| called.what)
    }

    fn sum(&self, of: impl Fn(&Ran) -> u64) -> u64 {
        self.0.iter().map(|(_, ran)| of(ran)).sum()
    }

    fn calls(&self) -> u64 {
        self.sum(|_| 1)
    }

    fn errors(&self) -> u64 {
        self.sum(|ran| u64::from(ran.wanted.is_err()))
    }

    fn operations(&self) -> u64 {
        self.sum(|ran| ran.operations)
    }

    fn actions(&self) -> u64 {
        self.sum(|ran| ran.wanted.as_ref().map_or(0, |it| it.len() as u64))
    }

    fn took(&self) -> Duration {
        self.0.iter().map(|(_, ran)| ran.took).sum()
    }
}
