//! Use cases around API keys and people's data.

pub mod accounts;
mod alerts;
mod claims;
mod key_hashes;
mod last_uses;
mod membership;
pub mod people;
pub mod policies;
pub mod providers;
mod token;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::{ApiKey, ApiKeyCommand, NewApiKey, Permission, Permissions};
use domain::kernel::{
    Actor, ApiKeyId, Cause, ErasurePerson, Expected, Ground, Journal, Person, PersonCommand,
    Source, StreamId,
};
use uuid::Uuid;

pub use alerts::{Alerts, MailAlerts, RaiseAlerts};
pub use claims::Reserve;
pub(crate) use claims::owner;
pub use key_hashes::KeyHashes;
pub use last_uses::LastUses;
pub use membership::KeepMemberships;
pub use token::ApiToken;

use crate::behaviors::powers_of;
use crate::conversation::RecentTurns;
use crate::ports::{Caller, Decisions, Execute, Executed, Principal, PrincipalKind, Vault};
use crate::{CommandError, Refusal};

/// How late a request can be a repeat.
const REPEATED: TimeDelta = TimeDelta::hours(1);

/// The door to identity.
#[derive(Clone)]
pub struct Identity {
    pub api_keys: Arc<dyn Execute<ApiKey>>,
    /// What the policies make of a key.
    pub decisions: Arc<dyn Decisions>,
    pub people: Arc<dyn Execute<ErasurePerson>>,
    pub journal: Journal,
    pub vault: Arc<dyn Vault>,
    pub recent: RecentTurns,
    pub hashes: KeyHashes,
    pub uses: LastUses,
}

