//! `/self-editing/edits/{id}/effects`: what the behaviors of an edit did, and what takes it back.

use std::collections::BTreeMap;

use commands::ports::Effect;
use commands::self_editing::{Compensations, Foreseen};
use domain::kernel::EditId;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::{Paged, Slice};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::page::{Pagination, default_limit};
use crate::request;

pub(crate) struct EffectsApi {
    pub(crate) compensations: Compensations,
}

#[derive(Object)]
struct EffectList {
    effects: Vec<EffectView>,
    pagination: Pagination,
}

/// Something that a behavior did on Discord.
#[derive(Object)]
#[oai(rename = "Effect")]
struct EffectView {
    behavior: String,
    call_id: Uuid,
    /// Its place among the actions of the call, from 0.
    action: u32,
    /// `reply`, `add_role` …; `apology` is what a failed command is answered.
    kind: String,
    at: String,
    #[oai(skip_serializing_if_is_none)]
    channel_id: Option<String>,
    /// Whom it was done to, or who called the behavior.
    #[oai(skip_serializing_if_is_none)]
    user_id: Option<String>,
    /// What Discord calls it, where it has a name: the message's id.
    #[oai(skip_serializing_if_is_none)]
    outside_id: Option<String>,
    /// What did not work of it: a reaction, or the rest of a long message.
    #[oai(skip_serializing_if_is_none)]
    trouble: Option<String>,
    can_be_undone: bool,
    /// What takes it back.
    #[oai(skip_serializing_if_is_none)]
    how: Option<String>,
    /// Why nothing does, or what does already.
    #[oai(skip_serializing_if_is_none)]
    why_not: Option<String>,
}

/// How many effects can be taken back, and are not yet.
#[derive(Object)]
pub(super) struct CanUndo {
    total: u64,
    by_kind: Vec<EffectCount>,
}

/// How many effects nothing takes back.
#[derive(Object)]
pub(super) struct CannotUndo {
    total: u64,
    by_kind: Vec<EffectCount>,
    /// The newest, up to 20.
    examples: Vec<EffectView>,
}

#[derive(Object)]
pub(super) struct EffectCount {
    kind: String,
    count: u64,
}

#[OpenApi(prefix_path = "/api/v1/self-editing/edits", tag = "Tag::SelfEditing")]
impl EffectsApi {
    /// What the behaviors of an edit did
    ///
    /// From when it went live until the same files changed again; newest first.
    #[oai(path = "/:edit_id/effects", method = "get", operation_id = "listEditEffects")]
    async fn effects(
        &self,
        may: May<needs::ReadSelfEdit>,
        edit_id: Path<Uuid>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<EffectList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let part = (slice.limit, slice.offset);
        let (items, total) = self.compensations.of(&may.caller, EditId(edit_id.0), part).await?;
        let page = Paged { items, total };
        let pagination = Pagination::over(&page, slice);
        let effects = page.items.into_iter().map(EffectView::from).collect();
        Ok(Found::of(EffectList { effects, pagination }))
    }
}

impl From<Effect> for EffectView {
    fn from(it: Effect) -> Self {
        Self {
            behavior: it.behavior.to_string(),
            call_id: it.call,
            action: it.action,
            at: request::shown(it.at),
            channel_id: it.channel.map(|id| id.to_string()),
            user_id: it.user.map(|id| id.to_string()),
            outside_id: it.outside_id,
            trouble: it.trouble,
            can_be_undone: it.undo.is_ok(),
            how: it.undo.as_ref().ok().map(|undo| how(undo.words(), &it.kind)),
            why_not: it.undo.err(),
            kind: it.kind,
        }
    }
}

fn how(words: &str, kind: &str) -> String {
    match kind {
        "ask_ai" => format!("{words}; what the answer cost is spent"),
        _ => words.to_owned(),
    }
}

/// The figures of a preview.
pub(super) fn figures(foreseen: Foreseen) -> (CanUndo, CannotUndo) {
    let Foreseen { sums, examples } = foreseen;
    let (can, cannot) = (sums.can(), sums.cannot());
    let counts = |of: BTreeMap<String, u64>| {
        of.into_iter().map(|(kind, count)| EffectCount { kind, count }).collect()
    };
    let examples = examples.into_iter().map(EffectView::from).collect();
    (
        CanUndo { total: can, by_kind: counts(sums.undoable) },
        CannotUndo { total: cannot, by_kind: counts(sums.lasting), examples },
    )
}
