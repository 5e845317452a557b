//! Walks the whole log and says whether it is what was written.

use std::collections::{HashMap, VecDeque};

use domain::kernel::{
    Chain, ChainEvent, ChainHash, Codec, CommitBody, Event, Journal, KeyId, LogError, Person,
    Recorded, StoredCommit,
};

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

/// Checks order, versions, decodability, what stands beside the commits, the chain, its signatures
/// and what others remember of it, and that no key is missing but those of the erased. `progress`
/// is told the position now and then.
pub async fn verify(
    journal: &Journal,
    vault: &dyn Vault,
    witnesses: &[Witness],
    mut progress: impl FnMut(u64),
) -> Result<Verdict, LogError> {
    let own_key = vault.public_key();
    let mut walk = Walk { witnesses: witnesses.to_vec(), ..Walk::default() };
    walk.witnesses.sort_by_key(|it| std::cmp::Reverse(it.position));
    loop {
        let page = journal.log().read_all(walk.position, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for commit in &page {
            walk.take(commit);
        }
        let beside = journal.log().mislabeled(&page).await?;
        walk.faults(beside);
        for recorded in walk.opened(journal, &page).await? {
            walk.hear_witnesses(recorded.position);
            walk.look_at(&recorded, vault, &own_key);
        }
        walk.hear_witnesses(walk.position);
        progress(walk.position);
    }
    let end = walk.position;
    for witness in std::mem::take(&mut walk.witnesses) {
        let (kept, there) = (&witness.kept_by, witness.position);
        let cut = format!("but {kept} knew it up to commit {there}: its tail was cut off");
        walk.fault(end, format!("the log ends here, {cut}"));
    }
    walk.keys(journal).await?;
    let mut verdict = walk.verdict;
    verdict.streams = walk.versions.len() as u64;
    verdict.faults.sort_by_key(|fault| fault.position);
    Ok(verdict)
}

#[derive(Default)]
struct Walk {
    verdict: Verdict,
    position: u64,
    /// The newest chain values, by commit.
    values: VecDeque<(u64, ChainHash)>,
    /// Those that were not heard yet, the first one last.
    witnesses: Vec<Witness>,
    versions: HashMap<String, u64>,
    /// The last commit up to which the chain is known to be right.
    good: u64,
    /// The keys that seal something: whose they are, and where they are seen last.
    sealed: HashMap<KeyId, (Person, u64)>,
    /// When people were erased last.
    erased: HashMap<Person, u64>,
}

impl Walk {
    fn fault(&mut self, position: u64, reason: String) {
        self.verdict.faults.push(Fault { position, reason });
    }

    fn faults(&mut self, found: impl IntoIterator<Item = (u64, String)>) {
        let faults = found.into_iter().map(|(position, reason)| Fault { position, reason });
        self.verdict.faults.extend(faults);
    }

    /// Takes in the bytes of a commit.
    fn take(&mut self, commit: &StoredCommit) {
        let (before, position) = (self.position, commit.position);
        if position != before + 1 {
            self.fault(position, format!("follows commit {before}: commits are missing"));
        }
        self.position = position;
        self.verdict.chain = self.verdict.chain.next(&commit.body);
        if self.values.len() == REMEMBERED {
            self.values.pop_front();
        }
        self.values.push_back((position, self.verdict.chain));
        self.verdict.commits += 1;
        match Codec::parse(commit) {
            Ok(body) => self.envelope(position, &body),
            Err(unreadable) => self.fault(position, unreadable.to_string()),
        }
    }

    /// Compares with what was kept of the commits up to this one.
    fn hear_witnesses(&mut self, upto: u64) {
        while let Some(witness) = self.witnesses.pop_if(|it| it.position <= upto) {
            let position = witness.position;
            if self.value_at(position) == Some(witness.chain) {
                self.good = self.good.max(position);
            } else {
                let kept = format!("the value that {} kept", witness.kept_by);
                self.differs(position, position, &kept);
            }
        }
    }

    fn envelope(&mut self, position: u64, body: &CommitBody<'_>) {
        self.verdict.events += body.events.len() as u64;
        let version = self.versions.entry(body.stream.to_string()).or_default();
        let (from, to) = (*version, body.version);
        *version = (body.version + body.events.len() as u64).saturating_sub(1);
        if to != from + 1 {
            self.fault(position, format!("{} goes from version {from} to {to}", body.stream));
        }
        for it in body.events.iter().flat_map(|event| &event.sealed).chain(&body.origin) {
            self.sealed.insert(it.key, (it.of.clone(), position));
        }
    }

    /// What the chain is compared with says that something up to a commit was changed.
    fn differs(&mut self, told_at: u64, position: u64, from: &str) {
        let good = if self.good < position { self.good } else { 0 };
        let first = good + 1;
        let reason = format!(
            "the chain at commit {position} differs from {from}: one of the commits {first} to \
             {position} was changed, added or removed"
        );
        self.fault(told_at, reason);
    }

    /// The chain's value after a commit, if that is remembered.
    fn value_at(&self, position: u64) -> Option<ChainHash> {
        let found = self.values.binary_search_by_key(&position, |(at, _)| *at).ok()?;
        self.values.get(found).map(|(_, value)| *value)
    }

    /// Opens the events of a page; those that cannot be read are found one by one.
    async fn opened(
        &mut self,
        journal: &Journal,
        page: &[StoredCommit],
    ) -> Result<Vec<Recorded>, LogError> {
        match journal.decode(page).await {
            Err(LogError::Corrupt(_)) => {}
            decoded => return decoded,
        }
        let mut readable = Vec::new();
        for commit in page {
            match journal.decode(std::slice::from_ref(commit)).await {
                Ok(events) => readable.extend(events),
                Err(LogError::Corrupt(reason)) => self.fault(commit.position, reason),
                Err(error) => return Err(error),
            }
        }
        Ok(readable)
    }

    fn look_at(&mut self, recorded: &Recorded, vault: &dyn Vault, own_key: &str) {
        match &recorded.event {
            Event::Person(person, _) => {
                self.erased.insert(person.clone(), recorded.position);
            }
            Event::Chain(_, ChainEvent::Signed { position, hash, public_key, signature }) => {
                let signed = Head { position: *position, hash, public_key, signature };
                self.head(recorded.position, &signed, vault, own_key);
            }
            _ => {}
        }
    }

    fn head(&mut self, at: u64, signed: &Head<'_>, vault: &dyn Vault, own_key: &str) {
        let Head { position, hash, public_key, signature } = *signed;
        let text = Chain::signed_text(position, hash);
        if public_key != own_key {
            let reason = "is signed with a key that is not this vault's";
            return self.fault(at, format!("the head at commit {position} {reason}"));
        }
        if !vault.verifies(public_key, &text, signature) {
            let reason = format!("the signature over the head at commit {position} is not valid");
            return self.fault(at, reason);
        }
        if position >= at {
            let reason = format!("the head at commit {position} was signed before that was there");
            return self.fault(at, reason);
        }
        match self.value_at(position) {
            Some(value) if value == *hash => {
                self.verdict.signatures += 1;
                self.good = self.good.max(position);
            }
            Some(_) => self.differs(at, position, "the head that was signed"),
            // Too long ago to be remembered.
            None => {}
        }
    }

    /// Nobody's key may be gone but for an erasure, which comes after what it makes unreadable.
    async fn keys(&mut self, journal: &Journal) -> Result<(), LogError> {
        let ids: Vec<KeyId> = self.sealed.keys().copied().collect();
        let gone = journal.codec().destroyed(&ids).await.map_err(LogError::unavailable)?;
        for id in gone {
            let Some((person, position)) = self.sealed.get(&id) else { continue };
            if self.erased.get(person).is_none_or(|erased| erased < position) {
                let reason = "the key of a person is gone, and no event says that they were erased: \
                              what it sealed up to here cannot be read";
                self.fault(*position, reason.to_owned());
            }
        }
        Ok(())
    }
}

/// A head as it stands in the log.
struct Head<'a> {
    position: u64,
    hash: &'a ChainHash,
    public_key: &'a str,
    signature: &'a str,
}
