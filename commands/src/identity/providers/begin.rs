//! Sending people to a provider, and knowing them again when they are back.
//!
//! A visit is kept under its state and under what binds it to who began it: a random value in a cookie of his browser,
//! or the verifier that only his client has, or the session that he links from. So a state alone opens nothing, and
//! nobody else can use one up.

use chrono::TimeDelta;
use domain::kernel::{Ground, SessionId, UserId};

use super::{Begun, Brought, Providers, Visit, Wish, refused};
use crate::CommandError;
use crate::ports::{Authorization, Caller};

/// How long a person may take at a provider.
const VISIT_LASTS: TimeDelta = TimeDelta::minutes(10);

/// What a visit is bound to.
pub(super) enum Bound<'a> {
    /// The value of a cookie.
    Browser(&'a str),
    /// The challenge of a client's verifier.
    Client(&'a str),
    /// The session of who links an account to his own.
    Session(SessionId),
}

impl Providers {
    /// Send somebody to a provider who wants to come in. `browser` is the value of his cookie.
    pub async fn start(&self, browser: &str, wish: Wish) -> Result<Begun, CommandError> {
        let own = self.redirects.own(&wish.provider);
        self.begin(Some(browser), None, own, wish).await
    }

    /// The same for Discord, with the callback that is for it alone.
    pub async fn start_discord(&self, browser: &str, wish: Wish) -> Result<Begun, CommandError> {
        let own = self.redirects.discord();
        let wish = Wish { provider: "discord".to_owned(), ..wish };
        self.begin(Some(browser), None, own, wish).await
    }

    /// Send somebody who is signed in to a provider, to link his account there. Another way into an account is for
    /// its owner to open, not for whoever found his session.
    pub async fn link_start(
        &self,
        caller: &Caller,
        wish: Wish,
        password: Option<&str>,
    ) -> Result<Begun, CommandError> {
        self.require(&wish.provider)?;
        let signed = caller.signed()?;
        self.second_factors.require_owner(caller, password).await?;
        let own = self.redirects.own(&wish.provider);
        self.begin(None, Some((signed.session, signed.user)), own, wish).await
    }

    async fn begin(
        &self,
        browser: Option<&str>,
        links: Option<(SessionId, UserId)>,
        own: String,
        wish: Wish,
    ) -> Result<Begun, CommandError> {
        let Wish { provider, redirect_uri, state, challenge, remember } = wish;
        self.require(&provider)?;
        let redirect_uri = redirect_uri.unwrap_or(own);
        if !self.redirects.allow(&provider, &redirect_uri) {
            let reason = "is not among identity.providers.redirect_uris, where every address stands to the letter";
            return Err(CommandError::invalid("redirect_uri", reason));
        }
        if state.as_deref().is_some_and(|it| !is_state(it)) {
            let reason = "must have 16 to 512 visible ASCII characters, and be hard to guess";
            return Err(CommandError::invalid("state", reason));
        }
        if challenge.as_deref().is_some_and(|it| !is_challenge(it)) {
            let reason = "must be a SHA-256 in BASE64URL: 43 characters (RFC 7636, S256)";
            return Err(CommandError::invalid("code_challenge", reason));
        }
        let state = state.unwrap_or_else(secret);
        let verifier = challenge.is_none().then(secret);
        let challenge = match (&challenge, &verifier) {
            (Some(challenge), _) => challenge.clone(),
            (None, verifier) => self.port.challenge(verifier.as_deref().unwrap_or_default()),
        };

        let nonce = secret();
        let authorization = Authorization {
            state: state.clone(),
            nonce: nonce.clone(),
            challenge: challenge.clone(),
            redirect_uri: redirect_uri.clone(),
        };
        let url = self.port.authorization_url(&provider, &authorization).await?;
        let bound = match (links, browser, &verifier) {
            (Some((session, _)), _, _) => Bound::Session(session),
            (None, Some(browser), Some(_)) => Bound::Browser(browser),
            (None, _, _) => Bound::Client(&challenge),
        };
        let (user, until) = (links.map(|it| it.1), self.now() + VISIT_LASTS);
        let name = bound.name(&provider, &state);
        let visit = Visit { nonce, redirect_uri, challenge, verifier, remember, user, until };
        let kept = serde_json::to_string(&visit).map_err(CommandError::unavailable)?;
        let lasts = VISIT_LASTS.to_std().map_err(CommandError::unavailable)?;
        self.accounts.tickets.put(&name, &kept, lasts).await?;
        Ok(Begun { authorization_url: url, state })
    }

    /// A visit that was begun like this, once; with the verifier of its challenge.
    pub(super) async fn visit(
        &self,
        bound: &Bound<'_>,
        brought: &Brought,
    ) -> Result<Option<(Visit, String)>, CommandError> {
        let name = bound.name(&brought.provider, &brought.state);
        let Some(kept) = self.accounts.tickets.take(&name).await? else { return Ok(None) };
        let mut visit: Visit = serde_json::from_str(&kept).map_err(CommandError::unavailable)?;
        let verifier = visit.verifier.take().or_else(|| brought.verifier.clone());
        let fits = |it: &String| self.port.challenge(it) == visit.challenge;
        let verifier = verifier.filter(|it| fits(it) && self.now() <= visit.until);
        Ok(verifier.map(|verifier| (visit, verifier)))
    }

    /// He is back, and the provider or he did not agree: the visit is over.
    pub async fn give_up(
        &self,
        browser: Option<&str>,
        caller: Option<&Caller>,
        provider: &str,
        state: &str,
    ) -> Result<(), CommandError> {
        self.require(provider)?;
        let session = caller.and_then(|it| it.session.as_ref()).map(|it| it.session);
        let bounds = [browser.map(Bound::Browser), session.map(Bound::Session)];
        for bound in bounds.into_iter().flatten() {
            self.accounts.tickets.take(&bound.name(provider, state)).await?;
        }
        Ok(())
    }
}

impl Bound<'_> {
    fn name(&self, provider: &str, state: &str) -> String {
        let to = match self {
            Self::Browser(value) => format!("browser/{value}"),
            Self::Client(challenge) => format!("client/{challenge}"),
            Self::Session(id) => format!("session/{id}"),
        };
        format!("provider/{provider}/{to}/{state}")
    }
}

/// Nothing fits what was brought.
pub(super) fn stale() -> CommandError {
    let reason = "the state is unknown, used, older than ten minutes, or of another browser, client or provider; \
                  begin again";
    refused(Ground::Person, Some("INVALID_TOKEN"), "stale", reason)
}

fn is_state(text: &str) -> bool {
    (16..=512).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
}

/// As RFC 7636 (4.1) wants a verifier.
pub(super) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~".contains(&it))
}

/// 256 random bits, as text.
fn secret() -> String {
    blake3::Hash::from_bytes(rand::random()).to_hex().to_string()
}
