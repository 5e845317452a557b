//! Puts the use cases together.

use std::sync::Arc;

use adapters::{AuthenticatorCodes, JwtTokens, RhaiScripts, WebauthnPasskeys};
use async_trait::async_trait;
use chrono::TimeDelta;
use commands::behaviors::{Behaviors, Budget, Budgets, Registries};
use commands::conversation::{Conversations, Pace, RecentTurns};
use commands::discord::Observations;
use commands::explain::Explain;
use commands::identity::accounts::{AccountSettings, Accounts, KnownTokens, SecondFactors};
use commands::identity::people::People;
use commands::identity::policies::{DecisionLog, News, Policies};
use commands::identity::providers::{Providers, RedirectUris};
use commands::identity::{Identity, KeyHashes, LastUses, Reserve};
use commands::integrations::Integrations;
use commands::lifecycle::Lifecycle;
use commands::ports::{Access, ChatModel, Mailer, OAuth, Passwords, SignInProviders, Snapshots};
use commands::self_editing::{Compensations, Past, Rehearsals, SelfEditing, Suggesting};
use commands::{Blobs, CommandError, Executors};
use domain::kernel::{Actor, ActorKind, Journal};

use crate::as_of::NoSnapshots;
use crate::policies::Deciding;
use crate::stores::Stores;
use crate::surroundings::Views;

/// What can be asked of the platform.
#[derive(Clone)]
pub struct UseCases {
    pub accounts: Accounts,
    pub behaviors: Behaviors,
    pub compensations: Compensations,
    pub conversations: Conversations,
    pub executors: Executors,
    pub explain: Explain,
    pub identity: Identity,
    pub integrations: Integrations,
    pub lifecycle: Lifecycle,
    /// Of the workspace; whoever follows the log stirs it.
    pub news: News,
    pub observations: Observations,
    pub people: People,
    pub providers: Providers,
    pub policies: Policies,
    pub rehearsals: Rehearsals,
    pub second_factors: SecondFactors,
    pub self_editing: SelfEditing,
    /// Where behaviors look; whoever opens the read models tells it.
    pub views: Views,
}

/// What the settings make of the neighbors.
pub struct Outside {
    /// Whom people sign in by, and where they may be sent back to.
    pub providers: Arc<dyn SignInProviders>,
    pub redirects: RedirectUris,
    pub accounts: AccountSettings,
    pub mailer: Arc<dyn Mailer>,
    pub passwords: Arc<dyn Passwords>,
    /// Who signs access tokens, and for whom.
    pub issuer: String,
    pub audience: String,
    /// What people talk with.
    pub model: Arc<dyn ChatModel>,
    pub oauth: Arc<dyn OAuth>,
    pub pace: Pace,
    pub suggesting: Suggesting,
    /// What the scripts of one server may use in a minute.
    pub budget: Budget,
    /// Where behaviors look.
    pub views: Views,
    /// How long an edit is watched after it went live.
    pub watch_for: TimeDelta,
}

impl UseCases {
    pub fn new(stores: &Stores, outside: Outside) -> Self {
        Self::over(stores, &stores.journal, stores.operational.clone(), outside)
    }

    /// As they were at a moment.
    pub(crate) fn as_of(stores: &Stores, journal: &Journal, outside: Outside) -> Self {
        Self::over(stores, journal, Arc::new(NoSnapshots), outside)
    }

