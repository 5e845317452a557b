//! How the watch over an edit looks over HTTP.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use commands::ports::Effect;
use commands::self_editing::{Telling, Watched};
use domain::kernel::{Actor, Outcome};
use domain::self_editing::{Alarm, Fared};
use poem_openapi::Object;

use crate::audit::ActorView;
use crate::request;

/// What was seen of an edit since it went live.
#[derive(Object)]
#[oai(rename = "EditWatch")]
pub(super) struct WatchView {
    /// Until then it is taken back by itself if it does harm.
    until: String,
    /// What was worse than before.
    #[oai(skip_serializing_if_is_none)]
    alarm: Option<AlarmView>,
    /// Why it could not be taken back by itself.
    #[oai(skip_serializing_if_is_none)]
    given_up: Option<String>,
    /// Who was told of that.
    told: Vec<ToldView>,
    /// How many things its behaviors did that worked only in part.
    troubles: u64,
    /// The newest of them, up to 5.
    trouble: Vec<TroubleView>,
}

#[derive(Object)]
#[oai(rename = "EditAlarm")]
struct AlarmView {
    behavior: String,
    at: String,
    reason: String,
    before: FaredView,
    after: FaredView,
    /// The share of bad runs that is put up with on top of that before.
    threshold: f64,
}

/// How a behavior fared, in runs.
#[derive(Object)]
#[oai(rename = "BehaviorFared")]
struct FaredView {
    runs: u64,
    failed: u64,
    refused: u64,
    slow: u64,
}

#[derive(Object)]
#[oai(rename = "EditAlarmTold")]
struct ToldView {
    whom: ActorView,
    at: String,
    /// `delivered`, `failed` or `unknown`.
    outcome: String,
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
}

/// Something that was done, but not as a whole: without a reaction, or without its end.
#[derive(Object)]
#[oai(rename = "EditTrouble")]
struct TroubleView {
    behavior: String,
    kind: String,
    at: String,
    reason: String,
}

impl WatchView {
    pub(super) fn of(
        watched: Watched,
        until: DateTime<Utc>,
        names: &HashMap<Actor, String>,
        (trouble, troubles): (Vec<Effect>, u64),
    ) -> Self {
        let Watched { alarm, given_up, told } = watched;
        Self {
            until: request::shown(until),
            alarm: alarm.map(|(alarm, at)| of_alarm(alarm, at)),
            given_up,
            told: told.into_iter().map(|it| of_telling(it, names)).collect(),
            troubles,
            trouble: trouble.into_iter().filter_map(of_trouble).collect(),
        }
    }
}

fn of_alarm(alarm: Alarm, at: DateTime<Utc>) -> AlarmView {
    AlarmView {
        behavior: alarm.behavior.to_string(),
        at: request::shown(at),
        reason: alarm.reason,
        before: fared(alarm.before),
        after: fared(alarm.after),
        threshold: alarm.threshold,
    }
}

fn fared(Fared { runs, failed, refused, slow }: Fared) -> FaredView {
    FaredView { runs, failed, refused, slow }
}

fn of_telling(Telling { whom, at, outcome }: Telling, names: &HashMap<Actor, String>) -> ToldView {
    let (outcome, reason) = match outcome {
        Outcome::Delivered { .. } => ("delivered", None),
        Outcome::Failed { reason } => ("failed", Some(reason)),
        Outcome::Unknown { reason } => ("unknown", Some(reason)),
    };
    let whom = ActorView::of(&whom, names);
    ToldView { whom, at: request::shown(at), outcome: outcome.to_owned(), reason }
}

fn of_trouble(effect: Effect) -> Option<TroubleView> {
    Some(TroubleView {
        behavior: effect.behavior.to_string(),
        kind: effect.kind,
        at: request::shown(effect.at),
        reason: effect.trouble?,
    })
}
