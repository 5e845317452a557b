//! Decisions by Cedar (<https://www.cedarpolicy.com>): the policies of the live workspace, read and checked
//! once each time they change, and asked from memory.
//!
//! What the workspace's schema has no words for, the policies that ship decide: so a release that brings
//! new actions locks nobody out whose workspace is older. Policies that cannot be used at all deny everything
//! but what mending them takes, to whoever may do everything.

mod guard;
mod index;
mod set;
mod statements;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{
    Decision, Decisions, InForce, PLATFORM, PolicyChecker as _, PolicySource, PolicyText,
    Principal, PrincipalKind, Question, Resource,
};
use commands::self_editing::Files;
use domain::identity::{Permission, Permissions};
use domain::self_editing::Finding;
use moka::sync::Cache;
use serde_json::Map;
use tokio::sync::Mutex;

pub use guard::GuardedPolicies;

use crate::CedarPolicies;
use set::Set;

/// How many principals are remembered with what they may.
const REMEMBERED: u64 = 20_000;

/// After so long, policies that could not be used are looked at again.
const AGAIN: Duration = Duration::from_secs(5);

/// Cedar reads on the stack; see `cedar_policies`.
const STACK: usize = 128 * 1024 * 1024;

/// What it takes to mend policies. Whoever may do everything keeps it, whatever the policies say.
const MENDING: [Permission; 5] = [
    Permission::ApproveSelfEdit,
    Permission::ManageSelfEditing,
    Permission::ProposeSelfEdit,
    Permission::ReadSelfEdit,
    Permission::RollbackSelfEdit,
];

/// What a decision says that no policy made.
const MENDS: &str = "(mending policies)";

/// See the module.
pub struct CedarDecisions {
    source: Arc<dyn PolicySource>,
    shipped: Arc<Shipped>,
    current: RwLock<Option<Current>>,
    /// One reads, the others wait.
    reading: Mutex<()>,
}

/// The policies that ship, read when they are needed first.
struct Shipped {
    files: Files,
    read: OnceLock<Result<Set, String>>,
}

/// The policies in force, as of some news.
#[derive(Clone)]
struct Current {
    news: u64,
    read_at: Instant,
    revision: u64,
    state: Arc<State>,
}

/// What follows from the texts of the policies alone.
struct State {
    files: Files,
    live: Live,
    granted: Cache<Principal, Permissions>,
}

enum Live {
    /// The workspace has no policies.
    None,
    Set(Box<Set>),
    /// Why; perhaps only for want of time, so it is looked at again.
    Broken(String),
}

impl CedarDecisions {
    /// Decides by what the source has, and by the policies that ship where that is silent.
    pub fn new(source: Arc<dyn PolicySource>, shipped: Files) -> Self {
        let shipped = Arc::new(Shipped::new(shipped));
        Self { source, shipped, current: RwLock::default(), reading: Mutex::default() }
    }

    async fn current(&self) -> Result<Current, CommandError> {
        if let Some(current) = self.known() {
            return Ok(current);
        }
        let _turn = self.reading.lock().await;
        if let Some(current) = self.known() {
            return Ok(current);
        }
        let news = self.source.news();
        let (revision, files) = self.source.policies().await?;
        let before = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let same = |it: &Current| it.state.files == files && !it.state.is_broken();
        let state = match before.filter(same) {
            Some(before) => before.state,
            None => self.read_anew(revision, files).await?,
        };
        let current = Current { news, read_at: Instant::now(), revision, state };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current.clone());
        Ok(current)
    }

    /// What is known, if nothing may have changed since.
    fn known(&self) -> Option<Current> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let good = |it: &&Current| !it.state.is_broken() || it.read_at.elapsed() < AGAIN;
        current.as_ref().filter(|it| it.news == self.source.news()).filter(good).cloned()
    }

    async fn read_anew(&self, revision: u64, files: Files) -> Result<Arc<State>, CommandError> {
        let shipped = self.shipped.clone();
        let read = move || {
            on_large_stack(|| {
                if let Err(reason) = shipped.set() {
                    tracing::error!(reason, "the policies that ship cannot be read");
                }
                (Live::of(&files), files)
            })
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(CommandError::unavailable)?;
        let (live, files) =
            read.ok_or_else(|| CommandError::unavailable("no thread to read policies"))?;
        match &live {
            Live::Broken(reason) => {
                tracing::error!(revision, reason, "the policies cannot be used: all is denied");
            }
            Live::Set(set) => {
                let shipped = set.silent_on();
                if !shipped.is_empty() {
                    let shipped = Vec::from_iter(shipped).join(", ");
                    tracing::warn!(revision, shipped, "the policies that ship decide on these");
                }
            }
            Live::None => {}
        }
        Ok(Arc::new(State { files, live, granted: Cache::new(REMEMBERED) }))
    }
}

