//! What is measured, beside the raw limits and the peers, in one run on one machine.
//!
//! `benches [--json] [--seconds N] [case…]`: without a case all of them; a case is named in full or by how
//! it begins; `--list` names them. Run it by `just bench`, which starts the servers it needs.
#![expect(clippy::cast_precision_loss, reason = "figures are told with three digits")]

mod appends;
mod bare_jetstream;
mod behaviors;
mod built;
mod commands;
mod decisions;
mod desk;
mod edits;
mod figure;
mod identity;
mod loads;
mod log_jetstream;
mod log_reads;
mod log_sqlite;
mod measure;
mod peer;
mod raw;
mod replay;
mod rest;
mod server;
mod start;
mod table;
mod visibility;
mod workload;

use std::future::ready;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::measure::Bench;
use crate::table::Row;

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Case {
    name: &'static str,
    run: fn(Bench) -> LocalBoxFuture<'static, Result<Vec<Row>>>,
}

/// The raw limits first, then in the order in which an event travels.
const CASES: [Case; 17] = [
    Case { name: "raw_f", run: |_| ready(raw::show_f()).boxed_local() },
    Case { name: "raw_d", run: |bench| ready(raw::show_d(bench)).boxed_local() },
    Case { name: "raw_get", run: |_| bare_jetstream::show_get().boxed_local() },
    Case { name: "raw_j", run: |_| bare_jetstream::show_j().boxed_local() },
    Case { name: "raw_publish", run: |bench| bare_jetstream::show_publish(bench).boxed_local() },
    Case { name: "log_sqlite", run: |bench| log_sqlite::show(bench).boxed_local() },
    Case { name: "log_jetstream", run: |bench| log_jetstream::show(bench).boxed_local() },
    Case { name: "loads", run: |_| loads::show().boxed_local() },
    Case { name: "commands", run: |bench| commands::show(bench).boxed_local() },
    Case { name: "behaviors", run: |bench| behaviors::show(bench).boxed_local() },
    Case { name: "edits", run: |bench| edits::show(bench).boxed_local() },
    Case { name: "decisions", run: |bench| decisions::show(bench).boxed_local() },
    Case { name: "identity", run: |bench| identity::show(bench).boxed_local() },
    Case { name: "visibility", run: |bench| visibility::show(bench).boxed_local() },
    Case { name: "replay", run: |bench| replay::show(bench).boxed_local() },
    Case { name: "rest", run: |bench| rest::show(bench).boxed_local() },
    Case { name: "start", run: |_| start::show().boxed_local() },
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut json = false;
    let mut seconds = 2.0;
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "rest-child" => return rest::child(arguments).await,
            "replay-child" => {
                let line = replay::child(arguments).await?;
                return Ok(writeln!(std::io::stdout(), "{line}")?);
            }
            "--json" => json = true,
            "--list" => {
                for case in &CASES {
                    eprintln!("{}", case.name);
                }
                return Ok(());
            }
            "--seconds" => {
                seconds = arguments.next().context("--seconds wants a number")?.parse()?;
            }
            _ => wanted.push(argument),
        }
    }
    for name in &wanted {
        let known = CASES.iter().any(|case| case.name.starts_with(name.as_str()));
        ensure!(known, "there is no case {name}; --list names them");
    }

    let bench = Bench { span: Duration::from_secs_f64(seconds) };
    let mut rows = Vec::new();
    for case in CASES {
        if wanted.is_empty() || wanted.iter().any(|name| case.name.starts_with(name.as_str())) {
            eprintln!("{}", case.name);
            match (case.run)(bench).await {
                Ok(more) => rows.extend(more),
                Err(error) => {
                    // What was measured before is shown all the same.
                    table::print(&rows, json)?;
                    return Err(error.context(case.name));
                }
            }
        }
    }
    table::print(&rows, json)
}
