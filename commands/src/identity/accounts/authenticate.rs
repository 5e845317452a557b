//! Who holds an access token.

use domain::kernel::{Actor, Cause, Source};
use uuid::Uuid;

use super::Accounts;
use crate::behaviors::powers_of;
use crate::identity::NoEntry;
use crate::ports::{Caller, Signed};

impl Accounts {
    /// Who holds this access token. That it is signed is not enough: its session must be alive, its user
    /// active, and neither void since.
    pub async fn authenticate(
        &self,
        token: &str,
        correlation: Uuid,
        source: Source,
    ) -> Result<Caller, NoEntry> {
        let now = self.journal.clock().now();
        let claims = match self.known.get(token) {
            Some(claims) => claims,
            None => {
                let claims = self.tokens.verify(token, now).await?.ok_or(NoEntry::Invalid)?;
                self.known.keep(token, claims)
            }
        };
        if now >= claims.expires_at {
            return Err(NoEntry::Invalid);
        }
        let session = self.sessions.load(&claims.session).await?.aggregate;
        if !session.alive(now) || session.user() != Some(claims.user) {
            return Err(NoEntry::Invalid);
        }
        let user = self.users.load(&claims.user).await?.aggregate;
        // A session of a later epoch than this process has seen is good: what made it came first.
        if !user.is_active() || session.epoch() < user.epoch() {
            return Err(NoEntry::Invalid);
        }
        let principal = self.principal(claims.user, &user).await?;
        let permissions = self.authority.decisions.granted(&principal).await?;
        let signed = Signed {
            user: claims.user,
            session: claims.session,
            organization: user.organization(),
            runs_organization: principal.tenant.is_some_and(|it| it.runs),
            has_factor: user.factors().enabled(),
            factor_at: session.factor_at(),
        };
        let cause = Cause::asked(Actor::user(claims.user), correlation, source);
        let powers = powers_of(&permissions);
        Ok(Caller { session: Some(signed), ..Caller::new(cause, permissions, powers) })
    }
}
