//! `/imports`: recorded chat, taken from a file.

use commands::discord::imports::{Finding, ImportJob, ImportJobs, ImportReport, JobStatus};
use poem::Body;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Binary;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::auth::{May, needs};

pub(crate) struct ImportsApi {
    pub(crate) imports: ImportJobs,
    pub(crate) most: u64,
}

/// How far an import has come.
#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the wire says so")]
struct Import {
    import_id: Uuid,
    status: ImportStatus,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
    file: String,
    /// How far the file was read, of how much.
    bytes: u64,
    total_bytes: u64,
    /// Messages that could be read; each is either new or known.
    messages: u64,
    new: u64,
    known: u64,
    /// Edits and reactions that are new.
    edits: u64,
    reactions: u64,
    /// Reactions left out, because the export does not say whose they are.
    anonymous_reactions: u64,
    /// Records that could not be read, the first of them in `bad`.
    bad_records: u64,
    bad: Vec<ImportFinding>,
    /// Messages whose time in the export is not that of their id; the id is believed.
    misdated: u64,
    /// What else is odd; nothing is lost by it.
    notes: Vec<ImportFinding>,
    /// The newest commit it made.
    position: u64,
}

/// Something that was found at one place of the file.
#[derive(Object)]
struct ImportFinding {
    line: u64,
    /// In bytes, from 0.
    offset: u64,
    /// The number of the message, from 1.
    #[oai(skip_serializing_if_is_none)]
    record: Option<u64>,
    reason: String,
}

#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum ImportStatus {
    Done,
    Failed,
    Queued,
    Running,
    Stopped,
}

#[OpenApi(prefix_path = "/api/v1/imports", tag = "Tag::History")]
impl ImportsApi {
    /// Import recorded chat
    ///
    /// The body is one file as DiscordChatExporter writes it in JSON. What is known already is
    /// not added again.
    #[oai(path = "/", method = "post", operation_id = "startImport")]
    async fn import(
        &self,
        may: May<needs::ImportHistory>,
        /// What the file is called.
        #[oai(validator(min_length = 1, max_length = 200))]
        name: Query<Option<String>>,
        file: Binary<Body>,
    ) -> Result<Accepted<Import>> {
        let name = name.0.unwrap_or_else(|| "upload.json".to_owned());
        let body = file.0.into_async_read();
        let job = self.imports.accept(&may.caller, &name, body, self.most).await?;
        let path = format!("/api/v1/imports/{}", job.import_id);
        Ok(Accepted::begun(Import::from(job)).location(path))
    }

    /// How far an import has come
    #[oai(path = "/:import_id", method = "get", operation_id = "getImport")]
    #[expect(clippy::unused_async, reason = "every operation is asynchronous")]
    async fn progress(
        &self,
        may: May<needs::ImportHistory>,
        import_id: Path<Uuid>,
    ) -> Result<Found<Import>> {
        Ok(Found::of(Import::from(self.imports.get(&may.caller, import_id.0)?)))
    }
}

impl From<ImportJob> for Import {
    fn from(ImportJob { import_id, status, error, report }: ImportJob) -> Self {
        let ImportReport {
            file,
            bytes,
            total_bytes,
            messages,
            new,
            known,
            edits,
            reactions,
            anonymous_reactions,
            bad_records,
            bad,
            misdated,
            notes,
            position,
        } = report;
        Self {
            import_id,
            status: ImportStatus::from(status),
            error,
            file,
            bytes,
            total_bytes,
            messages,
            new,
            known,
            edits,
            reactions,
            anonymous_reactions,
            bad_records,
            bad: bad.into_iter().map(ImportFinding::from).collect(),
            misdated,
            notes: notes.into_iter().map(ImportFinding::from).collect(),
            position,
        }
    }
}

impl From<Finding> for ImportFinding {
    fn from(Finding { line, offset, record, reason }: Finding) -> Self {
        Self { line, offset, record, reason }
    }
}

impl From<JobStatus> for ImportStatus {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Done => Self::Done,
            JobStatus::Failed => Self::Failed,
            JobStatus::Queued => Self::Queued,
            JobStatus::Running => Self::Running,
            JobStatus::Stopped => Self::Stopped,
        }
    }
}
