//! GitHub: OAuth 2, the user, and his addresses.

use commands::CommandError;
use commands::ports::{ProviderAccount, Redemption};

use super::exchange::{ClientAuth, redeem};
use super::http::Http;
use super::{ProviderSettings, broken};

pub(super) fn authorize(url: &str) -> String {
    format!("{url}/login/oauth/authorize")
}

pub(super) async fn exchange(
    http: &Http,
    settings: &ProviderSettings,
    (url, api_url): (&str, &str),
    redemption: &Redemption,
) -> Result<ProviderAccount, CommandError> {
    let endpoint = format!("{url}/login/oauth/access_token");
    let tokens = redeem(http, settings, &endpoint, ClientAuth::Form, redemption).await?;
    let user = http.get_with(&format!("{api_url}/user"), &tokens.access).await?;
    let emails = http.get_with(&format!("{api_url}/user/emails"), &tokens.access).await?;

    let provider = settings.name.clone();
    // The number stays his; his login he can change, and then it is anybody's.
    let subject = user["id"].as_u64().ok_or_else(|| broken(&provider, "the user has no id"))?;
    // What the user shows on his page is not looked at: only here it says what is verified.
    let primary = emails.as_array().into_iter().flatten().find(|it| it["primary"] == true);
    let text = |key: &str| user[key].as_str().filter(|it| !it.is_empty()).map(ToOwned::to_owned);
    Ok(ProviderAccount {
        subject: subject.to_string(),
        email: primary.and_then(|it| it["email"].as_str()).map(ToOwned::to_owned),
        email_verified: primary.is_some_and(|it| it["verified"] == true),
        name: text("name").or_else(|| text("login")),
        provider,
    })
}
