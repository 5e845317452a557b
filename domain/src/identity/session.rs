//! A session is somebody being signed in on one device, until it ends.
//!
//! Refresh tokens are not here: each is made from the session's id and the number of its turn, by a MAC
//! under a key of the vault. An old turn that comes again was stolen, or its thief was first; either
//! way the session ends (RFC 9700, 4.14.2).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Method;
use crate::kernel::{Actor, Ground, OrganizationId, Rejection, UserId, aggregate};

/// However often it is refreshed, after so many days its user shows again who he is.
const LONGEST_DAYS: u64 = 90;

/// How far a session has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Session {
    user: Option<UserId>,
    organization: Option<OrganizationId>,
    /// How often its refresh token was turned.
    turn: u64,
    #[serde(default)]
    started_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    /// How long each turn lasts, in seconds.
    lasts_s: u64,
    /// When a second factor was shown last.
    factor_at: Option<DateTime<Utc>>,
    /// The user's epoch it belongs to: one of before is void.
    epoch: u64,
    ended: bool,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Ending {
    /// The account was switched off or removed.
    Deactivated,
    /// Its time ran out.
    Expired,
    /// Its owner left.
    Logout,
    /// The password was changed elsewhere.
    PasswordChanged,
    /// An old refresh token came again.
    Reused,
    /// Its owner or an administrator ended it.
    Revoked,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// Somebody showed who he is. `factor` says whether a second factor was among it.
    Start {
        user: UserId,
        organization: Option<OrganizationId>,
        methods: Vec<Method>,
        factor: bool,
        remember: bool,
        lasts: TimeDelta,
        epoch: u64,
        now: DateTime<Utc>,
    },
    /// It stays good in this epoch: from it the password was changed.
    Keep {
        epoch: u64,
    },
    /// The refresh token of this turn was shown.
    Refresh {
        turn: u64,
        now: DateTime<Utc>,
    },
    /// A second factor was shown once more.
    StepUp {
        method: Method,
        now: DateTime<Utc>,
    },
    End {
        reason: Ending,
        by: Actor,
    },
    /// A job noticed that its time ran out.
    Expire {
        now: DateTime<Utc>,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SessionEvent {
    Ended {
        reason: Ending,
        by: Actor,
    },
    Expired,
    Kept {
        epoch: u64,
    },
    Refreshed {
        turn: u64,
        expires_at: DateTime<Utc>,
    },
    Started {
        user: UserId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<OrganizationId>,
        methods: Vec<Method>,
        factor: bool,
        remember: bool,
        started_at: DateTime<Utc>,
        lasts_s: u64,
        epoch: u64,
    },
    SteppedUp {
        method: Method,
        at: DateTime<Utc>,
    },
}

/// Why a command on a session is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("this session exists already")]
    Exists,
    #[error("this session is over; sign in again")]
    Over,
    #[error("there is no such session")]
    Unknown,
}

impl Rejection for SessionError {
    fn ground(&self) -> Ground {
        match self {
            Self::Exists => Ground::State,
            Self::Over => Ground::Person,
            Self::Unknown => Ground::Missing,
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Over).then_some("INVALID_TOKEN")
    }
}

impl Session {
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The organization its user was in when it began.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    /// When its user showed who he is.
    pub fn started_at(&self) -> Option<DateTime<Utc>> {
        self.started_at
    }

    /// Whether it is still good.
    pub fn alive(&self, now: DateTime<Utc>) -> bool {
        !self.ended && self.expires_at.is_some_and(|end| now < end)
    }

    /// The user's epoch it is good in.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The turn whose refresh token is good now.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// When a second factor was shown last.
    pub fn factor_at(&self) -> Option<DateTime<Utc>> {
        self.factor_at
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        use {SessionCommand as Do, SessionError as No, SessionEvent as Did};

        if let Do::Start { user, organization, methods, factor, remember, lasts, epoch, now } =
            command
        {
            if self.user.is_some() {
                return Err(No::Exists);
            }
            let lasts_s = lasts.num_seconds().max(1).unsigned_abs();
            let started_at = now;
            return Ok(vec![Did::Started {
                user,
                organization,
                methods,
                factor,
                remember,
                started_at,
                lasts_s,
                epoch,
            }]);
        }
        if self.user.is_none() {
            return Err(No::Unknown);
        }
        let event = match command {
            Do::Start { .. } => return Err(No::Exists),

            Do::Keep { epoch } if self.ended || epoch <= self.epoch => return Ok(vec![]),
            Do::Keep { epoch } => Did::Kept { epoch },

            Do::Refresh { now, .. } if !self.alive(now) => return Err(No::Over),
            Do::Refresh { turn, now } if turn == self.turn => {
                let expires_at = (now + seconds(self.lasts_s)).min(self.latest_end());
                Did::Refreshed { turn: turn + 1, expires_at }
            }
            Do::Refresh { .. } => {
                Did::Ended { reason: Ending::Reused, by: Actor::system("sessions") }
            }

            Do::StepUp { now, .. } if !self.alive(now) => return Err(No::Over),
            Do::StepUp { method, now } => Did::SteppedUp { method, at: now },

            Do::End { .. } | Do::Expire { .. } if self.ended => return Ok(vec![]),
            Do::End { reason, by } => Did::Ended { reason, by },
            Do::Expire { now } if self.alive(now) => return Ok(vec![]),
            Do::Expire { .. } => Did::Expired,
        };
        Ok(vec![event])
    }

    /// When it ends at the latest.
    fn latest_end(&self) -> DateTime<Utc> {
        let lasts = seconds(self.lasts_s.max(LONGEST_DAYS * 86_400));
        self.started_at.map_or(DateTime::<Utc>::MAX_UTC, |started| started + lasts)
    }

    fn evolve(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Ended { .. } | SessionEvent::Expired => self.ended = true,
            SessionEvent::Kept { epoch } => self.epoch = *epoch,
            SessionEvent::Refreshed { turn, expires_at } => {
                self.turn = *turn;
                self.expires_at = Some(*expires_at);
            }
            SessionEvent::Started {
                user,
                organization,
                factor,
                started_at,
                lasts_s,
                epoch,
                ..
            } => {
                self.user = Some(*user);
                self.epoch = *epoch;
                self.organization = *organization;
                self.lasts_s = *lasts_s;
                self.started_at = Some(*started_at);
                self.expires_at = Some(*started_at + seconds(*lasts_s));
                self.factor_at = factor.then_some(*started_at);
            }
            SessionEvent::SteppedUp { at, .. } => self.factor_at = Some(*at),
        }
    }
}

