//! `/self-editing/workspace`: what the bot runs, now and then.

use commands::self_editing::{Moment, SelfEditing};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};

use super::words::moment;
use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;

pub(crate) struct WorkspaceApi {
    pub(crate) self_editing: SelfEditing,
}

/// The files of a revision.
#[derive(Object)]
struct WorkspaceView {
    revision: u64,
    /// The commit that made it.
    position: u64,
    files: Vec<WorkspaceFile>,
}

#[derive(Object)]
struct WorkspaceFile {
    path: String,
    /// In bytes.
    size: u64,
    /// BLAKE3, in hex.
    hash: String,
}

#[derive(Object)]
struct FileContent {
    path: String,
    content: String,
    /// BLAKE3, in hex.
    hash: String,
    revision: u64,
}

#[OpenApi(prefix_path = "/api/v1/self-editing/workspace", tag = "Tag::SelfEditing")]
impl WorkspaceApi {
    /// List the files of the workspace
    #[oai(path = "/", method = "get", operation_id = "getWorkspace")]
    async fn workspace(
        &self,
        _may: May<needs::ReadSelfEdit>,
        /// A time (RFC 3339) or a position; now without it.
        #[oai(validator(min_length = 1, max_length = 40))]
        at: Query<Option<String>>,
    ) -> Result<Found<WorkspaceView>> {
        let (workspace, position) = self.self_editing.workspace_at(when(at.0)?).await?;
        let files = workspace.files().iter().map(|(path, content)| WorkspaceFile {
            path: path.clone(),
            size: content.len() as u64,
            hash: hash(content),
        });
        let revision = workspace.revision();
        let view = WorkspaceView { revision, position, files: files.collect() };
        Ok(Found::of(view).version(revision))
    }

    /// Read a file of the workspace
    #[oai(path = "/files/:path", method = "get", operation_id = "getWorkspaceFile")]
    async fn file(
        &self,
        _may: May<needs::ReadSelfEdit>,
        /// With its slashes, plain or as `%2F`.
        #[oai(validator(min_length = 1, max_length = 200))]
        path: Path<String>,
        /// A time (RFC 3339) or a position; now without it.
        #[oai(validator(min_length = 1, max_length = 40))]
        at: Query<Option<String>>,
    ) -> Result<Found<FileContent>> {
        let (workspace, _) = self.self_editing.workspace_at(when(at.0)?).await?;
        let content = workspace.file(&path.0).ok_or_else(|| ApiError::not_found("file"))?;
        let revision = workspace.revision();
        let (hash, content) = (hash(content), content.to_owned());
        let file = FileContent { path: path.0, content, hash, revision };
        Ok(Found::of(file).version(revision))
    }
}

fn when(at: Option<String>) -> Result<Moment> {
    at.map_or(Ok(Moment::Now), |at| moment("at", &at))
}

fn hash(content: &str) -> String {
    blake3::hash(content.as_bytes()).to_hex().to_string()
}
