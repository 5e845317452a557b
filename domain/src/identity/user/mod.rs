//! A user is a person with an account: how he is called, what he is, and how he gets in.
//!
//! Secrets (password hash, TOTP secret, backup codes, passkeys) are in the vault, under the user's id.

mod commands;
mod factors;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use commands::{PasswordChange, UserCommand, UserError, UserEvent};
pub use factors::{Factor, FactorCommand, Factors};

use super::Method;
use crate::kernel::{Actor, ClaimId, OrganizationId, Personal, RoleId, aggregate};

/// What else is known of a user: what directories and people keep of themselves, by attribute.
pub type Profile = BTreeMap<String, serde_json::Value>;

/// What a user is now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct User {
    stage: Stage,
    email: Option<Personal<String>>,
    email_claim: Option<ClaimId>,
    email_verified: bool,
    name: Option<Personal<String>>,
    profile: Option<Personal<Profile>>,
    has_password: bool,
    /// Counts what makes all sessions void: a new password, being switched off. So none is missed,
    /// in whichever process it begins meanwhile.
    epoch: u64,
    organization: Option<OrganizationId>,
    roles: BTreeSet<RoleId>,
    /// The claims of accounts at providers, by provider.
    links: BTreeMap<String, ClaimId>,
    factors: Factors,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Unknown,
    Active,
    Deactivated,
    Deleted,
}

impl User {
    /// Whether he may come in.
    pub fn is_active(&self) -> bool {
        self.stage == Stage::Active
    }

    /// Whether there is such a user: neither unknown nor deleted.
    pub fn exists(&self) -> bool {
        matches!(self.stage, Stage::Active | Stage::Deactivated)
    }

    pub fn email(&self) -> Option<&Personal<String>> {
        self.email.as_ref()
    }

    /// What makes his address his alone.
    pub fn email_claim(&self) -> Option<&ClaimId> {
        self.email_claim.as_ref()
    }

    pub fn email_verified(&self) -> bool {
        self.email_verified
    }

    pub fn name(&self) -> Option<&Personal<String>> {
        self.name.as_ref()
    }

    pub fn profile(&self) -> Option<&Personal<Profile>> {
        self.profile.as_ref()
    }

    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Sessions of an earlier epoch are void.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    pub fn roles(&self) -> &BTreeSet<RoleId> {
        &self.roles
    }

    /// The accounts at providers, by provider.
    pub fn links(&self) -> &BTreeMap<String, ClaimId> {
        &self.links
    }

    pub fn factors(&self) -> &Factors {
        &self.factors
    }

    /// How many ways lead in without a second factor's help: a lost one must leave another.
    fn ways_in(&self) -> usize {
        usize::from(self.has_password) + self.links.len() + self.factors.of(Method::Passkey).count()
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        use {UserCommand as Do, UserError as No, UserEvent as Did};

        if let Do::Register { email, email_claim, name, verified, roles, by } = command {
            if self.stage != Stage::Unknown {
                return Err(No::Exists);
            }
            return Ok(vec![Did::Registered { email, email_claim, name, verified, roles, by }]);
        }
        if matches!((&command, self.stage), (Do::Delete { .. }, Stage::Deleted)) {
            return Ok(vec![]);
        }
        if !self.exists() {
            return Err(No::Unknown);
        }
        let event = match command {
            Do::Register { .. } => return Err(No::Exists),

            Do::ChangeEmail { email_claim, verified, .. }
                if self.email_claim.as_ref() == Some(&email_claim)
                    && verified <= self.email_verified =>
            {
                return Ok(vec![]);
            }
            Do::ChangeEmail { email, email_claim, verified, by } => {
                Did::EmailChanged { email, email_claim, verified, by }
            }
            Do::VerifyEmail { email_claim } if self.email_claim.as_ref() != Some(&email_claim) => {
                return Err(No::OtherEmail);
            }
            Do::VerifyEmail { .. } if self.email_verified => return Ok(vec![]),
            Do::VerifyEmail { .. } => Did::EmailVerified,

            Do::Rename { name, by } => Did::Renamed { name, by },
            Do::ChangeProfile { profile, by } => Did::ProfileChanged { profile, by },
            Do::SetPassword { how, by } => Did::PasswordSet { how, by },
            Do::Recover { by } => return self.recovered(by),

            Do::AssignRole { role, .. } if self.roles.contains(&role) => return Ok(vec![]),
            Do::AssignRole { role, by } => Did::RoleAssigned { role, by },
            Do::RemoveRole { role, .. } if !self.roles.contains(&role) => return Ok(vec![]),
            Do::RemoveRole { role, by } => Did::RoleRemoved { role, by },

            Do::Move { organization, .. } if organization == self.organization => {
                return Ok(vec![]);
            }
            Do::Move { organization, by } => Did::Moved { organization, by },

            Do::Link { provider, account, .. } if self.links.get(&provider) == Some(&account) => {
                return Ok(vec![]);
            }
            Do::Link { provider, .. } if self.links.contains_key(&provider) => {
                return Err(No::LinkedOtherwise);
            }
            Do::Link { provider, account, shown, by } => {
                Did::Linked { provider, account, shown, by }
            }
            Do::Unlink { provider, .. } if !self.links.contains_key(&provider) => {
                return Ok(vec![]);
            }
            Do::Unlink { .. } if self.ways_in() == 1 => return Err(No::LastWayIn),
            Do::Unlink { provider, by } => Did::Unlinked { provider, by },

            Do::Deactivate { .. } if !self.is_active() => return Ok(vec![]),
            Do::Deactivate { by } => Did::Deactivated { by },
            Do::Reactivate { .. } if self.is_active() => return Ok(vec![]),
            Do::Reactivate { by } => Did::Reactivated { by },
            Do::Delete { by } => Did::Deleted { by },

            Do::Factor(FactorCommand::Remove { factor }) if self.is_last_way_in(factor) => {
                return Err(No::LastWayIn);
            }
            Do::Factor(FactorCommand::Disable) if self.has_only_passkeys() => {
                return Err(No::LastWayIn);
            }
            Do::Factor(command) => return self.factors.decide(command),
        };
        Ok(vec![event])
    }