fn seconds(count: u64) -> TimeDelta {
    TimeDelta::try_seconds(count.min(10_000_000_000).cast_signed()).unwrap_or(TimeDelta::MAX)
}

aggregate!(Session: "session", SessionCommand -> SessionEvent | SessionError);

#[cfg(test)]
mod tests {
    use super::{SessionCommand as Do, SessionError as No, SessionEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn each_refresh_turns_the_token() {
        given::<Session>([started()])
            .when(Do::Refresh { turn: 0, now: at(60) })
            .then_expect_events(vec![Did::Refreshed { turn: 1, expires_at: at(3_660) }]);
    }

    #[test]
    fn an_old_token_ends_the_session() {
        let reused = Did::Ended { reason: Ending::Reused, by: Actor::system("sessions") };
        given::<Session>([started(), Did::Refreshed { turn: 1, expires_at: at(3_660) }])
            .when(Do::Refresh { turn: 0, now: at(61) })
            .then_expect_events(vec![reused]);
    }

    #[test]
    fn what_ran_out_is_not_refreshed() {
        given::<Session>([started()])
            .when(Do::Refresh { turn: 0, now: at(3_600) })
            .then_expect_error(No::Over);
    }

    #[test]
    fn no_session_lasts_for_ever() {
        let day = |day: i64| at(day * 86_400);
        let started = |days: u64| lasting(days * 86_400);
        let refreshed = |turn, end| Did::Refreshed { turn, expires_at: day(end) };
        given::<Session>([started(30), refreshed(1, 89)])
            .when(Do::Refresh { turn: 1, now: day(80) })
            .then_expect_events(vec![refreshed(2, 90)]);
        given::<Session>([started(30), refreshed(1, 90)])
            .when(Do::Refresh { turn: 1, now: day(90) })
            .then_expect_error(No::Over);
        given::<Session>([started(365)])
            .when(Do::Refresh { turn: 0, now: day(100) })
            .then_expect_events(vec![refreshed(1, 365)]);
    }

    #[test]
    fn a_session_ends_once() {
        let end = || Do::End { reason: Ending::Logout, by: Actor::system("test") };
        given::<Session>([started(), Did::Expired]).when(end()).then_expect_events(vec![]);
        given::<Session>([]).when(end()).then_expect_error(No::Unknown);
    }

    #[test]
    fn what_is_alive_does_not_expire() {
        given::<Session>([started()]).when(Do::Expire { now: at(1) }).then_expect_events(vec![]);
        given::<Session>([started()])
            .when(Do::Expire { now: at(3_601) })
            .then_expect_events(vec![Did::Expired]);
    }

    fn started() -> Did {
        lasting(3_600)
    }

    fn lasting(lasts_s: u64) -> Did {
        Did::Started {
            user: UserId(uuid::Uuid::nil()),
            organization: None,
            methods: vec![Method::Password],
            factor: false,
            remember: false,
            started_at: at(0),
            lasts_s,
            epoch: 0,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }
}
