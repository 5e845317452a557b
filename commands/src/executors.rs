//! One executor for each kind of aggregate.

use std::sync::Arc;

use domain::behaviors::Behavior;
use domain::conversation::Conversation;
use domain::discord::{Channel, Guild};
use domain::identity::{Alert, ApiKey, Claim, Group, Organization, Role, Session, SignIn, User};
use domain::integrations::Installation;
use domain::kernel::{Blob, Chain, ErasurePerson, Journal, StreamId};
use domain::lifecycle::{Bot, Process, Settings};
use domain::self_editing::{Compensation, Edit, Rehearsal, Watch, Workspace};

use crate::Executor;
use crate::ports::Snapshots;

/// Declares the table of executors, and passes what is seen of the log on to the right one.
macro_rules! executors {
    ($($field:ident: $aggregate:ty),+ $(,)?) => {
        /// Every executor, by the plural of what it executes on.
        #[derive(Clone)]
        pub struct Executors {
            $(pub $field: Arc<Executor<$aggregate>>),+
        }

        impl Executors {
            pub fn new(journal: &Journal, snapshots: &Arc<dyn Snapshots>) -> Self {
                Self {
                    $($field: Arc::new(Executor::new(journal.clone(), snapshots.clone()))),+
                }
            }

            /// What is remembered may not be what the log holds.
            pub fn forget_all(&self) {
                $(self.$field.forget_all();)+
            }

            /// A commit was seen in the log, perhaps another process's.
            pub async fn observe(&self, stream: &StreamId, position: u64) {
                match stream.kind() {
                    $(<$aggregate as cqrs_es::Aggregate>::TYPE => {
                        self.$field.observe(stream, position).await;
                    })+
                    _ => {}
                }
            }
        }
    };
}

executors! {
    alerts: Alert,
    api_keys: ApiKey,
    behaviors: Behavior,
    blobs: Blob,
    bots: Bot,
    chains: Chain,
    channels: Channel,
    claims: Claim,
    compensations: Compensation,
    conversations: Conversation,
    edits: Edit,
    groups: Group,
    guilds: Guild,
    installations: Installation,
    organizations: Organization,
    people: ErasurePerson,
    processes: Process,
    rehearsals: Rehearsal,
    roles: Role,
    sessions: Session,
    settings: Settings,
    sign_ins: SignIn,
    users: User,
    watches: Watch,
    workspaces: Workspace,
}
