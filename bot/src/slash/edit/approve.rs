//! `/edit approve`: say yes to an edit, and unless told otherwise make it live.

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::Word;
use domain::kernel::EditId;
use domain::self_editing::{EditError, Status};
use serenity::all::CreateCommandOption;

use super::{Deed, Desk, options};
use crate::slash::{Call, Reply};

pub(super) const PATH: &str = "edit approve";

/// How many characters of the hash of what was shown a button carries: 128 bits of it.
pub(super) const BOUND: usize = 32;

pub(super) struct Approve;

#[async_trait]
impl Deed for Approve {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let options = vec![
            options::id().required(true),
            options::text("comment", "Why").max_length(500),
            options::flag("force", "Approve your own, as the only administrator"),
            options::flag("apply", "Make it live at once; yes unless you say no"),
        ];
        options::sub(PATH, "Approve an edit and make it live", options)
    }

    fn suggests(&self) -> &'static [Status] {
        &[Status::Checked]
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let id = desk.id(call).await?;
        let apply = call.said("apply").unwrap_or(true);
        let in_time: &[Status] =
            if apply { &[Status::Approved, Status::Checked] } else { &[Status::Checked] };
        if let Some(late) = desk.too_late(call, id, in_time).await? {
            return Ok(late);
        }
        let content_hash = match call.optional("hash") {
            Some(seen) => Some(whole(desk, id, &seen).await?),
            None => None,
        };
        let (comment, force) = (call.optional("comment"), call.truth("force"));
        desk.editing.approve(&call.caller, id, Word { comment, content_hash, force }).await?;
        if apply {
            let mut applying = call.caller.clone();
            applying.cause = call.caller.cause.then("apply");
            desk.editing.apply(&applying, id).await?;
        }
        Ok(Reply::Replaced(desk.card(id).await?))
    }
}

/// The whole hash of the content of which a button carries the beginning.
async fn whole(desk: &Desk, id: EditId, seen: &str) -> Result<String, CommandError> {
    let edit = desk.existing(id).await?;
    let hash = edit.content_hash();
    if seen.len() >= BOUND.min(hash.len()) && hash.starts_with(seen) {
        return Ok(hash.to_owned());
    }
    Err(CommandError::rejected(&EditError::OtherContent))
}
