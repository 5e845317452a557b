//! `/imports`: recorded chat, taken from a file.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::Caller;
use poem::Body;
use poem::http::StatusCode;
use poem_openapi::param::Path;
use poem_openapi::payload::Binary;
use poem_openapi::{Enum, Object, OpenApi};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Accepted, Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;

/// Imports files in the background.
#[async_trait]
pub trait Imports: Send + Sync {
    /// Where a file is kept while it is read; it may vanish after that.
    fn place(&self) -> PathBuf;

    /// Begins to import a file, which is the importer's from now on; answers the import's name.
    async fn begin(
        &self,
        caller: &Caller,
        file: PathBuf,
    ) -> std::result::Result<Uuid, CommandError>;

    /// How far an import has come; none when there is no such import.
    async fn progress(
        &self,
        import: Uuid,
    ) -> std::result::Result<Option<ImportProgress>, CommandError>;
}

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(rename = "Import")]
pub struct ImportProgress {
    pub import_id: Uuid,
    pub status: ImportStage,
    /// Messages read from the file.
    pub read: u64,
    /// Of those, the ones that were new.
    pub imported: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// The first of them.
    pub problems: Vec<ImportProblem>,
    /// Why it failed as a whole.
    #[oai(skip_serializing_if_is_none)]
    pub failure: Option<String>,
    /// The newest commit it made.
    pub position: u64,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ImportProblem {
    pub line: u64,
    pub reason: String,
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ImportStatus", rename_all = "snake_case")]
pub enum ImportStage {
    Completed,
    Failed,
    Running,
}

#[derive(Object)]
struct ImportStarted {
    import_id: Uuid,
}

pub(crate) struct ImportsApi {
    pub(crate) imports: Arc<dyn Imports>,
    pub(crate) most: u64,
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
        file: Binary<Body>,
    ) -> Result<Accepted<ImportStarted>> {
        let path = self.imports.place();
        if let Err(error) = save(file.0, &path, self.most).await {
            let _was_not_there = tokio::fs::remove_file(&path).await;
            return Err(error);
        }
        let import_id = self.imports.begin(&may.caller, path).await?;
        let path = format!("/api/v1/imports/{import_id}");
        Ok(Accepted::begun(ImportStarted { import_id }).location(path))
    }

    /// How far an import has come
    #[oai(path = "/:import_id", method = "get", operation_id = "getImport")]
    async fn progress(
        &self,
        _may: May<needs::ImportHistory>,
        import_id: Path<Uuid>,
    ) -> Result<Found<ImportProgress>> {
        let progress = self.imports.progress(import_id.0).await?;
        progress.map(Found::of).ok_or_else(|| ApiError::not_found("import"))
    }
}

/// Writes an upload down as it comes in.
async fn save(body: Body, path: &std::path::Path, most: u64) -> Result<()> {
    let full = |error: std::io::Error| ApiError::unavailable(&error);
    let mut file = tokio::fs::File::create(path).await.map_err(full)?;
    let mut upload = body.into_async_read().take(most + 1);
    let (mut written, mut block) = (0, vec![0; 64 * 1024]);
    loop {
        let broken = |error: std::io::Error| {
            ApiError::new(StatusCode::BAD_REQUEST, format!("the upload broke off: {error}"))
        };
        let read = upload.read(&mut block).await.map_err(broken)?;
        if read == 0 {
            break;
        }
        written += read as u64;
        if written > most {
            let message = format!("the file is larger than {most} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        file.write_all(&block[..read]).await.map_err(full)?;
    }
    if written == 0 {
        return Err(ApiError::field("body", "is required"));
    }
    file.flush().await.map_err(full)
}
