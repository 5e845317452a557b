//! What `cqrs-es` with `postgres-es` does on this machine, to lay beside our own commands.
//!
//! `peer <database url> [--seconds N] [case…]` prints one line of JSON per case; `peer --list` names them.
//! It owns the schema `peer` of the database: dropped and made anew at the start.

mod cases;
mod store;
mod tally;

use anyhow::{Context, bail};
use cases::CASES;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: peer <database url> [--seconds N] [case…]")?;
    if url == "--list" {
        CASES.iter().for_each(|case| println!("{}", case.name()));
        return Ok(());
    }

    let mut seconds = 3.0;
    let mut wanted = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            seconds = arguments.next().context("--seconds wants a number")?.parse()?;
        } else if CASES.iter().any(|case| case.name() == argument) {
            wanted.push(argument);
        } else {
            bail!("there is no case {argument}; `peer --list` names them");
        }
    }

    let pool = store::prepare(&url).await?;
    for case in CASES.iter().filter(|it| wanted.is_empty() || wanted.contains(&it.name())) {
        println!("{}", case.run(&pool, seconds).await?);
    }
    Ok(())
}
