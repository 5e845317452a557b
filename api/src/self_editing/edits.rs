//! `/self-editing/edits`: from proposal to live.

use commands::self_editing::{Proposal, SelfEditing, Wanted, Word};
use domain::kernel::{EditId, Scope};
use domain::self_editing::Change;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use projections::identity::actors;
use projections::self_editing::{decisions, edits, files};
use uuid::Uuid;

use super::ScopeWord;
use super::shapes::{self, EditView};
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::views::Views;

pub(crate) struct EditsApi {
    pub(crate) self_editing: SelfEditing,
    pub(crate) views: Views,
}

/// Either whole files or a unified diff.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewEdit {
    scope: ScopeWord,
    /// A finer type, in your words.
    #[oai(rename = "type", validator(min_length = 1, max_length = 64))]
    kind: Option<String>,
    /// What it is good for.
    #[oai(validator(min_length = 1, max_length = 2000))]
    description: String,
    #[oai(validator(min_items = 1, max_items = 100))]
    files: Option<Vec<NewFile>>,
    /// A unified diff against the base revision.
    #[oai(validator(min_length = 1, max_length = 4194304))]
    diff: Option<String>,
    /// The revision you looked at; without one, the present.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    base_revision: Option<u64>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewFile {
    #[oai(validator(min_length = 1, max_length = 200))]
    path: String,
    /// Null deletes the file; it must be there, as a text or null.
    #[oai(validator(max_length = 1048576))]
    content: MaybeUndefined<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewApproval {
    /// The content that you looked at; the approval holds for nothing else.
    #[oai(validator(min_length = 1, max_length = 128))]
    content_hash: Option<String>,
    #[oai(validator(min_length = 1, max_length = 2000))]
    comment: Option<String>,
    /// Approve your own edit, as the only administrator.
    #[oai(default)]
    force: bool,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewRejection {
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: String,
}

/// Nothing more to say.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct Nothing {}

#[OpenApi(prefix_path = "/api/v1/self-editing/edits", tag = "Tag::SelfEditing")]
impl EditsApi {
    /// Propose an edit of the workspace
    ///
    /// Its checks run at once.
    #[oai(path = "/", method = "post", operation_id = "proposeEdit")]
    async fn propose(
        &self,
        may: May<needs::ProposeSelfEdit>,
        body: Json<NewEdit>,
    ) -> Result<Created<EditView>> {
        let NewEdit { scope, kind, description, files, diff, base_revision } = body.0;
        let wanted = match (files, diff) {
            (Some(files), None) => Wanted::Files(changes(files)?),
            (None, Some(diff)) => Wanted::Diff(diff),
            _ => return Err(ApiError::field("files", "give either files or diff")),
        };
        let scope = Scope::from(scope);
        let proposal = Proposal { scope, kind, description, wanted, base_revision };
        let (id, position) = self.self_editing.propose(&may.caller, proposal).await?;
        let (edit, version) = self.edit(id, Some(position)).await?;
        let path = format!("/api/v1/self-editing/edits/{id}");
        Ok(Created::at(position, edit).version(version).location(path))
    }

    /// Look at an edit
    #[oai(path = "/:edit_id", method = "get", operation_id = "getEdit")]
    async fn get(
        &self,
        _may: May<needs::ReadSelfEdit>,
        edit_id: Path<Uuid>,
    ) -> Result<Found<EditView>> {
        let (edit, version) = self.edit(EditId(edit_id.0), None).await?;
        Ok(Found::of(edit).version(version))
    }

    /// Run the checks of an edit
    #[oai(path = "/:edit_id/check", method = "post", operation_id = "checkEdit")]
    async fn check(
        &self,
        may: May<needs::ProposeSelfEdit>,
        edit_id: Path<Uuid>,
        _body: Json<Nothing>,
    ) -> Result<Written<EditView>> {
        let id = EditId(edit_id.0);
        let position = self.self_editing.check(&may.caller, id).await?;
        self.written(id, position).await
    }

    /// Approve an edit
    #[oai(path = "/:edit_id/approve", method = "post", operation_id = "approveEdit")]
    async fn approve(
        &self,
        may: May<needs::ApproveSelfEdit>,
        edit_id: Path<Uuid>,
        body: Json<NewApproval>,
    ) -> Result<Written<EditView>> {
        let NewApproval { content_hash, comment, force } = body.0;
        let (id, word) = (EditId(edit_id.0), Word { comment, content_hash, force });
        let position = self.self_editing.approve(&may.caller, id, word).await?;
        self.written(id, position).await
    }

    /// Reject an edit
    #[oai(path = "/:edit_id/reject", method = "post", operation_id = "rejectEdit")]
    async fn reject(
        &self,
        may: May<needs::ApproveSelfEdit>,
        edit_id: Path<Uuid>,
        body: Json<NewRejection>,
    ) -> Result<Written<EditView>> {
        let id = EditId(edit_id.0);
        let position = self.self_editing.reject(&may.caller, id, body.0.reason).await?;
        self.written(id, position).await
    }

    /// Make an approved edit live
    #[oai(path = "/:edit_id/apply", method = "post", operation_id = "applyEdit")]
    async fn apply(
        &self,
        may: May<needs::ApproveSelfEdit>,
        edit_id: Path<Uuid>,
        _body: Json<Nothing>,
    ) -> Result<Written<EditView>> {
        let id = EditId(edit_id.0);
        let position = self.self_editing.apply(&may.caller, id).await?;
        self.written(id, position).await
    }
}

impl EditsApi {
    async fn written(&self, id: EditId, position: u64) -> Result<Written<EditView>> {
        let (edit, version) = self.edit(id, Some(position)).await?;
        Ok(Written::at(position, edit).version(version))
    }

    /// The edit and its version, as of a commit at least.
    async fn edit(&self, id: EditId, position: Option<u64>) -> Result<(EditView, u64)> {
        let live = match position {
            Some(position) => self.views.showing(position).await?,
            None => self.views.live()?,
        };
        let db = live.db();
        let version = self.self_editing.edits.load(&id).await?.version;
        let edit = edits::find(db, id).await?.ok_or_else(|| ApiError::not_found("edit"))?;
        let words = decisions::of(db, id).await?;
        let changes = files::changed_by(db, std::slice::from_ref(&edit)).await?;
        let names = actors::names(db, &shapes::actors(&edit, &words)).await?;
        let changes = changes.into_iter().next().unwrap_or_default();
        Ok((shapes::shown(edit, &changes, &words, &names), version))
    }
}

/// Nobody deletes a file by forgetting its content.
fn changes(files: Vec<NewFile>) -> Result<Vec<Change>> {
    let change = |(index, NewFile { path, content }): (usize, NewFile)| match content {
        MaybeUndefined::Null => Ok(Change { path, content: None }),
        MaybeUndefined::Undefined => {
            let reason = "is required; null deletes the file";
            Err(ApiError::field(format!("files[{index}].content"), reason))
        }
        MaybeUndefined::Value(content) => Ok(Change { path, content: Some(content) }),
    };
    files.into_iter().enumerate().map(change).collect()
}
