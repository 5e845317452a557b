//! The four stores, and what works on them. One that fails hides as few of the others as possible.

use adapters::Address;
use commands::ports::Checkpoints as _;

use super::Finding;
use crate::config::Config;
use crate::stores::{self, OPERATIONAL, Stores};
use crate::wiring;

/// How many commits somebody may be behind before it is worth a word: checkpoints of reactors that
/// have nothing to do move in steps of this size.
const BEHIND: u64 = 1_000;

/// How many parked reactions are counted.
const PARKED: u64 = 1_000;

/// Whether anything was ever kept in the data directory.
pub(super) fn are_made(config: &Config) -> bool {
    ["master.key", "log.db", "vault.db"].iter().any(|it| config.file(it).exists())
}

/// Looks at all of them.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    if let Err(error) = stores::require_made(config) {
        return vec![Finding::bad("stores", format!("{error:#}"))];
    }
    let mut findings = Vec::new();
    let log = stores::open_log(config).await;
    findings.push(match &log {
        Ok((log, durability)) => match log.head().await {
            Ok(head) => {
                let sure = ["every commit", "synced"].iter().any(|it| durability.starts_with(it));
                let says = format!("reachable, {head} commits; {durability}");
                if sure { Finding::good("log", says) } else { Finding::weak("log", says) }
            }
            Err(error) => Finding::bad("log", error.to_string()),
        },
        Err(error) => Finding::bad("log", format!("{error:#}")),
    });
    let vault = match stores::open_vault(config).await {
        Ok(vault) => vault,
        Err(error) => {
            findings.push(Finding::bad("vault", format!("{error:#}")));
            return findings;
        }
    };
    findings.push(match vault.master_keys().await {
        Ok(0 | 1) => {
            let says = "the master key opens the vault; back up both, in two places";
            Finding::good("vault", says)
        }
        Ok(many) => {
            let says = format!(
                "{many} master keys open the vault; once every process has the next one: palimpsest \
                 vault rotate-master-key --finish"
            );
            Finding::weak("vault", says)
        }
        Err(error) => Finding::bad("vault", error.to_string()),
    });
    let place = stores::address(config, config.operational.reveal(), OPERATIONAL, "operational");
    if let Ok(Address::Sqlite(file)) = place
        && !file.exists()
    {
        let says = "there is none; it is made at the next start, and reactors must be told where \
                    they go on: --reactors-from";
        findings.push(Finding::weak("operational", says));
        return findings;
    }
    let operational = match stores::open_operational(config, &vault).await {
        Ok(operational) => operational,
        Err(error) => {
            findings.push(Finding::bad("operational", format!("{error:#}")));
            return findings;
        }
    };
    if let Ok(log) = log {
        let stores = Stores::of(log, vault, operational);
        let (views, reactors, mirror) = tokio::join!(
            read_models(config, &stores),
            reactors(config, &stores),
            super::mirror::look(config, &stores)
        );
        let failed = |about, error: anyhow::Error| Finding::bad(about, format!("{error:#}"));
        findings.push(views.unwrap_or_else(|error| failed("read models", error)));
        findings.push(reactors.unwrap_or_else(|error| failed("reactors", error)));
        findings.push(mirror.unwrap_or_else(|error| failed("mirror", error)));
    }
    findings
}

/// Which generation is live, how far it is, and whether the log still is the one that it was built
/// from.
async fn read_models(config: &Config, stores: &Stores) -> anyhow::Result<Finding> {
    let about = "read models";
    let none = || Finding::good(about, "none yet; they are built at the next start");
    let Some(views) = crate::serve::views(config, stores) else { return Ok(none()) };
    if let Some(differ) = views.differ().await? {
        return Ok(Finding::bad(about, differ));
    }
    let Some(status) = views.status().await? else { return Ok(none()) };
    let (number, lag) = (status.generation, status.lag());
    Ok(if let Some(alarm) = status.alarm {
        Finding::bad(about, alarm)
    } else if !status.failures.is_empty() {
        let failed = status.failures.len();
        let says = format!(
            "generation {number} is live, without {failed} events whose rows the database refused; \
             GET /api/v1/views counts them, and palimpsest replay tries again"
        );
        Finding::weak(about, says)
    } else if lag > BEHIND {
        Finding::weak(about, format!("generation {number} is live, {lag} commits behind the log"))
    } else {
        Finding::good(about, format!("generation {number} is live"))
    })
}

/// Whether the reactors know the log, how far they are, and what they have to try again.
async fn reactors(config: &Config, stores: &Stores) -> anyhow::Result<Finding> {
    let about = "reactors";
    let mut head = stores.journal.log().head().await?;
    let mut beyond = stores.operational.beyond(head).await?;
    if !beyond.is_empty() {
        // A server may have gone on between the two looks.
        head = stores.journal.log().head().await?;
        beyond = stores.operational.beyond(head).await?;
    }
    if !beyond.is_empty() {
        let says = format!(
            "the log ends at commit {head}, and beyond it are {}: an earlier log was put back. At \
             the next start they go on at its end, and what is there gets no reaction",
            beyond.join(", ")
        );
        return Ok(Finding::weak(about, says));
    }
    let (_, reactors) = wiring::use_cases(config, stores)?;
    let (mut new, mut late, mut parked) = (Vec::new(), Vec::new(), Vec::new());
    for name in reactors.iter().map(|it| it.name()) {
        match stores.operational.read(name).await? {
            None => new.push(name.to_owned()),
            Some(reached) if head - reached.position.min(head) > BEHIND => {
                late.push(format!("{name} is {} commits behind", head - reached.position));
            }
            Some(_) => {}
        }
        let waiting = stores.operational.parked(name, PARKED).await?;
        if let Some(first) = waiting.first() {
            let (count, position, error) = (waiting.len(), first.position, &first.error);
            parked.push(format!("{name} has {count} to try again, at commit {position}: {error}"));
        }
    }
    if head > 0 && !new.is_empty() {
        let names = new.join(", ");
        let says = format!("{names} never ran on this log: say --reactors-from at the next start");
        return Ok(Finding::weak(about, says));
    }
    late.extend(parked);
    Ok(if late.is_empty() {
        Finding::good(about, "all know the log, and none has anything to try again")
    } else {
        Finding::weak(about, late.join("; "))
    })
}
