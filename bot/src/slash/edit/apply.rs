//! `/edit apply`: make an approved edit live.

use async_trait::async_trait;
use commands::CommandError;
use domain::self_editing::Status;
use serenity::all::CreateCommandOption;

use super::{Deed, Desk, options};
use crate::slash::{Call, Reply};

pub(super) const PATH: &str = "edit apply";

pub(super) struct Apply;

#[async_trait]
impl Deed for Apply {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let id = options::id().required(true);
        options::sub(PATH, "Make an approved edit live", vec![id])
    }

    fn suggests(&self) -> &'static [Status] {
        &[Status::Approved]
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let id = desk.id(call).await?;
        if let Some(late) = desk.too_late(call, id, &[Status::Approved]).await? {
            return Ok(late);
        }
        desk.editing.apply(&call.caller, id).await?;
        Ok(Reply::Replaced(desk.card(id).await?))
    }
}
