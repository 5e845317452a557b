//! Puts together who decides by the policies.

use std::sync::Arc;

use adapters::{CedarDecisions, GuardedPolicies};
use commands::identity::policies::{Authority, HeardWorkspace, LivePolicies, News};
use commands::ports::{Decisions, Directory, Execute, PolicyChecker};
use commands::{Blobs, Executors};
use domain::self_editing::Workspace;

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
