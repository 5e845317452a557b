//! Refresh tokens: `rt_<session>_<turn>_<secret>`.
//!
//! The secret is a MAC of session and turn under a key of the vault, so nothing of it is kept anywhere.

use domain::identity::{Ending, SessionCommand, SessionEvent};
use domain::kernel::{Actor, Cause, SessionId};
use uuid::Uuid;

use super::enter::{as_user, invalid_token};
use super::{Accounts, Entered};
use crate::CommandError;
use crate::ports::Caller;

/// What every refresh token starts with.
const PREFIX: &str = "rt_";

impl Accounts {
    pub(super) fn refresh_token(&self, session: SessionId, turn: u64) -> String {
        let secret = self.vault.index("refresh", &format!("{session}:{turn}"));
        format!("{PREFIX}{}_{turn}_{secret}", session.0.simple())
    }

    /// The session and the turn of a token that is ours.
    fn read_refresh(&self, token: &str) -> Option<(SessionId, u64)> {
        let (session, turn) = parse(token)?;
        // Hashes compare in constant time.
        let ours = blake3::hash(self.refresh_token(session, turn).as_bytes());
        (ours == blake3::hash(token.as_bytes())).then_some((session, turn))
    }

    /// Trades a refresh token for new tokens. One that was traded before ends the session.
    pub async fn refresh(&self, cause: &Cause, token: &str) -> Result<Entered, CommandError> {
        let no = || invalid_token("the refresh token is not valid; sign in again");
        let (id, turn) = self.read_refresh(token).ok_or_else(no)?;
        let session = self.sessions.load(&id).await?.aggregate;
        let user = session.user().ok_or_else(no)?;
        let known = self.users.load(&user).await?.aggregate;
        if !known.is_active() || session.epoch() < known.epoch() {
            return Err(no());
        }
        let cause = as_user(cause, user);
        let refresh = SessionCommand::Refresh { turn, now: self.journal.clock().now() };
        let executed = match self.sessions.execute(&id, refresh, &cause).await {
            Ok(executed) => executed,
            Err(CommandError::Rejected(_)) => return Err(no()),
            Err(error) => return Err(error),
        };
        let turned = executed.events.iter().any(|it| matches!(it, SessionEvent::Refreshed { .. }));
        if !turned {
            return Err(no());
        }
        self.entered(user, id, executed.position).await
    }

    /// Leave: the caller's own session ends.
    pub async fn log_out(&self, caller: &Caller) -> Result<u64, CommandError> {
        let session = caller.signed()?.session;
        let end = SessionCommand::End { reason: Ending::Logout, by: caller.actor().clone() };
        Ok(self.sessions.execute(&session, end, &caller.cause).await?.position)
    }

    /// Leave by the refresh token, when the access token has run out.
    pub async fn log_out_by(&self, cause: &Cause, token: &str) -> Result<u64, CommandError> {
        let no = || invalid_token("the refresh token is not valid");
        let (id, _) = self.read_refresh(token).ok_or_else(no)?;
        let user = self.sessions.load(&id).await?.aggregate.user().ok_or_else(no)?;
        let end = SessionCommand::End { reason: Ending::Logout, by: Actor::user(user) };
        Ok(self.sessions.execute(&id, end, &as_user(cause, user)).await?.position)
    }
}

fn parse(token: &str) -> Option<(SessionId, u64)> {
    if token.len() > 256 {
        return None;
    }
    let mut parts = token.strip_prefix(PREFIX)?.split('_');
    let session = SessionId(Uuid::try_parse(parts.next()?).ok()?);
    let turn: u64 = parts.next()?.parse().ok()?;
    parts.next().filter(|it| !it.is_empty())?;
    parts.next().is_none().then_some((session, turn))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(rt_)?\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read(id: u128, turn: u64) {
            let id = Uuid::from_u128(id);
            let text = format!("rt_{}_{turn}_abc", id.simple());
            prop_assert_eq!(parse(&text), Some((SessionId(id), turn)));
        }
    }
}
