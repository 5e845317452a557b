//! `palimpsest serve`: the platform until it is told to end.

use anyhow::Context;
use commands::StartFrom;
use commands::verify::Witness;
use projections::{Generations, Place};
use std::sync::Arc;
use std::time::Duration;

use crate::authenticate::OwnToken;
use crate::cli::ServeArgs;
use crate::config::{Config, Roles};
use crate::data_dir::{DataDir, Holder};
use crate::platform::Platform;
use crate::read_models::Pointer;
use crate::remote::Remote;
use crate::stores::Stores;
use crate::{logging, signals};

/// How long a command waits for the read models; then the API says that there are none yet.
const FIRST_VIEWS: Duration = Duration::from_secs(60);

/// Serves until a signal.
pub(crate) async fn serve(config: Config, args: &ServeArgs) -> anyhow::Result<()> {
    let data_dir = DataDir::take_alone(&config.data_dir)?;
    let _written_at_the_end = logging::start(&config.logging, &config.log_folder())?;
    let roles = config.roles()?;
    let from = args.reactors_from.as_deref().map(start_from).transpose()?;

    let platform = Box::pin(Platform::start(&config, roles, None, from, data_dir)).await?;
    tracing::info!(roles = roles.names().join(","), log = platform.stores.durability, "started");
    if let Some(url) = &platform.url {
        eprintln!("Palimpsest serves on {url} (API {url}/docs, health {url}/health).");
    }
    if roles.bot && config.discord.token.is_empty() {
        tracing::info!("no DISCORD_BOT_TOKEN: the bot stays offline, everything else works");
    }
    if config.lacks_token_to_answer(roles) {
        tracing::warn!(
            "no DISCORD_BOT_TOKEN: reactors send the answers to Discord and need it as the bot does"
        );
    }
    let why = signals::told_to_end().await?;
    eprintln!("Ending: requests in flight are answered, the last events are projected …");
    platform.shut_down(why).await;
    Ok(())
}

/// The platform for this process's own command: no bot, no reactors, a token that nobody knows.
pub(crate) async fn for_ourselves(
    config: &Config,
    data_dir: DataDir,
) -> anyhow::Result<(Platform, Remote)> {
    let mut config = config.clone();
    "127.0.0.1:0".clone_into(&mut config.listen);
    config.api.rate_limits.enabled = false;
    let roles = Roles { api: true, bot: false, projector: true, reactor: false };
    let (own, token) = OwnToken::make();
    let path = config.data_dir.clone();
    let platform = Box::pin(Platform::start(&config, roles, Some(own), None, data_dir)).await?;
    // What was never built, or is of an older program, is built first.
    platform.generations.wait_for(0, FIRST_VIEWS).await;
    let holder = Holder { pid: std::process::id(), url: platform.url.clone() };
    let remote = Remote::of(&holder, &path, Some(&token))?;
    Ok((platform, remote))
}

/// What the live read models remember of the chain.
pub(crate) async fn kept_by_views(config: &Config, stores: &Stores) -> Option<Witness> {
    let generations = views(config, stores)?;
    generations.refresh().await.ok()?;
    let checkpoint = generations.live()?.checkpoint().await.ok()?;
    let (position, chain) = (checkpoint.position, checkpoint.chain);
    (position > 0).then(|| Witness { kept_by: "the read models".to_owned(), position, chain })
}

/// The read models, as a command finds them; none where the settings name no place.
pub(crate) fn views(config: &Config, stores: &Stores) -> Option<Generations> {
    let place = Place::parse(config.views.reveal(), &config.data_dir).ok()?;
    let pointer = Arc::new(Pointer(stores.operational.clone()));
    Some(Generations::new(stores.journal.clone(), place, pointer))
}

fn start_from(text: &str) -> anyhow::Result<StartFrom> {
    if text == "head" {
        return Ok(StartFrom::Head);
    }
    let position = text.parse().with_context(|| format!("“{text}” is neither head nor a position"));
    Ok(StartFrom::Position(position?))
}
