//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::edit::args::EditCommand;

/// A Discord bot that can edit its own behavior, safely: every event, command, self-edit and
/// rollback is in one log, and everything else can be rebuilt from it.
#[derive(Debug, Parser)]
#[command(name = "palimpsest", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
    #[command(flatten)]
    pub place: Place,
}

/// Where everything is kept, for every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The folder of the embedded stores, keys and logs.
    #[arg(long, global = true, env = "PALIMPSEST_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// A settings file; without it `palimpsest.toml` in the present folder, if there is one.
    /// The variable `CONFIG_PATH` names one as well.
    #[arg(long, global = true, env = "PALIMPSEST_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The event log: `sqlite`, or a NATS server with JetStream as `nats://host:4222`.
    #[arg(long, global = true, env = "PALIMPSEST_LOG", value_name = "LOG", hide_env_values = true)]
    pub log: Option<String>,
    /// The read models: `sqlite`, `sqlite://path` or `postgres://user@host/name`.
    #[arg(
        long,
        global = true,
        env = "PALIMPSEST_VIEWS",
        value_name = "DATABASE",
        hide_env_values = true
    )]
    pub views: Option<String>,
    /// Checkpoints, leases, idempotency keys: `sqlite` or `postgres://…`.
    #[arg(
        long,
        global = true,
        env = "PALIMPSEST_OPERATIONAL",
        value_name = "DATABASE",
        hide_env_values = true
    )]
    pub operational: Option<String>,
    /// Keys and secrets, sealed: `sqlite` or `postgres://…`.
    #[arg(
        long,
        global = true,
        env = "PALIMPSEST_VAULT",
        value_name = "DATABASE",
        hide_env_values = true
    )]
    pub vault: Option<String>,
    /// The key for commands that go through a running server; without it the bootstrap key.
    #[arg(
        long,
        global = true,
        env = "PALIMPSEST_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
}

/// What to run.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// The address to listen on.
    #[arg(long, env = "PALIMPSEST_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// What this process does: all, or some of api, bot, projector, reactor.
    #[arg(long, env = "PALIMPSEST_ROLES", value_name = "ROLES")]
    pub roles: Option<String>,
    /// Where reactors start that never ran on this log: `head` or a position.
    #[arg(long, env = "PALIMPSEST_REACTORS_FROM", value_name = "WHERE")]
    pub reactors_from: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Say what is configured, reachable and weak.
    Doctor {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Propose, approve, apply and take back changes of the bot's own files.
    #[command(subcommand)]
    Edit(EditCommand),
    /// Make everything that is known of a person unreadable, for good.
    Erase {
        /// `discord:<id>` or `user:<id>`.
        person: String,
        /// Why; must not name the person.
        #[arg(long, default_value = "asked for by the person")]
        reason: String,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Import what others recorded.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Look at the log, or move it to another place.
    #[command(subcommand)]
    Log(LogCommand),
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Build all read models anew from the log, beside the live ones, and switch to them.
    Replay(ReplayArgs),
    /// Run the platform; the same as no command at all.
    Serve(ServeArgs),
    /// Look after the vault.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Walk the log and say whether it is complete and unchanged.
    Verify {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Compare every table with the live one, and name the first difference.
    #[arg(long)]
    pub check: bool,
    /// Build the state of a moment: an RFC 3339 time or a position. Needs --into.
    #[arg(long, requires = "into", value_name = "MOMENT")]
    pub until: Option<String>,
    /// Build into this database instead, and leave the live read models alone.
    #[arg(long, value_name = "DATABASE")]
    pub into: Option<String>,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key; it is shown this once.
    Create {
        /// What it is for.
        name: String,
        /// What it may do, such as read:audit; several with commas. Without it: everything you may.
        #[arg(long, value_delimiter = ',', default_value = "*:*")]
        permissions: Vec<String>,
        /// When it ends: an RFC 3339 time.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the keys there are, without their secrets.
    List {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a key useless, at once.
    Revoke {
        /// Its id.
        id: String,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Chat in the JSON form of DiscordChatExporter. Importing a file again adds nothing.
    DiscordExport {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Write the log as CloudEvents, one line a commit, personal data sealed.
    Export {
        /// The file; `-` is the standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// One line an event, personal data in clear. Cannot be imported.
        #[arg(long)]
        open: bool,
        /// Begin after this position.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Answer as JSON; needs a file.
        #[arg(long)]
        json: bool,
    },
    /// Fill an empty log from an export: the same bytes, positions and chain.
    Import {
        /// The file; `-` is the standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the newest events as CloudEvents, one a line.
    Tail {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 10)]
        lines: u64,
        /// Go on as new ones come.
        #[arg(short, long)]
        follow: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Change the master key while everything runs: makes the next one, which then opens the vault
    /// as well as the present one does.
    RotateMasterKey {
        /// Every process has the next one: let no other open the vault.
        #[arg(long)]
        finish: bool,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_place_stands_before_or_behind_the_command() {
        for line in [
            ["palimpsest", "--data-dir", "d", "openapi"],
            ["palimpsest", "openapi", "--data-dir", "d"],
        ] {
            assert_eq!(Cli::parse_from(line).place.data_dir, Some("d".into()));
        }
    }

    #[test]
    fn no_command_means_serve() {
        let cli = Cli::parse_from(["palimpsest", "--listen", "127.0.0.1:0", "--data-dir", "d"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