#[async_trait]
impl Decisions for CedarDecisions {
    async fn granted(&self, principal: &Principal) -> Result<Permissions, CommandError> {
        let current = self.current().await?;
        if let Some(granted) = current.state.granted.get(principal) {
            return Ok(granted);
        }
        let granted = granted(&current.state.live, &self.shipped, principal);
        current.state.granted.insert(principal.clone(), granted.clone());
        Ok(granted)
    }

    async fn decide(&self, question: &Question) -> Result<Decision, CommandError> {
        let Current { revision, state, .. } = self.current().await?;
        let decision = decided(&state.live, &self.shipped, question);
        Ok(Decision { revision, ..decision })
    }

    async fn weigh_groups(&self) -> Result<bool, CommandError> {
        let current = self.current().await?;
        let ships = || self.shipped.set().is_ok_and(|it| it.weighs_groups);
        Ok(match &current.state.live {
            Live::None => ships(),
            Live::Set(set) => set.weighs_groups || (!set.silent_on().is_empty() && ships()),
            Live::Broken(_) => false,
        })
    }

    async fn in_force(&self) -> Result<InForce, CommandError> {
        let Current { revision, state, .. } = self.current().await?;
        let all = || Permission::ALL.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let (policies, shipped, broken) = match &state.live {
            Live::None => (Vec::new(), all(), None),
            Live::Set(set) => (set.texts.clone(), set.silent_on(), None),
            Live::Broken(reason) => (Vec::new(), BTreeSet::new(), Some(reason.clone())),
        };
        Ok(InForce { revision, policies, shipped, broken })
    }

    fn read(&self, files: &Files) -> Result<Vec<PolicyText>, Vec<Finding>> {
        let read = on_large_stack(|| {
            // It knows what would be too much to read.
            let found = CedarPolicies.check(files);
            if found.is_empty() { statements::read(files) } else { Err(found) }
        });
        let read = read.unwrap_or_else(|| Err(Vec::new()))?;
        Ok(read.into_iter().map(|it| it.text).collect())
    }
}

impl Shipped {
    fn new(files: Files) -> Self {
        Self { files, read: OnceLock::new() }
    }

    fn set(&self) -> Result<&Set, &str> {
        let read = || Set::of(&self.files)?.ok_or_else(|| "no policies ship".to_owned());
        self.read.get_or_init(read).as_ref().map_err(String::as_str)
    }
}

impl State {
    fn is_broken(&self) -> bool {
        matches!(self.live, Live::Broken(_))
    }
}

impl Live {
    fn of(files: &Files) -> Self {
        // What is in the log was checked; by an older release perhaps.
        if let Some(Finding { file, reason, .. }) = CedarPolicies.check(files).into_iter().next() {
            return Self::Broken(format!("{file}: {reason}"));
        }
        match Set::of(files) {
            Ok(None) => Self::None,
            Ok(Some(set)) => Self::Set(Box::new(set)),
            Err(reason) => Self::Broken(reason),
        }
    }

