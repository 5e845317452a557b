//! `/edit`: propose a change of the bot's own files, approve it, take it back.

use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::{
    Moment, Proposal, Rehearsals, Rollback, SelfEditing, Target, Wanted, Word,
};
use domain::identity::Permission;
use domain::kernel::{EditId, Event, Expected, Scope, StreamId};

use domain::self_editing::{Change, Check, Edit as Aggregate, EditEvent, Status};
use serenity::all::{
    CommandOptionType as Kind, CreateCommand, CreateCommandOption, InteractionContext, Permissions,
};

use super::edit_text::{Shown, proposed};
use super::{Call, Field, Form, Reply, SlashCommand, edit_rehearse};
use crate::ReadModels;

const PROPOSE: &str = "edit propose";

/// What a form takes at most.
const FORM_LIMIT: usize = 4_000;

pub(super) struct Edit {
    pub(super) models: Arc<dyn ReadModels>,
    pub(super) rehearsals: Rehearsals,
    pub(super) self_editing: SelfEditing,
}

#[async_trait]
impl SlashCommand for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn definition(&self) -> CreateCommand {
        let text = |name, description| CreateCommandOption::new(Kind::String, name, description);
        let sub = |name, description, options: Vec<CreateCommandOption>| {
            let sub = CreateCommandOption::new(Kind::SubCommand, name, description);
            options.into_iter().fold(sub, CreateCommandOption::add_sub_option)
        };
        let flag = |name, description| CreateCommandOption::new(Kind::Boolean, name, description);
        let scope = ["features", "performance", "security"]
            .into_iter()
            .fold(text("scope", "What it is for; else features"), |option, scope| {
                option.add_string_choice(scope, scope)
            });
        let id = || text("id", "The edit's id, as /edit propose showed it").required(true);
        CreateCommand::new("edit")
            .description("Change how I behave")
            .default_member_permissions(Permissions::MANAGE_GUILD)
            .add_context(InteractionContext::Guild)
            .add_option(sub(
                "approve",
                "Approve an edit and make it live",
                vec![
                    id(),
                    text("comment", "Why").max_length(500),
                    flag("force", "Approve your own, as the only administrator"),
                ],
            ))
            .add_option(sub(
                "propose",
                "Propose a change of one of my files",
                vec![
                    text("file", "Such as prompts/system.md").required(true).max_length(200),
                    text("description", "What it is good for").required(true).max_length(1_000),
                    text("content", "The whole new content; without it you get a form"),
                    text("diff", "A unified diff instead of the content"),
                    scope,
                ],
            ))
            .add_option(edit_rehearse::definition(id()))
            .add_option(sub(
                "rollback",
                "Take an edit back",
                vec![
                    id(),
                    text("reason", "Why").required(true).max_length(1_000),
                    flag("force", "Restore the older lines even where later edits changed them"),
                ],
            ))
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        match call.path.as_str() {
            "edit approve" => self.approve(call).await,
            PROPOSE => self.propose(call).await,
            edit_rehearse::PATH => edit_rehearse::run(&self.rehearsals, call, id(call)?).await,
            "edit rollback" => self.roll_back(call).await,
            other => Err(CommandError::NotFound(format!("command /{other}"))),
        }
    }
}

