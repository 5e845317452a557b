//! Use cases around people's own accounts: coming in, staying, leaving, and getting back in.

mod account;
mod authenticate;
mod backup_codes;
mod email;
mod enter;
mod factors;
mod known_tokens;
mod links;
mod log_in;
mod passkeys;
mod password;
mod recovery;
mod refresh;
mod register;
mod sessions;
mod totp;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::identity::{Method, Organization, Permissions, Role, Session, SignIn, User};
use domain::kernel::{Journal, OrganizationId, Personal, RoleId, SessionId, UserId};

pub use email::Email;
pub use enter::Challenged;
pub use factors::{Evidence, Protection, SecondFactors};
pub use known_tokens::KnownTokens;
pub use links::PendingLink;
pub use passkeys::{Asking, MadePasskey};
pub use totp::TotpSetup;

use super::Reserve;
use super::policies::Authority;
use crate::ports::{Execute, Mailer, Passwords, SessionList, Tickets, Tokens, Vault};

/// The door to accounts.
#[derive(Clone)]
pub struct Accounts {
    pub authority: Authority,
    pub reserve: Reserve,
    pub organizations: Arc<dyn Execute<Organization>>,
    pub roles: Arc<dyn Execute<Role>>,
    pub sessions: Arc<dyn Execute<Session>>,
    pub sign_ins: Arc<dyn Execute<SignIn>>,
    pub users: Arc<dyn Execute<User>>,
    pub journal: Journal,
    pub known: KnownTokens,
    pub mailer: Arc<dyn Mailer>,
    pub passwords: Arc<dyn Passwords>,
    pub session_list: Arc<dyn SessionList>,
    pub tickets: Arc<dyn Tickets>,
    pub tokens: Arc<dyn Tokens>,
    pub vault: Arc<dyn Vault>,
    pub settings: AccountSettings,
}

/// What can be set about accounts.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// How long an access token is good.
    pub access: TimeDelta,
    /// How long a refresh token is good, and with it the session, unless it is turned.
    pub refresh: TimeDelta,
    /// The same for who asked to be remembered.
    pub remembered: TimeDelta,
    /// Whether strangers may register.
    pub registration: bool,
    /// Whether an address counts before it is verified, for organizations. Never in production.
    pub trust_unverified_email: bool,
    /// Where people read mails' links: the address of the dashboard.
    pub public_url: String,
    /// How the installation is called in mails and authenticators.
    pub product: String,
}

/// Who wants an account.
#[derive(Clone)]
pub struct NewAccount {
    pub email: String,
    pub password: String,
    pub name: String,
}

/// Who wants in.
#[derive(Clone)]
pub struct LogIn {
    pub email: String,
    pub password: String,
    pub remember: bool,
}

/// Somebody who is in: what he needs to stay.
pub struct Entered {
    pub access_token: String,
    /// `rt_<session>_<turn>_<secret>`
    pub refresh_token: String,
    /// How long the access token is good, in seconds.
    pub expires_in: u64,
    /// How long the refresh token is good, in seconds.
    pub refresh_expires_in: u64,
    pub account: Account,
    pub session: SessionId,
    pub position: u64,
}

/// What signing in came to so far.
pub enum Entry {
    /// He has to show a second factor: by `POST /auth/mfa/verify`, within five minutes.
    Challenge(Challenge),
    In(Box<Entered>),
}

/// What is asked of somebody whose password was right.
pub struct Challenge {
    /// A ticket, for once.
    pub mfa_token: String,
    /// What he can show.
    pub methods: Vec<Method>,
    pub position: u64,
}

/// A user as he may be shown to himself and to administrators.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: UserId,
    pub email: Personal<String>,
    pub email_verified: bool,
    pub name: Personal<String>,
    pub roles: Vec<RoleId>,
    pub permissions: Permissions,
    pub organization: Option<OrganizationId>,
    pub mfa: bool,
}
