//! People's own accounts.

mod auth;
pub(crate) mod cookies;
mod entered;
pub(crate) mod keys;
mod links;
mod me;
mod mfa;
mod oauth;
mod passkeys;
mod recovery;
mod sessions;
mod visitor;

use commands::identity::accounts::{Accounts, SecondFactors};
use commands::identity::people::People;
use commands::identity::providers::Providers;

use crate::views::Views;

/// All operations of accounts.
pub(crate) type AccountsApis = (
    auth::AuthApi,
    links::LinksApi,
    me::MeApi,
    mfa::MfaApi,
    oauth::OauthApi,
    passkeys::PasskeysApi,
    recovery::RecoveryApi,
    sessions::SessionsApi,
);

/// Hands each what it needs.
pub(crate) fn apis(
    accounts: &Accounts,
    people: &People,
    second_factors: &SecondFactors,
    providers: &Providers,
    dashboard: &str,
    views: &Views,
) -> AccountsApis {
    let (accounts, views) = (|| accounts.clone(), || views.clone());
    (
        auth::AuthApi { accounts: accounts(), views: views() },
        links::LinksApi { providers: providers.clone() },
        me::MeApi { accounts: accounts(), people: people.clone(), views: views() },
        mfa::MfaApi { second_factors: second_factors.clone() },
        oauth::OauthApi {
            accounts: accounts(),
            providers: providers.clone(),
            dashboard: dashboard.to_owned(),
        },
        passkeys::PasskeysApi { second_factors: second_factors.clone() },
        recovery::RecoveryApi { accounts: accounts() },
        sessions::SessionsApi { accounts: accounts(), views: views() },
    )
}
