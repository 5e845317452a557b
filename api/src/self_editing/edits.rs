//! `/self-editing/edits`: from proposal to live.

use std::collections::HashMap;

use commands::ports::{Effect, Loaded};
use commands::self_editing::{
    Compensations, Moment, Proposal, Rehearsals, SelfEditing, Wanted, Word,
};
use domain::kernel::{Actor, EditId, Expected, Scope, StreamId};
use domain::self_editing::{Change, Edit};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use projections::identity::actors;
use projections::self_editing::files::FileChange;
use projections::self_editing::{decisions, edits, files};
use uuid::Uuid;

use super::rehearsals::of_edit;
use super::shapes::{self, EditView};
use super::watch::WatchView;
use super::words::ScopeWord;
use crate::Tag;
use crate::answer::{Created, Found, Result, Written};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::views::Views;

#[derive(Clone)]
pub(crate) struct EditsApi {
    pub(crate) compensations: Compensations,
    pub(crate) rehearsals: Rehearsals,
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
    #[oai(validator(min_items = 1, max_items = 200))]
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
    #[oai(validator(max_length = 262144))]
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
        let (edit, version) = self.told(id).await?;
        let path = format!("/api/v1/self-editing/edits/{id}");
        Ok(Created::at(position, edit).seen_at(Some(version)).location(path))
    }

    /// Look at an edit
    #[oai(path = "/:edit_id", method = "get", operation_id = "getEdit")]
    async fn get(
        &self,
        may: May<needs::ReadSelfEdit>,
        edit_id: Path<Uuid>,
    ) -> Result<Found<EditView>> {
        let id = EditId(edit_id.0);
        let Loaded { version, position, .. } = self.self_editing.edits.load(&id).await?;
        let (live, shows) = self.views.once_at(position).await?;
        let db = live.db();
        let edit = edits::find(db, id).await?.ok_or_else(|| ApiError::not_found("edit"))?;
        let words = decisions::of(db, id).await?;
        let changes = files::changed_by(db, std::slice::from_ref(&edit)).await?;
        let changes = files::compared(changes).await?.into_iter().next().unwrap_or_default();
        let names = actors::names(db, &shapes::actors(&edit, &words)).await?;
        let rehearsals = of_edit(db, &self.rehearsals, id).await?;
        let troubles = match edit.applied_at {
            Some(_) => self.compensations.troubles(&may.caller, id).await?,
            None => (Vec::new(), 0),
        };
        let watch = self.watch(&edit, &names, troubles).await?;
        let edit = shapes::shown(edit, changes, &words, &names, rehearsals, watch);
        Ok(Found::of(edit).seen_at(shows.then_some(version)))
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
        let (edit, version) = self.told(id).await?;
        Ok(Written::at(position, edit).seen_at(Some(version)))
    }

    /// The edit right after a command, as its own history tells it, and its version: what is
    /// written is answered, whether or not the read models show it yet.
    pub(crate) async fn told(&self, id: EditId) -> Result<(EditView, u64)> {
        let stream = StreamId::of::<Edit>(&id);
        let history = self.self_editing.journal.read_stream(&stream, Expected::New, 1_000).await?;
        let version = history.last().map_or(0, |last| last.version);
        let edit = edits::told(&history).ok_or_else(|| ApiError::not_found("edit"))?;
        let words = decisions::told(&history);
        let base = Moment::Revision(edit.base_revision.cast_unsigned());
        let (base, _) = self.self_editing.workspace_at(base).await?;
        let changes = self.self_editing.edits.load(&id).await?.aggregate;
        let changes = self.self_editing.changes_of(&changes).await?;
        let changes: Vec<_> = changes
            .into_iter()
            .map(|Change { path, content }| FileChange {
                before: base.file(&path).map(ToOwned::to_owned),
                after: content,
                path,
            })
            .collect();
        let changes = files::compared(vec![changes]).await?.into_iter().next();
        let actors = shapes::actors(&edit, &words);
        let (names, rehearsals) = match self.views.live() {
            Ok(live) => (
                actors::names(live.db(), &actors).await.unwrap_or_default(),
                of_edit(live.db(), &self.rehearsals, id).await.unwrap_or_default(),
            ),
            Err(_) => (HashMap::new(), Vec::new()),
        };
        let changes = changes.unwrap_or_default();
        // What its behaviors did since is told by the read models only.
        let watch = self.watch(&edit, &names, (Vec::new(), 0)).await?;
        Ok((shapes::shown(edit, changes, &words, &names, rehearsals, watch), version))
    }

    /// What was seen of an edit since it went live; none before.
    async fn watch(
        &self,
        edit: &edits::Model,
        names: &HashMap<Actor, String>,
        troubles: (Vec<Effect>, u64),
    ) -> Result<Option<WatchView>> {
        let Some(at) = edit.applied_at else { return Ok(None) };
        let watched = self.self_editing.watched(EditId(edit.id)).await?;
        let until = at.0 + self.self_editing.watch_for;
        Ok(Some(WatchView::of(watched, until, names, troubles)))
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
