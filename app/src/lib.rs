//! Composition root and command line: the only place that knows adapters and doors together.

mod accounts;
mod ai;
mod alerts;
mod api_key;
mod as_of;
mod authenticate;
mod behaviors;
mod bootstrap;
pub mod cli;
pub mod config;
pub mod data_dir;
mod doctor;
pub mod edit;
mod effects;
mod health;
mod import;
mod known_log;
mod listening;
mod log;
mod logging;
mod master_key;
mod mirror;
mod own_database;
mod part;
pub mod platform;
pub mod policies;
mod progress;
mod projecting;
mod providers;
mod read_models;
mod remote;
mod replay;
mod roles;
mod sampler;
mod serve;
mod session_list;
mod signals;
pub mod stores;
pub mod surroundings;
mod talk_settings;
mod traces;
pub mod use_cases;
mod vault;
mod verify;
mod wiring;

pub use bootstrap::starting_workspace;

use std::io::Write;

use anyhow::Context;
use cli::{Cli, Command, ImportCommand, LogCommand, Place, ReplayArgs};
use config::Config;
use data_dir::{DataDir, Found, bootstrap_key};
use remote::{Remote, segment};
use stores::Stores;

/// Two TLS libraries are in the tree; this one is ours. To be called once, before everything else.
pub fn choose_tls() {
    let installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nobody else chooses");
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    choose_tls();
    let Cli { command, serve, place } = cli;
    let serve_args = match &command {
        Some(Command::Serve(args)) => args.clone(),
        _ => serve,
    };
    let config = Config::read(&place, &serve_args)?;
    match command {
        None | Some(Command::Serve(_)) => return Box::pin(serve::serve(config, &serve_args)).await,
        Some(Command::Openapi) => {
            writeln!(std::io::stdout(), "{}", api::openapi_json())?;
            return Ok(());
        }
        _ => logging::start_quietly(),
    }
    match command {
        None | Some(Command::Serve(_) | Command::Openapi) => Ok(()),
        Some(Command::ApiKey(command)) => {
            through_the_api(&config, &place, async |remote| api_key::run(&remote, command).await)
                .await
        }
        Some(Command::Doctor { json }) => doctor::run(&config, json).await,
        Some(Command::Edit(command)) => {
            through_the_api(&config, &place, async |remote| {
                // Who edits is the same whether or not a server runs.
                let key = place.api_key.clone().or_else(|| bootstrap_key(&config.data_dir));
                let remote = key.map_or_else(|| remote.clone(), |key| remote.clone().with_key(key));
                edit::run(&remote, command).await
            })
            .await
        }
        Some(Command::Erase { person, reason, json }) => {
            through_the_api(&config, &place, async |remote| {
                erase(&remote, &person, &reason, json).await
            })
            .await
        }
        Some(Command::Import(ImportCommand::DiscordExport { files, json })) => {
            through_the_api(&config, &place, async |remote| {
                import::discord_export(&remote, &files, json).await
            })
            .await
        }
        Some(Command::Log(command)) => log_command(&config, command).await,
        Some(Command::Replay(args)) => Box::pin(replay_command(&config, &place, args)).await,
        Some(Command::Vault(command)) => vault::run(&config, command).await,
        Some(Command::Verify { json }) => {
            let stores = Stores::open_made(&config).await?;
            let kept = serve::kept_by_views(&config, &stores).await;
            verify::run(&stores, kept, json).await
        }
    }
}

/// Runs a command against the server of the data directory; where none runs, this process is one
/// for as long as the command takes, for nobody else.
async fn through_the_api<F: AsyncFnOnce(Remote) -> anyhow::Result<()>>(
    config: &Config,
    place: &Place,
    command: F,
) -> anyhow::Result<()> {
    match DataDir::take(&config.data_dir)? {
        Found::Held(holder) => {
            command(Remote::of(&holder, &config.data_dir, place.api_key.as_deref())?).await
        }
        Found::Free(data_dir) => {
            let (platform, remote) = serve::for_ourselves(config, data_dir).await?;
            let done = command(remote).await;
            platform.shut_down("the command has ended").await;
            done
        }
    }
}

async fn erase(remote: &Remote, person: &str, reason: &str, json: bool) -> anyhow::Result<()> {
    let path = format!("/persons/{}", segment(person));
    let request = remote.request(reqwest::Method::DELETE, &path).query(&[("reason", reason)]);
    let erased = remote.ask(request).await?;
    if json {
        writeln!(std::io::stdout(), "{erased}")?;
    }
    eprintln!("What was known of {person} is unreadable now, here and in every replay.");
    Ok(())
}

/// Reads the log itself: that disturbs nobody. Filling it needs the directory alone.
async fn log_command(config: &Config, command: LogCommand) -> anyhow::Result<()> {
    match command {
        LogCommand::Export { file, open, after, json } => {
            let stores = Stores::open_made(config).await?;
            log::export_to(&stores.journal, &file, after, open, json).await
        }
        LogCommand::Import { file, json } => {
            let _alone = DataDir::take_alone(&config.data_dir)?;
            let stores = Stores::open(config).await?;
            log::import_from(&stores.journal, &file, json).await
        }
        LogCommand::Tail { lines, follow } => {
            let stores = Stores::open_made(config).await?;
            log::tail(&stores.journal, lines, follow).await
        }
    }
}

async fn replay_command(config: &Config, place: &Place, args: ReplayArgs) -> anyhow::Result<()> {
    let ReplayArgs { check, until, into, json } = args;
    let Some(into) = into else {
        return through_the_api(config, place, async |remote| {
            replay::rebuild(&remote, check, json).await
        })
        .await;
    };
    let now = || Ok(projections::Until::Position(u64::MAX));
    let until = until.as_deref().map_or_else(now, read_models::parse_until)?;
    own_database::require_own(config, &into)?;
    let stores = Stores::open(config).await?;
    replay::build_into(&stores, &into, until, json).await.context("the state could not be built")
}
