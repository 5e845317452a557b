//! Decides by the policies who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use async_trait::async_trait;
use domain::identity::Permissions;
use domain::kernel::{GuildId, OrganizationId};
use domain::self_editing::Finding;
use serde_json::{Map, Value};

use crate::CommandError;
use crate::self_editing::Files;

/// See the module.
#[async_trait]
pub trait Decisions: Send + Sync {
    /// What the policies let this principal do with the platform itself. Answered from memory while
    /// neither his facts nor the policies change.
    async fn granted(&self, principal: &Principal) -> Result<Permissions, CommandError>;

    /// Decides one question. Whatever cannot be evaluated is denied.
    async fn decide(&self, question: &Question) -> Result<Decision, CommandError>;

    /// Whether any policy asks who is in which group; where none does, nobody has to look that up.
    async fn weigh_groups(&self) -> Result<bool, CommandError>;

    /// The policies in force.
    async fn in_force(&self) -> Result<InForce, CommandError>;

    /// Takes the policies of some files apart, in the order of the files; or says what is wrong.
    fn read(&self, files: &Files) -> Result<Vec<PolicyText>, Vec<Finding>>;
}

/// Where the policies in force come from.
#[async_trait]
pub trait PolicySource: Send + Sync {
    /// A number that changes with everything that may have changed the workspace. Costs nothing.
    fn news(&self) -> u64;

    /// The revision of the workspace, and its policies with their schema.
    async fn policies(&self) -> Result<(u64, Files), CommandError>;
}

/// What kind of principal somebody is: the types that the platform has facts about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::AsRefStr, strum::EnumString)]
pub enum PrincipalKind {
    ApiKey,
    DiscordAccount,
    System,
    User,
}

/// Somebody, with all that the platform knows of him and policies may weigh.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    pub kind: PrincipalKind,
    pub id: String,
    /// What his roles, his key or his server give him.
    pub holds: Permissions,
    pub roles: BTreeSet<String>,
    pub groups: BTreeSet<Membership>,
    pub tenant: Option<Tenant>,
    /// Whether his account has a second factor: then nobody signs in without it any more.
    pub second_factor: bool,
    /// The server that a Discord account acts on.
    pub guild: Option<GuildId>,
    pub authenticated: bool,
    /// Whether he came with an access token that is good.
    pub jwt_valid: bool,
}

/// A group somebody is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Membership {
    pub id: String,
    pub name: String,
}

/// The organization somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub id: OrganizationId,
    pub domain: Option<String>,
    /// Whether he runs it.
    pub runs: bool,
}

impl Principal {
    /// Somebody of whom nothing is known but what he is called.
    pub fn unknown(kind: PrincipalKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            holds: Permissions::default(),
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
            tenant: None,
            second_factor: false,
            guild: None,
            authenticated: false,
            jwt_valid: false,
        }
    }

    /// Somebody who is here, and holds this.
    pub fn holding(kind: PrincipalKind, id: impl Into<String>, holds: Permissions) -> Self {
        Self { holds, authenticated: true, ..Self::unknown(kind, id) }
    }
}

/// Something that may be done to something.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub principal: Principal,
    pub action: String,
    pub resource: Resource,
    /// What the one who asks says of the circumstances; what the platform knows wins over it.
    pub context: Map<String, Value>,
}

/// What something is done to.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub kind: String,
    pub id: String,
    pub attributes: Map<String, Value>,
}

impl Resource {
    /// The platform as a whole.
    pub fn platform() -> Self {
        Self { kind: PLATFORM.to_owned(), id: "palimpsest".to_owned(), attributes: Map::new() }
    }
}

/// The type of the platform as a resource.
pub const PLATFORM: &str = "Platform";

/// What the policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allow: bool,
    /// The ids of the policies that decided it, sorted; none where nothing allows it.
    pub reasons: Vec<String>,
    /// What could not be evaluated; then it is denied.
    pub errors: Vec<String>,
    /// The revision of the workspace whose policies decided.
    pub revision: u64,
}

/// The policies in force.
#[derive(Debug, Clone)]
pub struct InForce {
    pub revision: u64,
    pub policies: Vec<PolicyText>,
    /// Actions that the workspace's schema has no words for: the policies that ship decide on them.
    pub shipped: BTreeSet<String>,
    /// Why the workspace's policies cannot be used, if so; then everything is denied but mending them.
    pub broken: Option<String>,
}

/// One policy as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Its annotation `@id`, or the name of its file and its number there: `roles#2`.
    pub id: String,
    pub file: String,
    /// Where in the file it is, with the comment before it.
    pub span: Range<usize>,
    /// Where it begins itself.
    pub begins: usize,
    pub line: u32,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    pub annotations: BTreeMap<String, String>,
    pub text: String,
}
