//! The command line of `palimpsest edit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What an edit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    Features,
    Performance,
    Security,
}

impl ScopeArg {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Performance => "performance",
            Self::Security => "security",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum EditCommand {
    /// Make an approved edit live.
    Apply {
        /// Its id, or the first 8 characters.
        id: String,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Approve somebody else's edit.
    Approve(ApproveArgs),
    /// Run the checks of an edit, should they not have run yet.
    Check {
        /// Its id, or the first 8 characters.
        id: String,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the edits there were, the newest first.
    History(HistoryArgs),
    /// Propose an edit; its checks run at once.
    Propose(ProposeArgs),
    /// Run recorded events through an edit's behaviors, and say what would be answered otherwise.
    Rehearse(RehearseArgs),
    /// Reject an edit, for good.
    Reject {
        /// Its id, or the first 8 characters.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take an edit back, or go back to a moment.
    Rollback(RollbackArgs),
    /// Show an edit with its checks and its diff.
    Show {
        /// Its id, or the first 8 characters.
        id: String,
        /// Only the diff.
        #[arg(long, conflicts_with = "json")]
        diff: bool,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say how self-editing stands.
    Status {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// Its id, or the first 8 characters.
    pub id: String,
    /// Make it live at once.
    #[arg(long)]
    pub apply: bool,
    /// Why.
    #[arg(long)]
    pub comment: Option<String>,
    /// The content that was looked at, as `show` tells it; the approval holds for nothing else.
    #[arg(long, value_name = "HASH")]
    pub content_hash: Option<String>,
    /// Approve your own edit, as the only administrator.
    #[arg(long)]
    pub force: bool,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
    /// How many of the newest are passed over.
    #[arg(long, default_value_t = 0)]
    pub offset: u32,
    /// Only those that stand so: applied, approved, checked, failed, proposed, rejected,
    /// `rolled_back`, pending.
    #[arg(long)]
    pub status: Option<String>,
    /// Only those of a scope or type.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ProposeArgs {
    /// What it is good for.
    #[arg(short, long)]
    pub description: String,
    /// A file as it shall be: a local file and its path in the workspace; or a folder that is laid
    /// out like the workspace. May be given several times.
    #[arg(long = "file", value_name = "LOCAL=PATH|FOLDER", conflicts_with = "diff")]
    pub files: Vec<String>,
    /// A path in the workspace that shall go. May be given several times.
    #[arg(long, value_name = "PATH", conflicts_with = "diff")]
    pub delete: Vec<String>,
    /// A unified diff; `-` is the standard input.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["files", "delete"])]
    pub diff: Option<PathBuf>,
    /// What it is for.
    #[arg(long, default_value = "features")]
    pub scope: ScopeArg,
    /// A finer type, in your words.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// The revision you looked at; without it, the present.
    #[arg(long, value_name = "REVISION")]
    pub base_revision: Option<u64>,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// Its id, or the first 8 characters.
    pub id: String,
    /// The newest so many commits that say something to behaviors; else 1000.
    #[arg(long, value_name = "COMMITS")]
    pub last: Option<u64>,
    /// From this RFC 3339 time or position on.
    #[arg(long, value_name = "MOMENT")]
    pub from: Option<String>,
    /// Up to this RFC 3339 time or position.
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<String>,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The edit to take back: its id, or the first 8 characters.
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    pub id: Option<String>,
    /// The moment to go back to: an RFC 3339 time or a position.
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<String>,
    /// Why.
    #[arg(long, required_unless_present = "preview")]
    pub reason: Option<String>,
    /// Where later edits changed the same lines, restore the older content.
    #[arg(long)]
    pub force: bool,
    /// Only say what would change.
    #[arg(long)]
    pub preview: bool,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}
