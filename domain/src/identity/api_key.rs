//! An API key lets a program in. The secret itself is never here, nor anywhere in the log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Permissions;
use crate::kernel::{Actor, Ground, Rejection, aggregate};

/// How far a key has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ApiKey {
    name: String,
    permissions: Permissions,
    expires_at: Option<DateTime<Utc>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Unknown,
    Valid,
    Revoked,
}

/// A key somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApiKey {
    pub name: String,
    pub permissions: Permissions,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiKeyCommand {
    /// Make it. `may` is what the maker may: a key never may more.
    Create {
        new: NewApiKey,
        by: Actor,
        may: Permissions,
        now: DateTime<Utc>,
    },
    Revoke {
        by: Actor,
    },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ApiKeyEvent {
    Created { name: String, permissions: Permissions, expires_at: Option<DateTime<Utc>>, by: Actor },
    Revoked { by: Actor },
}

/// Why a command on a key is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("a key is named with 1 to 100 characters")]
    BadName,
    #[error("a key expires in the future")]
    Expired,
    #[error("a key may not allow more than its maker is allowed")]
    TooPowerful,
    #[error("there is no such API key")]
    Unknown,
    #[error("this API key exists already")]
    Exists,
}

impl Rejection for ApiKeyError {
    fn ground(&self) -> Ground {
        match self {
            Self::BadName | Self::Expired => Ground::Input,
            Self::Exists => Ground::State,
            Self::TooPowerful => Ground::Person,
            Self::Unknown => Ground::Missing,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::BadName => Some("name"),
            Self::Expired => Some("expires_at"),
            Self::TooPowerful => Some("permissions"),
            Self::Exists | Self::Unknown => None,
        }
    }
}

impl ApiKey {
    /// What its bearer may do now; none when it is unknown, revoked or expired.
    pub fn permissions(&self, now: DateTime<Utc>) -> Option<&Permissions> {
        let alive = self.stage == Stage::Valid && self.expires_at.is_none_or(|end| now < end);
        alive.then_some(&self.permissions)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        use {ApiKeyCommand as Do, ApiKeyError as No, ApiKeyEvent as Did};

        let event = match (command, self.stage) {
            (Do::Create { new, by, may, now }, Stage::Unknown) => {
                let NewApiKey { name, permissions, expires_at } = new;
                if name.trim().is_empty() || name.chars().count() > 100 {
                    return Err(No::BadName);
                }
                if expires_at.is_some_and(|end| end <= now) {
                    return Err(No::Expired);
                }
                if !may.cover(&permissions) {
                    return Err(No::TooPowerful);
                }
                Did::Created { name, permissions, expires_at, by }
            }
            (Do::Create { .. }, _) => return Err(No::Exists),

            (Do::Revoke { .. }, Stage::Unknown) => return Err(No::Unknown),
            (Do::Revoke { by }, Stage::Valid) => Did::Revoked { by },
            (Do::Revoke { .. }, Stage::Revoked) => return Ok(vec![]),
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &ApiKeyEvent) {
        match event {
            ApiKeyEvent::Created { name, permissions, expires_at, .. } => {
                self.name.clone_from(name);
                self.permissions = permissions.clone();
                self.expires_at = *expires_at;
                self.stage = Stage::Valid;
            }
            ApiKeyEvent::Revoked { .. } => self.stage = Stage::Revoked,
        }
    }
}

aggregate!(ApiKey: "api_key", ApiKeyCommand -> ApiKeyEvent | ApiKeyError);

#[cfg(test)]
mod tests {
    use super::{ApiKeyCommand as Do, ApiKeyError as No, ApiKeyEvent as Did, *};
    use crate::kernel::testing::given;

    #[test]
    fn a_key_never_allows_more_than_its_maker() {
        let may = Permissions::parse(["manage:api-key"]).unwrap();
        given::<ApiKey>([]).when(create("ci", may)).then_expect_error(No::TooPowerful);
    }

    #[test]
    fn a_key_needs_a_name() {
        given::<ApiKey>([]).when(create(" ", Permissions::all())).then_expect_error(No::BadName);
    }

    #[test]
    fn revoking_twice_changes_nothing() {
        let revoked = Did::Revoked { by: Actor::system("test") };
        given::<ApiKey>([created(), revoked])
            .when(Do::Revoke { by: Actor::system("test") })
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_expired_key_allows_nothing() {
        let mut key = ApiKey::default();
        key.evolve(&created());
        let end = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1);
        assert!(key.permissions(DateTime::UNIX_EPOCH).is_some());
        assert!(key.permissions(end).is_none());
    }

    fn create(name: &str, may: Permissions) -> Do {
        let new =
            NewApiKey { name: name.into(), permissions: Permissions::all(), expires_at: None };
        Do::Create { new, by: Actor::system("test"), may, now: DateTime::UNIX_EPOCH }
    }

    fn created() -> Did {
        Did::Created {
            name: "ci".into(),
            permissions: Permissions::all(),
            expires_at: Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1)),
            by: Actor::system("test"),
        }
    }
}
