//! Accounts over embedded stores, for doors that are put together by hand.

use std::sync::Arc;

use adapters::SystemClock;
use adapters::openid_providers::OpenidProviders;
use adapters::smtp_mailer::NoMailer;
use adapters::{
    Argon2Passwords, AuthenticatorCodes, JwtTokens, OperationalStore, SealedVault, WebauthnPasskeys,
};
use api::{Authenticate, Unauthenticated};
use async_trait::async_trait;
use chrono::TimeDelta;
use commands::conversation::RecentTurns;
use commands::identity::accounts::{AccountSettings, Accounts, KnownTokens, SecondFactors};
use commands::identity::people::{EraseDeletedUsers, People};
use commands::identity::policies::Authority;
use commands::identity::providers::{Providers, RedirectUris};
use commands::identity::{
    ApiToken, Identity, KeepMemberships, KeyHashes, LastUses, NoEntry, Reserve,
};
use commands::ports::{Caller, Execute as _};
use commands::{Blobs, Executors, Reactor};
use domain::identity::{AlertCommand, AlertKind, ApiKeyCommand, Permissions, UserCommand};
use domain::kernel::{
    Actor, AlertId, ApiKeyId, Cause, DiscordUserId, Journal, Person, Personal, Source, UserId,
};
use palimpsest::policies::Deciding;
use palimpsest::surroundings::Views;
use reqwest::Method;
use uuid::Uuid;

use crate::doors::{Door, answered};

/// Accounts as they are in development.
pub fn accounts(
    journal: &Journal,
    executors: &Executors,
    vault: &Arc<SealedVault>,
    operational: &Arc<OperationalStore>,
    views: &Views,
    authority: Authority,
) -> Accounts {
    let tokens = JwtTokens::new(vault.clone(), "palimpsest".into(), "palimpsest".into());
    Accounts {
        authority,
        reserve: Reserve {
            claims: executors.claims.clone(),
            users: executors.users.clone(),
            journal: journal.clone(),
            vault: vault.clone(),
        },
        organizations: executors.organizations.clone(),
        roles: executors.roles.clone(),
        sessions: executors.sessions.clone(),
        sign_ins: executors.sign_ins.clone(),
        users: executors.users.clone(),
        journal: journal.clone(),
        known: KnownTokens::default(),
        mailer: Arc::new(NoMailer),
        passwords: Arc::new(Argon2Passwords::default()),
        session_list: Arc::new(views.clone()),
        tickets: operational.clone(),
        tokens: Arc::new(tokens),
        vault: vault.clone(),
        settings: AccountSettings {
            access: TimeDelta::minutes(15),
            refresh: TimeDelta::hours(24),
            remembered: TimeDelta::days(30),
            registration: true,
            trust_unverified_email: true,
            public_url: "http://localhost:8080".into(),
            product: "Palimpsest".into(),
        },
    }
}

/// What administrators do with them.
pub fn people(
    accounts: &Accounts,
    executors: &Executors,
    identity: &Identity,
    views: &Views,
) -> People {
    People {
        accounts: accounts.clone(),
        directory: Arc::new(views.clone()),
        groups: executors.groups.clone(),
        identity: identity.clone(),
    }
}

/// The same, whose policies are those of their log.
pub fn whole_accounts(
    journal: &Journal,
    executors: &Executors,
    vault: &Arc<SealedVault>,
    operational: &Arc<OperationalStore>,
    views: &Views,
) -> Accounts {
    let blobs = Blobs::new(executors.blobs.clone(), journal.clone());
    let authority = Deciding::new(executors, &blobs, Arc::new(views.clone())).authority;
    accounts(journal, executors, vault, operational, views, authority)
}

/// API keys over the same.
pub fn keys(
    journal: &Journal,
    executors: &Executors,
    vault: &Arc<SealedVault>,
    operational: &Arc<OperationalStore>,
    views: &Views,
) -> Identity {
    let blobs = Blobs::new(executors.blobs.clone(), journal.clone());
    Identity {
        api_keys: executors.api_keys.clone(),
        decisions: Deciding::new(executors, &blobs, Arc::new(views.clone())).decisions,
        people: executors.people.clone(),
        journal: journal.clone(),
        vault: vault.clone(),
        recent: RecentTurns::default(),
        hashes: KeyHashes::default(),
        uses: LastUses::new(operational.clone()),
    }
}

/// Second factors and passkeys for them.
pub fn second_factors(accounts: &Accounts) -> SecondFactors {
    let AccountSettings { public_url, product, .. } = &accounts.settings;
    SecondFactors {
        passkeys: Arc::new(WebauthnPasskeys::new(public_url, product)),
        totp: Arc::new(AuthenticatorCodes),
        accounts: accounts.clone(),
    }
}

