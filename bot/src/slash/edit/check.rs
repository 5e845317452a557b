//! `/edit check`: run the checks of an edit, should they not have run yet.

use async_trait::async_trait;
use commands::CommandError;
use domain::self_editing::Status;
use serenity::all::CreateCommandOption;

use super::{Deed, Desk, options};
use crate::slash::{Call, Reply};

pub(super) const PATH: &str = "edit check";

pub(super) struct Check;

#[async_trait]
impl Deed for Check {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let id = options::id().required(true);
        options::sub(PATH, "Run the checks of an edit, and see what they find", vec![id])
    }

    fn suggests(&self) -> &'static [Status] {
        &[Status::Proposed, Status::Checked, Status::Failed]
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let id = desk.id(call).await?;
        desk.editing.check(&call.caller, id).await?;
        Ok(Reply::Replaced(desk.card(id).await?))
    }
}