/// A key that was just made; its secret is shown this once.
pub struct IssuedApiKey {
    pub id: ApiKeyId,
    /// `pal_<id>_<secret>`
    pub token: String,
    pub created_at: DateTime<Utc>,
    pub position: u64,
}

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum NoEntry {
    #[error("the token is unknown, revoked or expired")]
    Invalid,
    #[error(transparent)]
    Unavailable(#[from] CommandError),
}

impl Identity {
    /// Make an API key. It never allows more than its maker is allowed. It outlives the session it is made
    /// in, so it wants a fresh second factor.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        new: NewApiKey,
    ) -> Result<IssuedApiKey, CommandError> {
        caller.require(Permission::ManageApiKey)?;
        let (cause, may) = (&caller.cause, caller.permissions.clone());
        let now = self.journal.clock().now();
        caller.require_fresh(now)?;
        let id = self.id_of_new(cause, now).await?;
        let by = cause.actor.clone();
        let create = ApiKeyCommand::Create { new, by, may, now };
        let executed = self.api_keys.execute(&id, create, cause).await?;

        let token = ApiToken::make(id);
        self.vault.put_secret(&vault_name(id), token.hash().as_bytes()).await?;
        let created_at = self.made_at(&id).await?.unwrap_or(now);
        Ok(IssuedApiKey { id, token: token.to_string(), created_at, position: executed.position })
    }

    /// The first key, which may do everything, when nobody could make one yet: this one, if it was
    /// kept by a start that was cut off. To be kept before it is made.
    pub async fn bootstrap_token(
        &self,
        kept: Option<&str>,
    ) -> Result<Option<ApiToken>, CommandError> {
        for name in self.vault.secrets("api-key/").await? {
            let id = name.strip_prefix("api-key/").map(str::parse::<ApiKeyId>);
            if let Some(Ok(id)) = id
                && self.api_keys.load(&id).await?.version > 0
            {
                return Ok(None);
            }
        }
        if let Some(kept) = kept.and_then(ApiToken::parse)
            && self.api_keys.load(&kept.id).await?.version == 0
        {
            return Ok(Some(kept));
        }
        Ok(Some(ApiToken::make(ApiKeyId::new())))
    }

    /// Make the first key. Cut off, it can be made again.
    pub async fn create_bootstrap_key(&self, token: &ApiToken) -> Result<(), CommandError> {
        self.vault.put_secret(&vault_name(token.id), token.hash().as_bytes()).await?;
        let actor = Actor::system("bootstrap");
        let cause = Cause::asked(actor.clone(), Uuid::now_v7(), Source::Cli);
        let permissions = Permissions::all();
        let new = NewApiKey { name: "bootstrap".into(), permissions, expires_at: None };
        let (may, now) = (Permissions::all(), self.journal.clock().now());
        let create = ApiKeyCommand::Create { new, by: actor, may, now };
        self.api_keys.execute(&token.id, create, &cause).await.map(|_| ())
    }

    /// The same request makes the same key: one that was cut off before its secret was told is
    /// told another. What comes much later under the same name is a request of its own.
    async fn id_of_new(&self, cause: &Cause, now: DateTime<Utc>) -> Result<ApiKeyId, CommandError> {
        let id = ApiKeyId(cause.command);
        let old = self.made_at(&id).await?.is_some_and(|made| now - made > REPEATED);
        Ok(if old { ApiKeyId::new() } else { id })
    }

    /// When a key was made; none when it never was.
    async fn made_at(&self, id: &ApiKeyId) -> Result<Option<DateTime<Utc>>, CommandError> {
        let stream = StreamId::of::<ApiKey>(id);
        let history = self.journal.read_stream(&stream, Expected::New, 1).await?;
        Ok(history.first().map(|made| made.recorded_at))
    }

    /// Revoke a key, if it still has this version; it stops working at once. The last one that
    /// can make others stays, so that nobody locks everybody out.
    pub async fn revoke_api_key(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        version: Option<u64>,
    ) -> Result<u64, CommandError> {
        caller.require(Permission::ManageApiKey)?;
        if self.who_may(Permission::ManageApiKey).await? == [id] {
            return Err(CommandError::Rejected(Box::new(Refusal {
                ground: Ground::State,
                reason: "this is the last key that may make keys; make another one first".into(),
                code: None,
                field: None,
                details: None,
            })));
        }
        let command = ApiKeyCommand::Revoke { by: caller.actor().clone() };
        let executed = match version {
            Some(version) => self.api_keys.execute_at(&id, version, command, &caller.cause).await?,
            None => self.api_keys.execute(&id, command, &caller.cause).await?,
        };
        Ok(executed.position)
    }

    /// When each of these keys was used last, to the minute; none when it never was.
    pub async fn last_used(
        &self,
        caller: &Caller,
        ids: &[ApiKeyId],
    ) -> Result<Vec<Option<DateTime<Utc>>>, CommandError> {
        caller.require(Permission::ManageApiKey)?;
        self.uses.of(ids).await
    }

    /// Who holds this token.
    pub async fn authenticate(
        &self,
        token: &str,
        correlation: Uuid,
        source: Source,
    ) -> Result<Caller, NoEntry> {
        let token = ApiToken::parse(token).ok_or(NoEntry::Invalid)?;
        let id = token.id;

        let kept = if let Some(kept) = self.hashes.get(id) {
            kept
        } else {
            let kept = self.vault.secret(&vault_name(id)).await?.ok_or(NoEntry::Invalid)?;
            let kept = kept.try_into().map_err(|_| NoEntry::Invalid)?;
            self.hashes.keep(id, kept);
            kept
        };
        // Comparing BLAKE3 hashes takes the same time whatever they are.
        if token.hash() != blake3::Hash::from_bytes(kept) {
            return Err(NoEntry::Invalid);
        }

        let key = self.api_keys.load(&id).await?.aggregate;
        let now = self.journal.clock().now();
        let holds = key.permissions(now).ok_or(NoEntry::Invalid)?.clone();
        let principal = Principal::holding(PrincipalKind::ApiKey, id.to_string(), holds);
        let permissions = self.decisions.granted(&principal).await?;
        self.uses.note(id, now).await;
        let cause = Cause::asked(Actor::api_key(id.to_string()), correlation, source);
        let powers = powers_of(&permissions);
        Ok(Caller::new(cause, permissions, powers))
    }

    /// The keys that could approve edits now.
    pub async fn administrators(&self) -> Result<Vec<ApiKeyId>, CommandError> {
        self.who_may(Permission::ApproveSelfEdit).await
    }

    /// The keys that may do this now.
    async fn who_may(&self, permission: Permission) -> Result<Vec<ApiKeyId>, CommandError> {
        let now = self.journal.clock().now();
        let mut found = Vec::new();
        for name in self.vault.secrets("api-key/").await? {
            let Some(Ok(id)) = name.strip_prefix("api-key/").map(str::parse::<ApiKeyId>) else {
                continue;
            };
            let key = self.api_keys.load(&id).await?.aggregate;
            if key.permissions(now).is_some_and(|it| it.allow(permission)) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Make a person's data unreadable, everywhere and for good; answers also how many keys were
    /// destroyed.
    pub async fn erase_person(
        &self,
        caller: &Caller,
        person: &Person,
        reason: String,
    ) -> Result<(Executed<ErasurePerson>, u64), CommandError> {
        caller.require(Permission::ErasePerson)?;
        caller.require_fresh(self.journal.clock().now())?;
        let destroyed = self.journal.codec().erase(person).await? as u64;
        self.recent.forget();
        let command = PersonCommand::Erase { keys: destroyed, reason };
        let executed = self.people.execute(person, command, &caller.cause).await?;
        Ok((executed, destroyed))
    }

    /// The same for the platform itself. Who was erased already, with nothing kept of him since, is passed
    /// over; answers the commit that tells of the last time.
    pub(crate) async fn erase(
        &self,
        cause: &Cause,
        person: &Person,
        reason: &str,
    ) -> Result<u64, CommandError> {
        let destroyed = self.journal.codec().erase(person).await? as u64;
        self.recent.forget();
        let before = self.people.load(person).await?;
        if destroyed == 0 && before.version > 0 {
            return Ok(before.position);
        }
        let command = PersonCommand::Erase { keys: destroyed, reason: reason.to_owned() };
        Ok(self.people.execute(person, command, cause).await?.position)
    }
}

fn vault_name(id: ApiKeyId) -> String {
    format!("api-key/{id}")
}