impl Edit {
    async fn propose(&self, call: &Call) -> Result<Reply, CommandError> {
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
            (None, None) => return self.form(call, file).await,
        };
        let scope = scope(call)?.unwrap_or(Scope::Features);
        let description = call.text("description").to_owned();
        let proposal = Proposal { scope, kind: None, description, wanted, base_revision: None };
        let (id, _) = self.self_editing.propose(&call.caller, proposal).await?;
        Ok(Reply::Public(proposed(&self.shown(id).await?)))
    }

    /// Asks for the new content, with the present one to start from.
    async fn form(&self, call: &Call, file: String) -> Result<Reply, CommandError> {
        call.caller.require(Permission::ProposeSelfEdit)?;
        let (workspace, _) = self.self_editing.workspace_at(Moment::Now).await?;
        let content = workspace.file(&file).unwrap_or_default().to_owned();
        if content.chars().count() > FORM_LIMIT {
            let reason = format!("{file} is too long for a form; send a diff");
            return Err(CommandError::invalid("diff", reason));
        }
        let field = |name, label, value, long| Field { name, label, value, long };
        let description = call.text("description").to_owned();
        let carried = scope(call)?.map(|scope| ("scope", scope.as_ref().to_owned()));
        Ok(Reply::Form(Form {
            id: PROPOSE,
            carried: carried.into_iter().collect(),
            title: "Propose an edit".to_owned(),
            fields: vec![
                field("file", "File", file, false),
                field("description", "What it is good for", description, true),
                field("content", "The whole new content", content, true),
            ],
        }))
    }

    async fn approve(&self, call: &Call) -> Result<Reply, CommandError> {
        let id = id(call)?;
        let word = Word {
            comment: call.optional("comment"),
            content_hash: None,
            force: call.truth("force"),
        };
        self.self_editing.approve(&call.caller, id, word).await?;
        let mut applying = call.caller.clone();
        applying.cause = call.caller.cause.then("apply");
        self.self_editing.apply(&applying, id).await?;
        let edit = self.self_editing.edits.load(&id).await?.aggregate;
        let revision = edit.revision().unwrap_or_default();
        // What is late to be told is not worth an error.
        let rehearsed = edit_rehearse::last(&*self.models, id).await.ok().flatten();
        let rehearsed = rehearsed.map(|it| format!("\nIt was {it}")).unwrap_or_default();
        Ok(Reply::Public(format!(
            "Edit `{id}` is approved and live as revision {revision}. To take it back: \
             `/edit rollback id:{id}`{rehearsed}"
        )))
    }

    async fn roll_back(&self, call: &Call) -> Result<Reply, CommandError> {
        let rollback = Rollback {
            target: Target::Edit(id(call)?),
            reason: call.text("reason").to_owned(),
            force: call.truth("force"),
            preview: false,
        };
        let done = self.self_editing.roll_back(&call.caller, rollback).await?;
        let extent = done.changes;
        Ok(Reply::Public(match (done.id, done.edit) {
            (Some(id), Some(edit)) => format!(
                "Edit `{edit}` is rolled back: revision {} is live ({} files, +{} −{} lines). \
                 The rollback is edit `{id}` and can itself be rolled back.",
                done.revision, extent.files_modified, extent.lines_added, extent.lines_removed
            ),
            _ => "Nothing had to change: my files are as they were before that edit.".to_owned(),
        }))
    }

    /// An edit as it stands now, with what its checks found.
    async fn shown(&self, id: EditId) -> Result<Shown, CommandError> {
        let edit = self.self_editing.edits.load(&id).await?.aggregate;
        let base = Moment::Revision(edit.base_revision());
        let (base, _) = self.self_editing.workspace_at(base).await?;
        let changes = self.self_editing.changes_of(&edit).await?;
        let diff = commands::self_editing::unified_diff(base.files(), &changes);
        let scope = edit.scope().unwrap_or(Scope::Features);
        let status = edit.status().unwrap_or(Status::Proposed);
        Ok(Shown { id, scope, status, diff, checks: self.checks(id).await? })
    }

    async fn checks(&self, id: EditId) -> Result<Vec<Check>, CommandError> {
        let stream = StreamId::of::<Aggregate>(&id);
        let history = self.self_editing.journal.read_stream(&stream, Expected::New, 100).await?;
        let checks = history.into_iter().rev().find_map(|recorded| match recorded.event {
            Event::Edit(
                _,
                EditEvent::ChecksPassed { checks } | EditEvent::ChecksFailed { checks },
            ) => Some(checks),
            _ => None,
        });
        Ok(checks.unwrap_or_default())
    }
}

fn scope(call: &Call) -> Result<Option<Scope>, CommandError> {
    let wrong = |_| CommandError::invalid("scope", "is features, performance or security");
    call.optional("scope").map(|scope| scope.parse().map_err(wrong)).transpose()
}

fn id(call: &Call) -> Result<EditId, CommandError> {
    let text = call.text("id").trim().trim_matches('`');
    text.parse().map_err(|_| CommandError::invalid("id", "this is not the id of an edit"))
}

/// Discord drops the last line's end.
fn with_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
