//! Discord: OAuth 2, and its own answer to who somebody is.

use commands::CommandError;
use commands::ports::{ProviderAccount, Redemption};

use super::exchange::{ClientAuth, redeem};
use super::http::Http;
use super::{ProviderSettings, broken};

pub(super) fn authorize(url: &str) -> String {
    format!("{url}/api/oauth2/authorize")
}

pub(super) async fn exchange(
    http: &Http,
    settings: &ProviderSettings,
    url: &str,
    redemption: &Redemption,
) -> Result<ProviderAccount, CommandError> {
    let endpoint = format!("{url}/api/oauth2/token");
    let tokens = redeem(http, settings, &endpoint, ClientAuth::Form, redemption).await?;
    let user = http.get_with(&format!("{url}/api/users/@me"), &tokens.access).await?;

    let provider = settings.name.clone();
    let subject = user["id"].as_str().filter(|it| it.parse::<u64>().is_ok());
    let subject = subject.ok_or_else(|| broken(&provider, "the user has no id"))?.to_owned();
    let text = |key: &str| user[key].as_str().filter(|it| !it.is_empty()).map(ToOwned::to_owned);
    Ok(ProviderAccount {
        subject,
        email: text("email"),
        email_verified: user["verified"] == true,
        name: text("global_name").or_else(|| text("username")),
        provider,
    })
}