    /// The policies that have something to say about this.
    fn about<'a>(
        &'a self,
        shipped: &'a Shipped,
        kind: PrincipalKind,
        action: &str,
        resource: &str,
    ) -> Result<&'a Set, &'a str> {
        match self {
            Self::Broken(reason) => Err(reason),
            Self::Set(set) if set.speaks(kind, action, resource) => Ok(set),
            // Where neither speaks, the errors are best told in the words of what is in force.
            Self::Set(set) => {
                let shipped = shipped.set()?;
                Ok(if shipped.speaks(kind, action, resource) { shipped } else { set })
            }
            Self::None => shipped.set(),
        }
    }
}

/// Whether somebody can mend policies, whatever they say: the platform itself, on the machine of its owner,
/// and a key that may do everything.
fn mends(principal: &Principal) -> bool {
    match principal.kind {
        PrincipalKind::System => true,
        PrincipalKind::ApiKey => principal.holds.cover(&Permissions::all()),
        PrincipalKind::DiscordAccount | PrincipalKind::User => false,
    }
}

fn decided(live: &Live, shipped: &Shipped, question: &Question) -> Decision {
    let Question { principal, action, resource, context } = question;
    let mending = resource.kind == PLATFORM
        && mends(principal)
        && MENDING.iter().any(|it| it.as_str() == action);
    if mending {
        let reasons = vec![MENDS.to_owned()];
        return Decision { allow: true, reasons, errors: Vec::new(), revision: 0 };
    }
    let said = live.about(shipped, principal.kind, action, &resource.kind);
    let said = said.map_err(ToOwned::to_owned).and_then(|set| {
        let subject = set.subject(principal)?;
        set.ask(&subject, action, resource, context)
    });
    match said {
        Ok(said) => Decision {
            allow: said.allows(),
            reasons: said.reasons(),
            errors: said.errors.into_iter().collect(),
            revision: 0,
        },
        Err(error) => {
            Decision { allow: false, reasons: Vec::new(), errors: vec![error], revision: 0 }
        }
    }
}

/// Every permission asked for, one after the other. A wildcard that somebody holds stays where nothing of it is
/// taken away: it is for what will be, too.
fn granted(live: &Live, shipped: &Shipped, principal: &Principal) -> Permissions {
    let platform = Resource::platform();
    let subject = shipped.set().map_err(ToOwned::to_owned).and_then(|it| it.subject(principal));
    let allowed = |permission: &&Permission| {
        let action = permission.as_str();
        let Ok(subject) = &subject else { return false };
        let set = live.about(shipped, principal.kind, action, PLATFORM);
        let said = set.map_err(ToOwned::to_owned);
        let said = said.and_then(|set| set.ask(subject, action, &platform, &Map::new()));
        match said {
            Ok(said) => {
                if let Some(error) = said.errors.first() {
                    tracing::warn!(action, error, "a policy cannot be evaluated: denied");
                }
                said.allows()
            }
            Err(_) => false,
        }
    };
    let mut allowed: BTreeSet<_> = Permission::ALL.iter().filter(allowed).copied().collect();
    if mends(principal) {
        allowed.extend(MENDING);
    }
    let whole = |pattern: &&str| {
        let fits = pattern.contains('*').then(|| Permissions::parse([pattern]).ok()).flatten();
        fits.is_some_and(|fits| {
            Permission::ALL.iter().all(|it| !fits.allow(*it) || allowed.contains(it))
        })
    };
    let wide = Permissions::parse(principal.holds.iter().filter(whole)).unwrap_or_default();
    let narrow: Permissions = allowed.into_iter().filter(|it| !wide.allow(*it)).collect();
    wide.and(&narrow)
}

/// Runs something that goes down deep.
fn on_large_stack<T: Send>(what: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let begun = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, what);
        begun.ok().and_then(|it| it.join().ok())
    })
}
