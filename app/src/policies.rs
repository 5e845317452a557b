//! Puts together who decides by the policies, and proposes those that ship to a workspace that lacks them.

use std::collections::BTreeSet;
use std::sync::Arc;

use adapters::{CedarDecisions, GuardedPolicies};
use commands::identity::policies::{Authority, HeardWorkspace, LivePolicies, News};
use commands::ports::{Caller, Decisions, Directory, Execute, PolicyChecker};
use commands::self_editing::{Proposal, SelfEditing, Wanted};
use commands::{Blobs, CommandError, Executors};
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, EditId, Scope, Source};
use domain::self_editing::{Change, Workspace};
use uuid::Uuid;

pub use crate::bootstrap::shipped_policies;

/// See the module.
pub struct Deciding {
    pub authority: Authority,
    pub checker: Arc<dyn PolicyChecker>,
    pub decisions: Arc<dyn Decisions>,
    pub news: News,
    /// What edits change the workspace with, so that they are heard of.
    pub workspace: Arc<dyn Execute<Workspace>>,
}

impl Deciding {
    pub fn new(executors: &Executors, blobs: &Blobs, directory: Arc<dyn Directory>) -> Self {
        let (news, inner) = (News::default(), executors.workspaces.clone());
        let live =
            LivePolicies { blobs: blobs.clone(), news: news.clone(), workspace: inner.clone() };
        let decisions: Arc<dyn Decisions> =
            Arc::new(CedarDecisions::new(Arc::new(live), shipped_policies()));
        Self {
            authority: Authority::new(decisions.clone(), directory, executors.groups.clone()),
            checker: Arc::new(GuardedPolicies::new(shipped_policies())),
            decisions,
            workspace: Arc::new(HeardWorkspace { inner, news: news.clone() }),
            news,
        }
    }
}

/// Proposes the policies that ship, where the workspace's have nothing to say about some actions: once for each
/// release that changes them, for people to approve, change or reject.
pub async fn propose_shipped(
    self_editing: &SelfEditing,
    silent: &BTreeSet<String>,
) -> Result<Option<EditId>, CommandError> {
    if silent.is_empty() {
        return Ok(None);
    }
    let files = shipped_policies();
    let named: Vec<_> = files.iter().flat_map(|(path, text)| [path.as_str(), text]).collect();
    let command = Uuid::new_v5(&Uuid::NAMESPACE_OID, named.join("\0").as_bytes());
    let cause = Cause::asked(Actor::system("bootstrap"), command, Source::Cli);
    let cause = Cause { command, ..cause };
    let actions = silent.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let change = |(path, text)| Change { path, content: Some(text) };
    let proposal = Proposal {
        scope: Scope::Security,
        kind: Some("policies".to_owned()),
        description: format!(
            "The policies of this release. Those of the workspace say nothing about some actions, which \
             these decide until then: {actions}. What was changed by hand comes back as it ships: look \
             at the diff before you approve it."
        ),
        wanted: Wanted::Files(files.into_iter().map(change).collect()),
        base_revision: None,
    };
    let caller = Caller::new(cause, Permissions::all(), BTreeSet::new());
    self_editing.propose(&caller, proposal).await.map(|(id, _)| Some(id))
}
