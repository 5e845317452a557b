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
    let kept = [("the vault", kept_head(stores.vault.as_ref()).await?), ("the read models", views)];
    let missing = kept.iter().filter(|(_, kept)| kept.is_none());
    let missing: Vec<&str> = missing.map(|(who, _)| *who).collect();
    let witnesses: Vec<Witness> = kept.into_iter().filter_map(|(_, kept)| kept).collect();
    let progress = bar(stores.journal.log().head().await?, "commits");
    let walked = |position| progress.set_position(position);
    let verdict = verify(&stores.journal, stores.vault.as_ref(), &witnesses, walked).await?;
    progress.finish_and_clear();

    if as_json {
        writeln!(std::io::stdout(), "{}", describe(&verdict, &witnesses, &missing))?;
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
        for Witness { kept_by, position, .. } in &witnesses {
            writeln!(std::io::stdout(), "compared with what {kept_by} kept at commit {position}")?;
        }
        for who in &missing {
            let lost = "a tail that was cut off is not noticed by it";
            writeln!(std::io::stdout(), "{who} kept nothing to compare with: {lost}")?;
        }
    }
    match verdict.faults.len() {
        0 => {
            eprintln!("The log is complete and unchanged.");
            Ok(())
        }
        faults => bail!("the log is not what was written: {faults} faults"),
    }
}

fn describe(verdict: &Verdict, witnesses: &[Witness], missing: &[&str]) -> serde_json::Value {
    let compared: Vec<_> = witnesses
        .iter()
        .map(|Witness { kept_by, position, .. }| json!({ "with": kept_by, "position": position }))
        .collect();
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
        "compared": compared,
        "not_compared": missing,
        "faults": faults,
    })
}