    fn over(
        stores: &Stores,
        journal: &Journal,
        snapshots: Arc<dyn Snapshots>,
        outside: Outside,
    ) -> Self {
        let Outside {
            providers,
            redirects,
            accounts,
            mailer,
            passwords,
            issuer,
            audience,
            model,
            oauth,
            pace,
            suggesting,
            budget,
            views,
            watch_for,
        } = outside;
        let executors = Executors::new(journal, &snapshots);
        let recent = RecentTurns::default();

        let blobs = Blobs::new(executors.blobs.clone(), journal.clone());
        let conversations = Conversations {
            blobs: blobs.clone(),
            conversations: executors.conversations.clone(),
            journal: journal.clone(),
            model: model.clone(),
            pace,
            workspace: executors.workspaces.clone(),
            recent: recent.clone(),
        };
        let deciding = Deciding::new(&executors, &blobs, Arc::new(views.clone()));
        let identity = Identity {
            api_keys: executors.api_keys.clone(),
            decisions: deciding.decisions,
            people: executors.people.clone(),
            journal: journal.clone(),
            vault: stores.vault.clone(),
            recent,
            hashes: KeyHashes::default(),
            uses: LastUses::new(stores.operational.clone()),
        };
        let reserve = Reserve {
            claims: executors.claims.clone(),
            users: executors.users.clone(),
            journal: journal.clone(),
            vault: stores.vault.clone(),
        };
        let accounts = Accounts {
            authority: deciding.authority,
            reserve,
            organizations: executors.organizations.clone(),
            roles: executors.roles.clone(),
            sessions: executors.sessions.clone(),
            sign_ins: executors.sign_ins.clone(),
            users: executors.users.clone(),
            journal: journal.clone(),
            known: KnownTokens::default(),
            mailer,
            passwords,
            session_list: Arc::new(views.clone()),
            tickets: stores.operational.clone(),
            tokens: Arc::new(JwtTokens::new(stores.vault.clone(), issuer, audience)),
            vault: stores.vault.clone(),
            settings: accounts,
        };
        let AccountSettings { public_url, product, .. } = &accounts.settings;
        let second_factors = SecondFactors {
            passkeys: Arc::new(WebauthnPasskeys::new(public_url, product)),
            totp: Arc::new(AuthenticatorCodes),
            accounts: accounts.clone(),
        };
        let providers = Providers {
            accounts: accounts.clone(),
            port: providers,
            redirects,
            second_factors: second_factors.clone(),
        };
        let people = People {
            accounts: accounts.clone(),
            directory: Arc::new(views.clone()),
            groups: executors.groups.clone(),
            identity: identity.clone(),
        };
        let integrations = Integrations {
            installations: executors.installations.clone(),
            oauth,
            tickets: stores.operational.clone(),
            vault: stores.vault.clone(),
        };
        let lifecycle = Lifecycle {
            bots: executors.bots.clone(),
            clock: journal.clock().clone(),
            processes: executors.processes.clone(),
            settings: executors.settings.clone(),
        };
        let observations = Observations {
            channels: executors.channels.clone(),
            guilds: executors.guilds.clone(),
            journal: journal.clone(),
        };
        let self_editing = SelfEditing {
            access: Arc::new(Keyholders(identity.clone())),
            blobs,
            edits: executors.edits.clone(),
            journal: journal.clone(),
            past: Past::default(),
            policies: deciding.checker,
            scripts: Arc::new(RhaiScripts::default()),
            settings: executors.settings.clone(),
            watch_for,
            watches: executors.watches.clone(),
            suggesting,
            workspace: deciding.workspace,
        };
        let policies = Policies {
            accounts: accounts.clone(),
            api_keys: executors.api_keys.clone(),
            log: DecisionLog::default(),
            self_editing: self_editing.clone(),
        };
        let behaviors = Behaviors {
            behaviors: executors.behaviors.clone(),
            budgets: Arc::new(Budgets::new(budget)),
            journal: journal.clone(),
            model,
            registries: Registries::new(self_editing.clone()),
            surroundings: Arc::new(views.clone()),
        };
        let compensations = Compensations::new(
            executors.compensations.clone(),
            Arc::new(views.clone()),
            self_editing.clone(),
        );
        let explain = Explain {
            behaviors: behaviors.clone(),
            checkpoints: stores.operational.clone(),
            traces: Arc::new(views.clone()),
        };
        let rehearsals = Rehearsals::new(
            stores.operational.clone(),
            behaviors.registries.clone(),
            executors.rehearsals.clone(),
            self_editing.clone(),
            Arc::new(views.clone()),
        );
        Self {
            accounts,
            behaviors,
            compensations,
            conversations,
            executors,
            explain,
            identity,
            integrations,
            lifecycle,
            news: deciding.news,
            observations,
            people,
            providers,
            policies,
            rehearsals,
            second_factors,
            self_editing,
            views,
        }
    }
}

/// Knows the callers by their API keys.
struct Keyholders(Identity);

#[async_trait]
impl Access for Keyholders {
    async fn is_only_administrator(&self, actor: &Actor) -> Result<bool, CommandError> {
        let others = self.0.administrators().await?.into_iter().map(|id| id.to_string());
        let mut others = others.filter(|id| actor.kind != ActorKind::ApiKey || *id != actor.id);
        Ok(others.next().is_none())
    }
}
