//! People's own accounts.

mod auth;
pub(crate) mod cookies;
mod entered;
pub(crate) mod keys;
mod me;
mod mfa;
mod passkeys;
mod recovery;
mod sessions;
mod visitor;

use commands::identity::accounts::{Accounts, SecondFactors};

pub(crate) use entered::{In, Let};
pub(crate) use visitor::Visitor;

use crate::views::Views;

/// All operations of accounts.
pub(crate) type AccountsApis = (
    auth::AuthApi,
    me::MeApi,
    mfa::MfaApi,
    passkeys::PasskeysApi,
    recovery::RecoveryApi,
    sessions::SessionsApi,
);

/// Hands each what it needs.
pub(crate) fn apis(
    accounts: &Accounts,
    second_factors: &SecondFactors,
    views: &Views,
) -> AccountsApis {
    let (accounts, views) = (|| accounts.clone(), || views.clone());
    (
        auth::AuthApi { accounts: accounts(), views: views() },
        me::MeApi { accounts: accounts(), views: views() },
        mfa::MfaApi { second_factors: second_factors.clone() },
        passkeys::PasskeysApi { second_factors: second_factors.clone() },
        recovery::RecoveryApi { accounts: accounts() },
        sessions::SessionsApi { accounts: accounts(), views: views() },
    )
}
