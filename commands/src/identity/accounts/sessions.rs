//! Sessions: ended by their owner, by an administrator, by what happened to the account, or by time.

use domain::identity::{Ending, Permission, SessionCommand};
use domain::kernel::{Actor, Cause, Ground, SessionId, Source, UserId};
use uuid::Uuid;

use super::Accounts;
use crate::ports::{Caller, Loaded};
use crate::{CommandError, describe};

/// How many sessions are told at once that their time ran out.
const AT_ONCE: u64 = 500;

impl Accounts {
    /// End a session: one's own, or anybody's with the permission. A stranger's does not exist.
    pub async fn end_session(&self, caller: &Caller, id: SessionId) -> Result<u64, CommandError> {
        let owner = self.sessions.load(&id).await?.aggregate.user();
        let missing = || CommandError::NotFound("session".to_owned());
        let owner = owner.ok_or_else(missing)?;
        let own = caller.session.as_ref().is_some_and(|it| it.user == owner);
        if !own && !caller.permissions.allow(Permission::ManageUser) {
            return Err(missing());
        }
        let end = SessionCommand::End { reason: Ending::Revoked, by: caller.actor().clone() };
        Ok(self.sessions.execute(&id, end, &caller.cause).await?.position)
    }

    /// End all of one's own sessions but this one; answers how many, and the last commit.
    pub async fn end_other_sessions(&self, caller: &Caller) -> Result<(u64, u64), CommandError> {
        let signed = caller.signed()?;
        let here = self.sessions.load(&signed.session).await?.position;
        let mut others = self.open_sessions(signed.user).await?;
        others.retain(|id| *id != signed.session);
        let (ended, position) = self.end_each(&caller.cause, others, Ending::Revoked).await?;
        Ok((ended, position.max(here)))
    }

    /// End all sessions of a user; answers the last commit. Whoever calls this has seen to it that the
    /// caller may.
    pub async fn end_all_sessions(
        &self,
        cause: &Cause,
        user: UserId,
        reason: Ending,
    ) -> Result<u64, CommandError> {
        let Loaded { aggregate: known, position: here, .. } = self.users.load(&user).await?;
        let all = match self.open_sessions(user).await {
            Ok(all) => all,
            // Nobody gets in by a session of such a user: this is for the record.
            Err(error) if !known.is_active() => {
                tracing::warn!(error = %describe(&error), "void sessions are listed a while longer");
                return Ok(here);
            }
            Err(error) => return Err(error),
        };
        let (_, position) = self.end_each(cause, all, reason).await?;
        Ok(position.max(here))
    }

    /// Says of sessions that are void by their epoch that they are over, for the record and for lists. No
    /// session is missed where it counts: each is asked for its epoch whenever it is used, in every
    /// process, and one that begins meanwhile carries the epoch of before.
    pub(super) async fn end_void(
        &self,
        cause: &Cause,
        user: UserId,
        position: u64,
        reason: Ending,
    ) -> Result<u64, CommandError> {
        let epoch = self.users.load(&user).await?.aggregate.epoch();
        let listed = match self.session_list.of_user(user, position).await {
            Ok(listed) => listed,
            Err(error) => {
                // They end when their time runs out; until then nobody gets in by them.
                tracing::warn!(error = %describe(&error), "void sessions are listed a while longer");
                return Ok(position);
            }
        };
        let mut void = Vec::new();
        for id in listed {
            if self.sessions.load(&id).await?.aggregate.epoch() < epoch {
                void.push(id);
            }
        }
        let (_, at) = self.end_each(cause, void, reason).await?;
        Ok(at.max(position))
    }

    /// The sessions of a user that did not end. All that had begun before this was asked are among them:
    /// the read models are waited for up to the head of the log.
    async fn open_sessions(&self, user: UserId) -> Result<Vec<SessionId>, CommandError> {
        let head = self.journal.log().head().await?;
        self.session_list.of_user(user, head).await
    }

    /// Answers how many ended by this, and the last commit.
    async fn end_each(
        &self,
        cause: &Cause,
        sessions: Vec<SessionId>,
        reason: Ending,
    ) -> Result<(u64, u64), CommandError> {
        let (mut ended, mut position) = (0, 0);
        for id in sessions {
            let end = SessionCommand::End { reason, by: cause.actor.clone() };
            let cause = cause.then(&id.to_string());
            let executed = self.sessions.execute(&id, end, &cause).await?;
            ended += u64::from(!executed.events.is_empty());
            position = position.max(executed.position);
        }
        Ok((ended, position))
    }

    /// Says of sessions whose time ran out that they are over; answers how many.
    pub async fn expire_sessions(&self) -> Result<u64, CommandError> {
        let now = self.journal.clock().now();
        let actor = Actor::system("sessions");
        let mut expired = 0;
        for id in self.session_list.run_out(now, AT_ONCE).await? {
            let cause = Cause::asked(actor.clone(), Uuid::now_v7(), Source::Reactor);
            match self.sessions.execute(&id, SessionCommand::Expire { now }, &cause).await {
                Ok(executed) => expired += u64::from(!executed.events.is_empty()),
                // The read model may show more than there is.
                Err(CommandError::Rejected(no)) if no.ground == Ground::Missing => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }
}
