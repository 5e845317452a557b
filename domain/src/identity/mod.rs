//! Who may do what.

mod alert;
mod api_key;
mod claim;
mod group;
mod method;
mod organization;
mod permission;
mod role;
mod session;
mod sign_in;
mod user;

pub use alert::{Alert, AlertCommand, AlertError, AlertEvent, AlertKind};
pub use api_key::{ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, NewApiKey};
pub use claim::{Claim, ClaimCommand, ClaimError, ClaimEvent};
pub use group::{Group, GroupCommand, GroupError, GroupEvent};
pub use method::Method;
pub use organization::{Organization, OrganizationCommand, OrganizationError, OrganizationEvent};
pub use permission::{Permission, Permissions};
pub use role::{BUILT_IN as BUILT_IN_ROLES, Role, RoleCommand, RoleError, RoleEvent, built_in};
pub use session::{Ending, Session, SessionCommand, SessionError, SessionEvent};
pub use sign_in::{SignIn, SignInCommand, SignInError, SignInEvent};
pub use user::{
    Factor, FactorCommand, Factors, PasswordChange, Profile, User, UserCommand, UserError,
    UserEvent,
};
