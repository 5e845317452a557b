//! Access tokens as JWT (RFC 9068), signed by RS256 with keys of the vault.
//!
//! The newest key signs, once everybody had time to learn of it: other processes, and those who read our
//! public keys now and then. An older one verifies what it signed until that has run out. A key is named by
//! a UUID version 7, so its name tells its age, and processes that make one at the same time agree which is
//! the newest.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use commands::ports::{Claims, Tokens, Vault};
use commands::{CommandError, describe};
use domain::kernel::{SessionId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How the keys' names begin in the vault.
const PREFIX: &str = "jwt-key/";

/// What the header of an access token says it is.
const TYPE: &str = "at+jwt";

/// How long a key signs, and how long one that was followed by another is kept to verify: longer than any
/// token lasts.
const SIGNS_FOR: TimeDelta = TimeDelta::days(30);
const VERIFIES_FOR: TimeDelta = TimeDelta::hours(26);

/// How long a key is shown before it signs.
const SHOWN_FIRST: TimeDelta = TimeDelta::minutes(10);

/// How far the clocks of processes may be apart.
const SKEW_S: i64 = 60;

/// How often the vault is asked for keys: at most because somebody shows an unknown one, and at least.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const LOOK_ANYWAY: Duration = Duration::from_secs(60);

/// See the module.
pub struct JwtTokens {
    vault: Arc<dyn Vault>,
    issuer: String,
    audience: String,
    keys: RwLock<Arc<Keys>>,
    /// When the vault was asked last; held while it is.
    looked: Mutex<Option<Instant>>,
}

/// The keys, by name, and so by age.
#[derive(Default)]
struct Keys(BTreeMap<Uuid, Pair>);

struct Pair {
    private: EncodingKey,
    public: DecodingKey,
    /// Modulus and exponent, in base64url.
    parts: (String, String),
}

/// What the wire says.
#[derive(Serialize, Deserialize)]
struct Wire {
    sub: Uuid,
    email: String,
    name: String,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    sid: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    iss: String,
    aud: String,
    jti: Uuid,
    client_id: String,
}

impl JwtTokens {
    pub fn new(vault: Arc<dyn Vault>, issuer: String, audience: String) -> Self {
        let (keys, looked) = (RwLock::default(), Mutex::default());
        Self { vault, issuer, audience, keys, looked }
    }

    fn known(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys; made at the first start.
    async fn keys(&self) -> Result<Arc<Keys>, CommandError> {
        let known = self.known();
        if !known.0.is_empty() {
            return Ok(self.keys_now_and_then(known).await);
        }
        let mut looked = self.looked.lock().await;
        let known = self.known();
        if !known.0.is_empty() {
            return Ok(known);
        }
        let mut keys = self.load().await?;
        if keys.0.is_empty() {
            self.make().await?;
            keys = self.load().await?;
        }
        *looked = Some(Instant::now());
        Ok(self.keep(keys))
    }

    /// Asked for again after a while, by one, while the others go on with those that are known.
    async fn keys_now_and_then(&self, known: Arc<Keys>) -> Arc<Keys> {
        let Ok(mut looked) = self.looked.try_lock() else { return known };
        if looked.is_some_and(|at| at.elapsed() < LOOK_ANYWAY) {
            return known;
        }
        *looked = Some(Instant::now());
        match self.load().await {
            Ok(keys) if !keys.0.is_empty() => self.keep(keys),
            Ok(_) => known,
            Err(error) => {
                tracing::warn!(error = %describe(&error), "the keys of tokens were not looked at");
                known
            }
        }
    }

    /// The keys, asked for again, unless that was just done.
    async fn keys_again(&self) -> Result<Arc<Keys>, CommandError> {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Ok(self.known());
        }
        let keys = self.load().await?;
        *looked = Some(Instant::now());
        Ok(self.keep(keys))
    }

    fn keep(&self, keys: Keys) -> Arc<Keys> {
        let keys = Arc::new(keys);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
        keys
    }

    async fn load(&self) -> Result<Keys, CommandError> {
        let mut keys = Keys::default();
        for name in self.vault.secrets(PREFIX).await? {
            let Some(Ok(id)) = name.strip_prefix(PREFIX).map(str::parse) else { continue };
            if let Some(secret) = self.vault.secret(&name).await? {
                keys.0.insert(id, Pair::read(&secret)?);
            }
        }
        Ok(keys)
    }

    async fn make(&self) -> Result<(), CommandError> {
        let made = tokio::task::spawn_blocking(|| KeyPair::generate(KeySize::Rsa2048)).await;
        let pair = made.map_err(CommandError::unavailable)?;
        let pair = pair.map_err(|_| CommandError::unavailable("no RSA key can be made"))?;
        let der: Pkcs8V1Der<'_> =
            pair.as_der().map_err(|_| CommandError::unavailable("no RSA key can be kept"))?;
        self.vault.put_secret(&format!("{PREFIX}{}", Uuid::now_v7()), der.as_ref()).await
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        // Times are looked at by the platform's own clock.
        validation.validate_exp = false;
        validation
    }
}

impl Keys {
    /// The newest that was shown long enough; at the beginning there is only the first.
    fn signs_at(&self, now: DateTime<Utc>) -> Option<(&Uuid, &Pair)> {
        let shown = |id: &Uuid| made_at(id).is_some_and(|made| now - made >= SHOWN_FIRST);
        self.0.iter().rev().find(|(id, _)| shown(id)).or_else(|| self.0.first_key_value())
    }
}

impl Pair {
    fn read(secret: &[u8]) -> Result<Self, CommandError> {
        let odd = || CommandError::unavailable("a key of the vault is no RSA key");
        let pair = KeyPair::from_pkcs8(secret).map_err(|_| odd())?;
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero();
        let exponent = public.exponent().big_endian_without_leading_zero();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(secret)
        );
        Ok(Self {
            private: EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| odd())?,
            public: DecodingKey::from_rsa_raw_components(modulus, exponent),
            parts: (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent)),
        })
    }
}