/// Providers to sign in by for them: none.
pub fn providers(accounts: &Accounts) -> Providers {
    let none =
        OpenidProviders::new(vec![], std::time::Duration::from_secs(5), Arc::new(SystemClock));
    Providers {
        accounts: accounts.clone(),
        port: Arc::new(none.expect("a client")),
        redirects: RedirectUris::default(),
        second_factors: second_factors(accounts),
    }
}

/// Whoever brings this is let in unseen, as if nobody were asked who he is: for measuring what asking costs.
pub const UNSEEN: &str = "unseen";

/// Knows people who signed in, and API keys.
pub struct Keyring {
    pub accounts: Accounts,
    pub identity: Identity,
}

#[async_trait]
impl Authenticate for Keyring {
    async fn authenticate(&self, token: &str, request: Uuid) -> Result<Caller, Unauthenticated> {
        if token == UNSEEN {
            let cause = Cause::asked(Actor::system("tests"), request, Source::Api);
            return Ok(Caller::new(cause, Permissions::all(), [].into()));
        }
        let found = if ApiToken::parse(token).is_some() {
            self.identity.authenticate(token, request, Source::Api).await
        } else {
            self.accounts.authenticate(token, request, Source::Api).await
        };
        found.map_err(|no| match no {
            NoEntry::Invalid => Unauthenticated::Invalid("unknown, revoked or expired"),
            NoEntry::Unavailable(error) => Unauthenticated::Unavailable(error),
        })
    }
}

impl Door {
    /// Gives a user a role.
    pub async fn assign(&self, user: UserId, role: &str) {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        let role = role.parse().expect("the name of a role");
        let assign = UserCommand::AssignRole { role, by: cause.actor.clone() };
        let users = &self.executors.users;
        users.execute(&user, assign, &cause).await.expect("assigned");
    }

    /// Revokes a key, though it be the last one.
    pub async fn revoke(&self, id: ApiKeyId) {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        let revoke = ApiKeyCommand::Revoke { by: cause.actor.clone() };
        self.executors.api_keys.execute(&id, revoke, &cause).await.expect("revoked");
    }

    /// Tells a user something, and is cut off before anything else is done about it.
    pub async fn tell_only(&self, user: UserId, command: UserCommand) {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        self.executors.users.execute(&user, command, &cause).await.expect("told");
    }

    /// Links a Discord account with a user, as signing in by Discord does.
    pub async fn link_discord(&self, user: UserId, account: DiscordUserId) {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Cli);
        let (value, owner) = (format!("discord|{account}"), format!("user:{user}"));
        let reserve = &self.people.accounts.reserve;
        let claim = reserve.take(&cause, ("account", "account"), &value, owner).await;
        let link = UserCommand::Link {
            provider: "discord".to_owned(),
            account: claim.expect("nobody else's"),
            shown: Personal::of(Person::user(user), "ana".to_owned()),
            by: cause.actor.clone(),
        };
        self.executors.users.execute(&user, link, &cause.then("link")).await.expect("linked");
    }

    /// As whom a Discord account acts that holds this by its server, and what it may do.
    pub async fn on_discord(
        &self,
        account: DiscordUserId,
        holds: Permissions,
    ) -> (Actor, Permissions) {
        self.people.accounts.on_discord(account, None, holds).await.expect("an answer")
    }

    /// Raises an alert as the platform does; answers its id once the read models show it.
    pub async fn raise_alert(&self, details: &str) -> AlertId {
        let cause = Cause::asked(Actor::system("tests"), Uuid::now_v7(), Source::Reactor);
        let (id, details) = (AlertId(Uuid::now_v7()), details.to_owned());
        let details = Personal::of(Person::operator(), details);
        let raise = AlertCommand::Raise { kind: AlertKind::ManyAccounts, user: None, details };
        self.executors.alerts.execute(&id, raise, &cause).await.expect("raised");
        self.shown().await;
        id
    }

    /// Waits until the read models show all there is.
    async fn shown(&self) {
        let head = self.journal.log().head().await.expect("a log");
        let shown = self.request(Method::GET, "/api/v1/views").header("x-min-position", head);
        assert_eq!(answered(shown).await.status, 200, "the read models show all of it");
    }

    /// Reacts to everything that happened as those do who stand in for somebody who was cut off.
    pub async fn stand_in(&self) {
        let (all, _) = self.journal.read_all(0, 10_000).await.expect("a log");
        let reactors: [&dyn Reactor; 2] = [
            &KeepMemberships(self.people.accounts.clone()),
            &EraseDeletedUsers(self.people.clone()),
        ];
        for recorded in all {
            for reactor in reactors {
                if reactor.concerns(&recorded) {
                    reactor.react(&recorded).await.expect("a reaction");
                }
            }
        }
        self.shown().await;
    }
}
