//! `palimpsest verify`: is the log complete and unchanged?

use std::io::Write;

use anyhow::bail;
use commands::kept_head;
use commands::verify::{Verdict, Witness, verify};
use serde_json::json;

use crate::progress::bar;
use crate::stores::Stores;

/// Walks the log; what the views remember of its chain is compared as well.
pub(crate) async fn run(
    stores: &Stores,
    views: Option<Witness>,
    as_json: bool,
) -> anyhow::Result<()> {
    let witnesses: Vec<Witness> =
        kept_head(stores.vault.as_ref()).await?.into_iter().chain(views).collect();
    let progress = bar(stores.journal.log().head().await?, "commits");
    let walked = |position| progress.set_position(position);
    let verdict = verify(&stores.journal, stores.vault.as_ref(), &witnesses, walked).await?;
    progress.finish_and_clear();

    if as_json {
        writeln!(std::io::stdout(), "{}", describe(&verdict))?;
    } else {
        for fault in &verdict.faults {
            writeln!(std::io::stdout(), "commit {}: {}", fault.position, fault.reason)?;
        }
        let Verdict { commits, events, streams, signatures, chain, .. } = &verdict;
        writeln!(
            std::io::stdout(),
            "{commits} commits, {events} events, {streams} streams, {signatures} signed heads\n\
             chain {chain}"
        )?;
    }
    match verdict.faults.len() {
        0 => {
            eprintln!("The log is complete and unchanged.");
            Ok(())
        }
        faults => bail!("the log is not what was written: {faults} faults"),
    }
}

fn describe(verdict: &Verdict) -> serde_json::Value {
    let faults: Vec<_> = verdict
        .faults
        .iter()
        .map(|fault| json!({ "position": fault.position, "reason": fault.reason }))
        .collect();
    json!({
        "commits": verdict.commits,
        "events": verdict.events,
        "streams": verdict.streams,
        "signatures": verdict.signatures,
        "chain": verdict.chain.to_string(),
        "faults": faults,
    })
}