#[async_trait]
impl Tokens for JwtTokens {
    async fn sign(&self, claims: &Claims) -> Result<String, CommandError> {
        let keys = self.keys().await?;
        let missing = || CommandError::unavailable("there is no key to sign with");
        let (id, pair) = keys.signs_at(claims.issued_at).ok_or_else(missing)?;
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(id.to_string());
        let wire = Wire {
            sub: claims.user.0,
            email: claims.email.clone(),
            name: claims.name.clone(),
            roles: claims.roles.clone(),
            org: claims.organization.map(|it| it.0),
            sid: claims.session.0,
            iat: claims.issued_at.timestamp(),
            nbf: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            jti: claims.id,
            client_id: self.audience.clone(),
        };
        jsonwebtoken::encode(&header, &wire, &pair.private).map_err(CommandError::unavailable)
    }

    async fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Claims>, CommandError> {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Ok(None) };
        let typed = header.typ.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(TYPE));
        let id = header.kid.as_deref().and_then(|it| it.parse::<Uuid>().ok());
        let Some(id) = id.filter(|_| typed && header.alg == Algorithm::RS256) else {
            return Ok(None);
        };
        let mut keys = self.keys().await?;
        if !keys.0.contains_key(&id) {
            keys = self.keys_again().await?;
        }
        let Some(pair) = keys.0.get(&id) else { return Ok(None) };
        let read = jsonwebtoken::decode::<Wire>(token, &pair.public, &self.validation());
        let Ok(read) = read else { return Ok(None) };
        let wire = read.claims;
        let time = |seconds| DateTime::from_timestamp(seconds, 0);
        let (Some(issued_at), Some(expires_at)) = (time(wire.iat), time(wire.exp)) else {
            return Ok(None);
        };
        if now >= expires_at || now.timestamp() + SKEW_S < wire.nbf {
            return Ok(None);
        }
        Ok(Some(Claims {
            id: wire.jti,
            user: UserId(wire.sub),
            email: wire.email,
            name: wire.name,
            roles: wire.roles,
            organization: wire.org.map(domain::kernel::OrganizationId),
            session: SessionId(wire.sid),
            issued_at,
            expires_at,
        }))
    }

    async fn public_keys(&self) -> Result<Value, CommandError> {
        let keys = self.keys().await?;
        let keys: Vec<_> = keys
            .0
            .iter()
            .rev()
            .map(|(id, pair)| {
                let (n, e) = &pair.parts;
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e })
            })
            .collect();
        Ok(json!({ "keys": keys }))
    }

    async fn rotate(&self, now: DateTime<Utc>) -> Result<(), CommandError> {
        // Others may have rotated already.
        let names = self.vault.secrets(PREFIX).await?;
        let ids = names.iter().filter_map(|it| it.strip_prefix(PREFIX)?.parse().ok());
        let mut ids: Vec<Uuid> = ids.collect();
        ids.sort_unstable();
        let newest = ids.last().and_then(made_at);
        let due = newest.is_none_or(|made| now - made > SIGNS_FOR);
        if due {
            self.make().await?;
        }
        let mut dropped = false;
        for pair in ids.windows(2) {
            let followed = made_at(&pair[1]).map(|made| made + SHOWN_FIRST);
            if followed.is_some_and(|followed| now - followed > VERIFIES_FOR) {
                self.vault.delete_secret(&format!("{PREFIX}{}", pair[0])).await?;
                dropped = true;
            }
        }
        if due || dropped {
            let mut looked = self.looked.lock().await;
            let keys = self.load().await?;
            *looked = Some(Instant::now());
            self.keep(keys);
        }
        Ok(())
    }
}

fn made_at(id: &Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

#[cfg(test)]
mod tests;
