//! The settings of accounts, and what is made of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters::geo_database::GeoDatabase;
use adapters::smtp_mailer::{NoMailer, SmtpMailer};
use anyhow::{Context, ensure};
use chrono::TimeDelta;
use commands::describe;
use commands::identity::accounts::{AccountSettings, Accounts};
use commands::ports::{Mailer, NoPlaces, Places};
use serde::{Deserialize, Deserializer};
use tokio_util::sync::CancellationToken;

use crate::config::Secret;
use crate::providers::Providers;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub issuer: String,
    pub audience: String,
    #[serde(deserialize_with = "duration")]
    pub access_token: TimeDelta,
    #[serde(deserialize_with = "duration")]
    pub refresh_token: TimeDelta,
    #[serde(deserialize_with = "duration")]
    pub remembered: TimeDelta,
    pub registration: bool,
    pub product: String,
    pub public_url: String,
    pub smtp_url: Secret,
    pub mail_from: String,
    pub geo_database: String,
    pub providers: Providers,
}

/// A time for people: `15m`, `24h`, `30d`.
fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom(format!("“{text}” is no time such as 15m, 24h or 30d"));
    let parsed = humantime::parse_duration(&text).map_err(|_| wrong())?;
    TimeDelta::from_std(parsed).map_err(|_| wrong())
}

/// Whether it is an address such as `https://bot.example.com`.
pub(crate) fn is_address(text: &str) -> bool {
    let url = reqwest::Url::parse(text).ok();
    url.is_some_and(|it| ["http", "https"].contains(&it.scheme()) && it.has_host())
}

impl Identity {
    /// Says which setting is wrong.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            is_address(&self.public_url),
            "the setting “identity.public_url” is wrong: “{}” is no address such as \
             https://bot.example.com",
            self.public_url
        );
        for (name, lasts) in [
            ("access_token", self.access_token),
            ("refresh_token", self.refresh_token),
            ("remembered", self.remembered),
        ] {
            ensure!(
                lasts >= TimeDelta::seconds(1) && lasts <= TimeDelta::days(366),
                "the setting “identity.{name}” is wrong: it is between 1s and 366d"
            );
        }
        ensure!(
            self.access_token <= TimeDelta::hours(24),
            "the setting “identity.access_token” is wrong: an access token lasts 24h at most"
        );
        self.providers.check(&self.public_url)?;
        self.mailer().map(|_| ())
    }

    /// Who carries mail.
    pub fn mailer(&self) -> anyhow::Result<Arc<dyn Mailer>> {
        if self.smtp_url.is_empty() {
            return Ok(Arc::new(NoMailer));
        }
        let mailer = SmtpMailer::new(self.smtp_url.reveal(), &self.mail_from);
        let mailer =
            mailer.context("the setting “identity.smtp_url” or “identity.mail_from” is wrong")?;
        Ok(Arc::new(mailer))
    }

    /// Who knows where addresses are.
    pub fn places(&self) -> anyhow::Result<Arc<dyn Places>> {
        if self.geo_database.is_empty() {
            return Ok(Arc::new(NoPlaces));
        }
        let opened = GeoDatabase::open(Path::new(&self.geo_database));
        let wrong = "the setting “identity.geo_database” names no database of places";
        Ok(Arc::new(opened.context(wrong)?))
    }

    pub fn settings(&self, environment: &str) -> AccountSettings {
        AccountSettings {
            access: self.access_token,
            refresh: self.refresh_token,
            remembered: self.remembered,
            registration: self.registration,
            trust_unverified_email: ["development", "test"].contains(&environment),
            public_url: self.public_url.clone(),
            product: self.product.clone(),
        }
    }
}

/// How often sessions are looked at, and every how many looks the keys are.
const LOOK: Duration = Duration::from_secs(30);
const KEYS_EVERY: u32 = 20;

/// Says of sessions whose time ran out that they are over, and changes the keys of tokens in time. Runs once in a
/// deployment.
pub(crate) async fn keep_accounts(accounts: Accounts, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK);
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        // As long as there are more; what the read models do not show yet is told the next time.
        while !stop.is_cancelled() {
            match accounts.expire_sessions().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = %describe(&error), "sessions that ran out wait");
                    break;
                }
            }
        }
        if looks.is_multiple_of(KEYS_EVERY)
            && let Err(error) = accounts.tokens.rotate(accounts.journal.clock().now()).await
        {
            tracing::warn!(error = %describe(&error), "the keys of tokens were not looked at");
        }
        looks = looks.wrapping_add(1);
    }
}
