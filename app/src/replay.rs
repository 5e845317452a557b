//! `palimpsest replay`: all read models anew, with progress, through the API of the server.

use std::io::Write;

use anyhow::{Context, bail};
use domain::kernel::Shown;
use projections::Until;
use serde_json::{Value, json};

use crate::progress::{events_bar, show};
use crate::remote::{Patience, Remote};
use crate::stores::Stores;

/// Builds a new generation beside the live one, and switches to it.
pub(crate) async fn rebuild(remote: &Remote, check: bool, as_json: bool) -> anyhow::Result<()> {
    let started = remote.post("/replays", &json!({ "check": check })).await?;
    let id = started["replay_id"].as_str().context("the server named no replay")?.to_owned();
    let progress = events_bar();
    let mut patience = Patience::new();
    let ended = loop {
        let state = remote.get(&format!("/replays/{id}")).await;
        let state = state.context("the replay goes on, if the server still runs")?;
        let number = |name: &str| state[name].as_u64().unwrap_or_default();
        let speed = state["events_per_second"].as_f64().unwrap_or_default();
        show(&progress, number("position"), number("head"), speed);
        match state["status"].as_str() {
            Some("running") => patience.wait().await,
            _ => break state,
        }
    };
    progress.finish_and_clear();
    if as_json {
        writeln!(std::io::stdout(), "{ended}")?;
    }
    report(&ended, check)
}

fn report(ended: &Value, check: bool) -> anyhow::Result<()> {
    let position = ended["position"].as_u64().unwrap_or_default();
    match ended["status"].as_str() {
        Some("completed") if ended["switched"].as_bool() != Some(false) => {
            let speed = ended["events_per_second"].as_f64().unwrap_or_default();
            eprintln!("Rebuilt all read models up to commit {position}, {speed:.0} events/s.");
            if check {
                eprintln!("Every table equals the one that was live.");
            }
            Ok(())
        }
        Some("completed") => {
            let first = &ended["differences"][0];
            bail!("the rebuilt read models differ from the live ones, first in: {first}");
        }
        status => {
            let reason = ended["error"].as_str().unwrap_or("no reason given");
            bail!("the replay ended as “{}”: {reason}", status.unwrap_or("unknown"));
        }
    }
}

/// Builds the state of a moment into a database of its own.
pub(crate) async fn build_into(
    stores: &Stores,
    into: &str,
    until: Until,
    as_json: bool,
) -> anyhow::Result<()> {
    let progress = events_bar();
    let tell = |it: projections::Progress| {
        show(&progress, it.position, it.head, it.events_per_second);
    };
    let built = projections::build_into(&stores.journal, into, until, &tell).await?;
    progress.finish_and_clear();
    let (position, shown) = (built.position, Shown(into).to_string());
    if as_json {
        writeln!(std::io::stdout(), "{}", json!({ "position": position, "into": shown }))?;
    }
    eprintln!("The state up to commit {position} is in {shown}.");
    if shown == into {
        eprintln!("Serve it: palimpsest serve --views {into}");
    } else {
        eprintln!("Serve it: give the same address to palimpsest serve as --views.");
    }
    Ok(())
}
