//! `/edit reject`: say no to an edit, for good.

use async_trait::async_trait;
use commands::CommandError;
use domain::identity::Permission;
use domain::self_editing::Status;
use serenity::all::CreateCommandOption;

use super::{Deed, Desk, options};
use crate::slash::{Call, Field, Form, Reply};

pub(super) const PATH: &str = "edit reject";

const OPEN: &[Status] = &[Status::Approved, Status::Checked, Status::Proposed];

pub(super) struct Reject;

#[async_trait]
impl Deed for Reject {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let reason = options::text("reason", "Why").required(true).max_length(1_000);
        let options = vec![options::id().required(true), reason];
        options::sub(PATH, "Reject an edit, for good", options)
    }

    fn suggests(&self) -> &'static [Status] {
        OPEN
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let id = desk.id(call).await?;
        if let Some(late) = desk.too_late(call, id, OPEN).await? {
            return Ok(late);
        }
        if call.pressed {
            call.caller.require(Permission::ApproveSelfEdit)?;
            let (label, value) = ("Why", String::new());
            return Ok(Reply::Form(Form {
                id: PATH,
                carried: vec![("id", id.0.simple().to_string())],
                title: "Reject an edit".to_owned(),
                fields: vec![Field { name: "reason", label, value, long: true }],
            }));
        }
        let reason = call.optional("reason");
        let reason = reason.ok_or_else(|| CommandError::invalid("reason", "is required"))?;
        desk.editing.reject(&call.caller, id, reason).await?;
        Ok(Reply::Replaced(desk.card(id).await?))
    }
}