    /// Whose address was never verified may not be who made the account: the one who reads his mail has not seen what
    /// was set up in it before.
    fn recovered(&self, by: Actor) -> Result<Vec<UserEvent>, UserError> {
        use UserEvent as Did;

        let mut events = vec![Did::PasswordSet { how: PasswordChange::Reset, by: by.clone() }];
        if !self.email_verified {
            let providers = self.links.keys().cloned();
            events.extend(providers.map(|provider| Did::Unlinked { provider, by: by.clone() }));
            events.extend(self.factors.decide(FactorCommand::Disable)?);
            events.push(Did::EmailVerified);
        }
        Ok(events)
    }

    fn has_only_passkeys(&self) -> bool {
        let passkeys = self.factors.of(Method::Passkey).count();
        passkeys > 0 && self.ways_in() == passkeys
    }

    fn is_last_way_in(&self, factor: uuid::Uuid) -> bool {
        self.ways_in() == 1 && self.factors.of(Method::Passkey).any(|(id, _)| id == factor)
    }

    fn evolve(&mut self, event: &UserEvent) {
        use UserEvent as Did;
        match event {
            Did::Deactivated { .. } => {
                self.stage = Stage::Deactivated;
                self.epoch += 1;
            }
            Did::Deleted { .. } => {
                // What is his alone is still to be given up.
                let (email_claim, links) =
                    (self.email_claim.take(), std::mem::take(&mut self.links));
                let (stage, epoch) = (Stage::Deleted, self.epoch + 1);
                let organization = self.organization;
                *self = Self { stage, email_claim, epoch, organization, links, ..Self::default() };
            }
            Did::EmailChanged { email, email_claim, verified, .. } => {
                self.email = Some(email.clone());
                self.email_claim = Some(email_claim.clone());
                self.email_verified = *verified;
            }
            Did::EmailVerified => self.email_verified = true,
            Did::Linked { provider, account, .. } => {
                self.links.insert(provider.clone(), account.clone());
            }
            Did::Moved { organization, .. } => self.organization = *organization,
            Did::PasswordSet { .. } => {
                self.has_password = true;
                self.epoch += 1;
            }
            Did::ProfileChanged { profile, .. } => self.profile = Some(profile.clone()),
            Did::Reactivated { .. } => self.stage = Stage::Active,
            Did::Registered { email, email_claim, name, verified, roles, .. } => {
                self.stage = Stage::Active;
                self.email = Some(email.clone());
                self.email_claim = Some(email_claim.clone());
                self.email_verified = *verified;
                self.name = Some(name.clone());
                self.roles.clone_from(roles);
            }
            Did::Renamed { name, .. } => self.name = Some(name.clone()),
            Did::RoleAssigned { role, .. } => {
                self.roles.insert(role.clone());
            }
            Did::RoleRemoved { role, .. } => {
                self.roles.remove(role);
            }
            Did::Unlinked { provider, .. } => {
                self.links.remove(provider);
            }
            Did::BackupCodeUsed { .. }
            | Did::BackupCodesMade { .. }
            | Did::FactorAdded { .. }
            | Did::FactorFailed { .. }
            | Did::FactorRemoved { .. }
            | Did::FactorUsed { .. }
            | Did::MfaDisabled
            | Did::MfaEnabled => self.factors.evolve(event),
        }
    }
}

aggregate!(User: "user", UserCommand -> UserEvent | UserError);
