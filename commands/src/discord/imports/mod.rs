//! Import recorded chat: a use case that can be repeated as often as one likes.

mod batches;
mod jobs;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::identity::Permission;
use domain::kernel::{Cause, Source};

use self::batches::{Batch, read_ahead};
use super::Observations;
use super::export::{Head, HeadError};
use crate::CommandError;
use crate::ports::Caller;

pub use self::jobs::{ImportJob, ImportJobs, JobStatus};
pub use self::report::{Finding, ImportReport};

/// Imports files of DiscordChatExporter.
///
/// An import that was stopped, by whatever, is simply done again: what the log holds is known by
/// the ids of Discord, and only the rest is added.
#[derive(Clone)]
pub struct Imports {
    pub observations: Observations,
}

/// Hears now and then how far an import has come.
pub type Progress = Arc<dyn Fn(&ImportReport) + Send + Sync>;

impl Imports {
    /// Import one file of this name, which lies at this path.
    pub async fn import(
        &self,
        caller: &Caller,
        file: &str,
        path: &Path,
        progress: &Progress,
    ) -> Result<ImportReport, CommandError> {
        caller.require(Permission::ImportHistory)?;
        let cause = Cause { source: Source::Import, ..caller.cause.clone() };

        let (head, total_bytes) = open(path.to_owned()).await?;
        let file = file.to_owned();
        let mut report = ImportReport { file, total_bytes, ..ImportReport::default() };
        progress(&report);

        if let Some(guild) = head.guild {
            let recorded = self.observations.import_guild(&cause, guild, head.facts()).await?;
            report.position = recorded.position;
        }
        let mut channel = self.observations.begin_import(head.channel).await?;
        let mut batches = read_ahead(path, head.guild, self.observations.journal.clock().now());
        while let Some(batch) = batches.recv().await {
            let Batch { facts, messages, anonymous, misdated, bad, notes, bytes } =
                batch.map_err(|error| unreadable(&error))?;
            let added = channel.record(&cause, facts).await?;

            report.bytes = bytes;
            report.messages += messages;
            report.new += added.messages;
            report.known += messages - added.messages.min(messages);
            report.edits += added.edits;
            report.reactions += added.reactions;
            report.anonymous_reactions += anonymous;
            report.misdated += misdated;
            report.position = report.position.max(added.position);
            for finding in bad {
                report.add_bad(finding);
            }
            for finding in notes {
                report.note(finding);
            }
            progress(&report);
        }
        Ok(report)
    }
}

/// What the file is about, and how large it is.
async fn open(path: PathBuf) -> Result<(Head, u64), CommandError> {
    let opened = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        let total = file.metadata()?.len();
        Ok((Head::read(file)?, total))
    });
    match opened.await.map_err(CommandError::unavailable)? {
        Ok(opened) => Ok(opened),
        Err(HeadError::Io(error)) => Err(unreadable(&error)),
        Err(HeadError::Unfit(reason)) => Err(CommandError::invalid("file", reason)),
    }
}

fn unreadable(error: &std::io::Error) -> CommandError {
    CommandError::invalid("file", format!("the file cannot be read: {error}"))
}
