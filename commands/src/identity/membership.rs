//! Who belongs to which organization.
//!
//! The user's own stream says it; the organizations it is about are told after it, each once: the ids of
//! those commands follow from the move's. Whoever was cut off in between is stood in for by a reactor.

use async_trait::async_trait;
use domain::identity::{OrganizationCommand, User, UserCommand, UserEvent};
use domain::kernel::{
    Actor, Cause, Event, Expected, Ground, OrganizationId, Recorded, StreamId, UserId,
};

use super::accounts::Accounts;
use crate::{CommandError, Reactor, Setback};

/// How many commits of a user are read at once.
const PAGE: usize = 500;

impl Accounts {
    /// Moves a user into an organization, or out of his; answers the last commit of it.
    pub(crate) async fn move_user(
        &self,
        cause: &Cause,
        user: UserId,
        to: Option<OrganizationId>,
        by: Actor,
    ) -> Result<u64, CommandError> {
        let cause = cause.then("move");
        let command = UserCommand::Move { organization: to, by };
        let moved = self.users.execute(&user, command, &cause).await?;
        Ok(self.follow_move(&cause, user).await?.max(moved.position))
    }

    /// Tells organizations of the move that this very cause led to, if it led to one.
    async fn follow_move(&self, cause: &Cause, user: UserId) -> Result<u64, CommandError> {
        let stream = StreamId::of::<User>(&user);
        let (mut before, mut after) = (None, Expected::New);
        loop {
            let page = self.journal.read_stream(&stream, after, PAGE).await?;
            for recorded in &page {
                let Event::User(_, UserEvent::Moved { organization, by }) = &recorded.event else {
                    continue;
                };
                if recorded.command == cause.command {
                    let left = match before {
                        Some(id) => self.tell_of_leaving(cause, id, user, by).await?,
                        None => 0,
                    };
                    let joined = match organization {
                        Some(id) => self.tell_of_joining(cause, *id, user, by).await?,
                        None => 0,
                    };
                    return Ok(left.max(joined));
                }
                before = *organization;
            }
            match page.last() {
                Some(last) => {
                    let (version, position) = (last.version, last.position);
                    after = Expected::Exact { version, position };
                }
                None => return Ok(0),
            }
        }
    }

    /// The cause is that of what took him out, so that it is told once.
    pub(crate) async fn tell_of_leaving(
        &self,
        cause: &Cause,
        organization: OrganizationId,
        user: UserId,
        by: &Actor,
    ) -> Result<u64, CommandError> {
        let leave = OrganizationCommand::Leave { user, by: by.clone() };
        let left = self.organizations.execute(&organization, leave, &cause.then("leave")).await;
        unless_gone(left.map(|it| it.position))
    }

    async fn tell_of_joining(
        &self,
        cause: &Cause,
        organization: OrganizationId,
        user: UserId,
        by: &Actor,
    ) -> Result<u64, CommandError> {
        let join = OrganizationCommand::Join { user, joined: false, by: by.clone() };
        let joined = self.organizations.execute(&organization, join, &cause.then("join")).await;
        unless_gone(joined.map(|it| it.position))
    }
}

/// What is not there any more needs to be told nothing.
fn unless_gone(told: Result<u64, CommandError>) -> Result<u64, CommandError> {
    match told {
        Err(CommandError::Rejected(no)) if no.ground == Ground::Missing => Ok(0),
        told => told,
    }
}

/// When a user moved, tells the organizations, should whoever moved him have been cut off.
pub struct KeepMemberships(pub Accounts);

#[async_trait]
impl Reactor for KeepMemberships {
    fn name(&self) -> &'static str {
        "keep_memberships"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        matches!(&recorded.event, Event::User(_, UserEvent::Moved { .. }))
    }

    async fn react(&self, recorded: &Recorded) -> Result<(), Setback> {
        let Event::User(user, UserEvent::Moved { .. }) = &recorded.event else { return Ok(()) };
        // Under the name of the move itself, what was told already is not told again.
        let cause = Cause { command: recorded.command, ..Cause::answering(recorded, self.name()) };
        self.0.follow_move(&cause, *user).await?;
        Ok(())
    }
}
