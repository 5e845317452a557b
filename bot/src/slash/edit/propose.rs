//! `/edit propose`: suggest a change of one file, whole or as a diff; without either, a form asks.

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::{Moment, Proposal, Wanted};
use domain::identity::Permission;
use domain::kernel::Scope;
use domain::self_editing::Change;
use serenity::all::CreateCommandOption;

use super::options::{self, scope};
use super::{Deed, Desk};
use crate::slash::{Call, Field, Form, Reply};

const PATH: &str = "edit propose";

/// What a form takes at most.
const FORM_LIMIT: usize = 4_000;

pub(super) struct Propose;

#[async_trait]
impl Deed for Propose {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let options = vec![
            options::text("file", "Such as prompts/system.md").required(true).max_length(200),
            options::text("description", "What it is good for").required(true).max_length(1_000),
            options::text("content", "The whole new content; without it you get a form"),
            options::text("diff", "A unified diff instead of the content"),
            options::scopes(),
        ];
        options::sub(PATH, "Propose a change of one of my files", options)
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        let file = call.text("file").trim().to_owned();
        let wanted = match (call.optional("diff"), call.options.get("content")) {
            (Some(diff), None) => Wanted::Diff(with_newline(diff)),
            (None, Some(_)) => {
                let content = Some(with_newline(call.text("content").to_owned()));
                Wanted::Files(vec![Change { path: file, content }])
            }
            (Some(_), Some(_)) => {
                return Err(CommandError::invalid("diff", "give either a diff or the content"));
            }
            (None, None) => return form(desk, call, file).await,
        };
        let scope = scope(call)?.unwrap_or(Scope::Features);
        let description = call.text("description").to_owned();
        let proposal = Proposal { scope, kind: None, description, wanted, base_revision: None };
        let (id, _) = desk.editing.propose(&call.caller, proposal).await?;
        Ok(Reply::Card(desk.card(id).await?))
    }
}

/// Asks for the new content, with the present one to start from.
async fn form(desk: &Desk, call: &Call, file: String) -> Result<Reply, CommandError> {
    call.caller.require(Permission::ProposeSelfEdit)?;
    let (workspace, _) = desk.editing.workspace_at(Moment::Now).await?;
    let content = workspace.file(&file).unwrap_or_default().to_owned();
    if content.chars().count() > FORM_LIMIT {
        let reason = format!("{file} is too long for a form; send a diff");
        return Err(CommandError::invalid("diff", reason));
    }
    let field = |name, label, value, long| Field { name, label, value, long };
    let description = call.text("description").to_owned();
    let carried = scope(call)?.map(|scope| ("scope", scope.as_ref().to_owned()));
    Ok(Reply::Form(Form {
        id: PATH,
        carried: carried.into_iter().collect(),
        title: "Propose an edit".to_owned(),
        fields: vec![
            field("file", "File", file, false),
            field("description", "What it is good for", description, true),
            field("content", "The whole new content", content, true),
        ],
    }))
}

/// Discord drops the last line's end.
fn with_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
