//! Walks the whole log and says whether it is what was written.

use std::collections::{HashMap, VecDeque};

use domain::kernel::{Chain, ChainEvent, ChainHash, Codec, Event, Journal, LogError};

use crate::ports::Vault;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// How far back a signed head may lie, in commits.
const REMEMBERED: usize = 1_000_000;

/// A chain value that was kept somewhere else.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Where it was kept: “the views”, “the vault”.
    pub kept_by: String,
    pub position: u64,
    pub chain: ChainHash,
}

/// What a walk came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub commits: u64,
    pub events: u64,
    pub streams: u64,
    /// Signed heads that were checked.
    pub signatures: u64,
    pub chain: ChainHash,
    /// Everything that is wrong, in the order of the log.
    pub faults: Vec<Fault>,
}

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub position: u64,
    pub reason: String,
}

/// Checks order, versions, decodability, the chain, its signatures and what others remember of
/// it. `progress` is told the position now and then.
pub async fn verify(
    journal: &Journal,
    vault: &dyn Vault,
    witnesses: &[Witness],
    mut progress: impl FnMut(u64),
) -> Result<Verdict, LogError> {
    let mut walk = Walk { values: VecDeque::new(), first: 1, versions: HashMap::new() };
    let mut verdict = Verdict::default();
    let mut position = 0;
    loop {
        let page = journal.log().read_all(position, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for commit in &page {
            let mut fault = |reason: String| {
                verdict.faults.push(Fault { position: commit.position, reason });
            };
            if commit.position != position + 1 {
                fault(format!("follows commit {position}: commits are missing"));
            }
            position = commit.position;
            verdict.chain = verdict.chain.next(&commit.body);
            walk.remember(verdict.chain);
            verdict.commits += 1;
            match Codec::parse(commit) {
                Ok(body) => {
                    verdict.events += body.events.len() as u64;
                    let version = walk.versions.entry(body.stream.to_string()).or_default();
                    if body.version != *version + 1 {
                        let (from, to) = (*version, body.version);
                        fault(format!("{} goes from version {from} to {to}", body.stream));
                    }
                    *version = body.version + body.events.len() as u64 - 1;
                }
                Err(unreadable) => fault(unreadable.to_string()),
            }
            for witness in witnesses.iter().filter(|it| it.position == position) {
                if witness.chain != verdict.chain {
                    let kept = &witness.kept_by;
                    fault(format!(
                        "the chain differs from the value that {kept} kept: this commit or an earlier one was changed"
                    ));
                }
            }
        }
        verdict.check_events(journal, vault, &walk, &page).await?;
        progress(position);
    }
    for witness in witnesses.iter().filter(|it| it.position > position) {
        let (kept, there) = (&witness.kept_by, witness.position);
        let reason = format!(
            "the log ends here, but {kept} knew it up to commit {there}: its tail was cut off"
        );
        verdict.faults.push(Fault { position, reason });
    }
    verdict.streams = walk.versions.len() as u64;
    Ok(verdict)
}

struct Walk {
    /// The newest chain values, the first one that of commit `first`.
    values: VecDeque<ChainHash>,
    first: u64,
    versions: HashMap<String, u64>,
}

impl Walk {
    fn remember(&mut self, value: ChainHash) {
        if self.values.len() == REMEMBERED {
            self.values.pop_front();
            self.first += 1;
        }
        self.values.push_back(value);
    }

    fn value_at(&self, position: u64) -> Option<ChainHash> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.values.get(index).copied()
    }
}

impl Verdict {
    /// Opens the events of a page; those that cannot be read are found one by one.
    async fn check_events(
        &mut self,
        journal: &Journal,
        vault: &dyn Vault,
        walk: &Walk,
        page: &[domain::kernel::StoredCommit],
    ) -> Result<(), LogError> {
        let events = match journal.decode(page).await {
            Ok(events) => events,
            Err(LogError::Corrupt(_)) => {
                let mut readable = Vec::new();
                for commit in page {
                    match journal.decode(std::slice::from_ref(commit)).await {
                        Ok(events) => readable.extend(events),
                        Err(LogError::Corrupt(reason)) => {
                            self.faults.push(Fault { position: commit.position, reason });
                        }
                        Err(error) => return Err(error),
                    }
                }
                readable
            }
            Err(error) => return Err(error),
        };
        for recorded in events {
            let Event::Chain(_, ChainEvent::Signed { position, hash, public_key, signature }) =
                recorded.event
            else {
                continue;
            };
            let mut fault = |reason: String| {
                self.faults.push(Fault { position: recorded.position, reason });
            };
            if !vault.verifies(&public_key, &Chain::signed_text(position, &hash), &signature) {
                fault(format!("the signature over the head at commit {position} is not valid"));
            }
            match walk.value_at(position) {
                Some(value) if value == hash => self.signatures += 1,
                Some(_) => fault(format!(
                    "the chain differs from the head that was signed at commit {position}: that commit or an earlier one was changed"
                )),
                None => {}
            }
        }
        Ok(())
    }
}
