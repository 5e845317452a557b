//! What stands behind the doors, made as the settings say.

use std::sync::Arc;

use adapters::discord_oauth::{Application, DiscordOAuth};
use adapters::discord_rest::DiscordRest;
use adapters::{Argon2Passwords, SystemClock};
use chrono::TimeDelta;
use commands::conversation::Pace;
use commands::ports::Discord;
use commands::{Reactor, reactors};

use crate::alerts;
use crate::config::Config;
use crate::stores::Stores;
use crate::surroundings::Views;
use crate::use_cases::{Outside, UseCases};

/// What can be asked of the platform, and who reacts in it.
pub(crate) fn use_cases(
    config: &Config,
    stores: &Stores,
) -> anyhow::Result<(UseCases, Vec<Arc<dyn Reactor>>)> {
    let it = UseCases::new(stores, outside(config)?);
    let discord = discord(config, stores)?;
    let alerts = alerts::reactors(config, stores, &it)?;
    let (behaviors, compensations) = (&it.behaviors, &it.compensations);
    let (conversations, self_editing) = (&it.conversations, &it.self_editing);
    let people = &it.people;
    let reactors =
        reactors(behaviors, compensations, conversations, &discord, alerts, people, self_editing);
    Ok((it, reactors))
}

pub(crate) fn outside(config: &Config) -> anyhow::Result<Outside> {
    let views = Views::default();
    let (model, suggesting) = config.ai.models(Arc::new(views.clone()))?;
    let identity = &config.identity;
    Ok(Outside {
        providers: identity.providers.port(Arc::new(SystemClock))?,
        redirects: identity.providers.redirects(&identity.public_url)?,
        accounts: identity.settings(&config.environment),
        mailer: identity.mailer()?,
        passwords: Arc::new(Argon2Passwords::default()),
        issuer: identity.issuer.clone(),
        audience: identity.audience.clone(),
        model,
        oauth: Arc::new(oauth(config)?),
        pace: pace(config),
        suggesting,
        views,
        budget: config.behaviors.budget(),
        watch_for: TimeDelta::seconds(config.behaviors.watch_s.into()),
    })
}

fn pace(config: &Config) -> Pace {
    Pace::new(config.conversation.rate_limits.into())
}

fn oauth(config: &Config) -> anyhow::Result<DiscordOAuth> {
    let discord = &config.discord;
    let application = (!discord.client_id.is_empty()).then(|| Application {
        client_id: discord.client_id.clone(),
        client_secret: discord.client_secret.reveal().to_owned(),
        redirect_uri: discord.redirect_uri.clone(),
    });
    Ok(DiscordOAuth::new(config.other_discord(), application)?)
}

fn discord(config: &Config, stores: &Stores) -> anyhow::Result<Arc<dyn Discord>> {
    let clock = stores.journal.clock().clone();
    let token = config.discord.token.reveal();
    Ok(Arc::new(DiscordRest::new(config.other_discord(), token, clock)?))
}
