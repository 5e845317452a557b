//! One wish being worked on: the model looks, proposes, and mends what the checks find.

use std::fmt::Write;

use domain::kernel::{Actor, Cause, EditId, Event, Expected, Ground, StreamId};
use domain::self_editing::{Change, Check, Edit, EditEvent, Finding, Status};

use super::super::{Moment, Proposal, SelfEditing, Tree, Wanted, diff};
use super::prompt::{self, Marker, cut};
use super::tools::{self, Proposed};
use super::{MEND, Suggested, Task, relevant};
use crate::behaviors::is_behavior;
use crate::ports::{Message, ModelError, ModelName, Step, ToolCall, ToolResult, Work};
use crate::{CommandError, Refusal, describe};

/// How often the model is asked for one wish.
const MOST_STEPS: usize = 40;

/// How much of what the model says is kept, in bytes.
const SAID: usize = 4_000;

/// How many characters of the model's description are taken, and how many one has.
const DESCRIPTION: usize = 500;
const MOST_DESCRIPTION: usize = 2_000;

/// How many findings the model is shown.
const FINDINGS: usize = 20;

/// How many errors of a behavior it is shown.
const FAULTS: usize = 5;

/// What the model is told when it says something and does nothing.
const NUDGE: &str = "Nothing was proposed. Call propose_edit now; or, if that should not be done, \
                     say once more in one sentence why.";

/// See the module.
pub(super) struct Session<'a> {
    editing: &'a SelfEditing,
    cause: &'a Cause,
    task: &'a Task,
    model: ModelName,
    author: Actor,
    tree: Tree,
    marker: Marker,
    work: Work,
    /// How many tries there were, and the newest edit of them.
    tries: u32,
    newest: Option<(EditId, Status, u64)>,
    /// What was wrong with a try that became no edit.
    untaken: Option<String>,
    said: String,
    tokens_in: u64,
    tokens_out: u64,
}

impl<'a> Session<'a> {
    pub(super) async fn open(
        editing: &'a SelfEditing,
        cause: &'a Cause,
        task: &'a Task,
        model: ModelName,
    ) -> Result<Self, CommandError> {
        let (tree, _) = editing.workspace_at(Moment::Now).await?;
        if let Some(path) = task.files.iter().find(|path| tree.file(path).is_none()) {
            let reason = format!("{} is not in the workspace", cut(path, 200));
            return Err(CommandError::invalid("files", reason));
        }
        let chosen = relevant::chosen(tree.files(), &task.files, &task.wish);
        let mut faults = Vec::new();
        for path in chosen.iter().filter(|path| is_behavior(path)) {
            match editing.suggesting.faults.of(path).await {
                Ok(mut newest) => {
                    newest.truncate(FAULTS);
                    faults.push((path.clone(), newest));
                }
                Err(error) => {
                    tracing::warn!(error = %describe(&error), "recent errors are not known");
                }
            }
        }
        let marker = Marker::new();
        let opening = prompt::opening(&marker, &tree, &task.wish, &chosen, &faults);
        let work = Work {
            system: prompt::system(&marker),
            messages: vec![Message::User(opening)],
            tools: tools::all(),
            ..Work::default()
        };
        let author = Actor::ai(format!("{}/{}", model.provider, model.model));
        Ok(Self {
            editing,
            cause,
            task,
            model,
            author,
            tree,
            marker,
            work,
            tries: 0,
            newest: None,
            untaken: None,
            said: String::new(),
            tokens_in: 0,
            tokens_out: 0,
        })
    }

    /// Works until an edit passes its checks or the tries are used up.
    pub(super) async fn run(mut self) -> Result<Suggested, CommandError> {
        self.remember().await?;
        if !self.is_over() {
            match self.work().await {
                Err(error) if self.newest.is_none() => return Err(error),
                // What was tried before is there all the same.
                Err(error) => self.say(&error.to_string()),
                Ok(()) => {}
            }
        }
        self.end()
    }

    /// The tries of the same request when it came before and was cut off.
    async fn remember(&mut self) -> Result<(), CommandError> {
        while self.tries < self.editing.suggesting.attempts {
            let cause = self.cause_of_try();
            let id = EditId(cause.command);
            if self.editing.edits.load(&id).await?.version == 0 {
                break;
            }
            let position = self.editing.advance(&cause, id).await?;
            self.tries += 1;
            let failed = self.tried(id, position).await?;
            if let Some(failed) = failed {
                self.work.messages.push(Message::Model {
                    text: "I proposed an edit.".to_owned(),
                    calls: Vec::new(),
                });
                self.work.messages.push(Message::User(failed));
            } else {
                break;
            }
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), CommandError> {
        let mut silent = 0;
        for _ in 0..MOST_STEPS {
            let step = self.editing.suggesting.model.work(&self.work).await?;
            let Step { text, calls, tokens_in, tokens_out } = step;
            self.tokens_in += tokens_in;
            self.tokens_out += tokens_out;
            self.say(&text);
            if calls.is_empty() {
                silent += 1;
                if silent > 1 {
                    return Ok(());
                }
                if !text.trim().is_empty() {
                    self.work.messages.push(Message::Model { text, calls });
                }
                self.work.messages.push(Message::User(NUDGE.to_owned()));
                continue;
            }
            let mut results = Vec::new();
            let mut proposed = false;
            for ToolCall { id, tool, arguments } in &calls {
                let text = match tool.as_str() {
                    tools::LIST => prompt::list(&self.marker, &self.tree),
                    tools::PROPOSE if proposed => {
                        "One edit at a time: put everything into one call.".to_owned()
                    }
                    tools::PROPOSE => {
                        proposed = true;
                        match self.propose(arguments).await? {
                            None => return Ok(()),
                            Some(wrong) => wrong,
                        }
                    }
                    tools::READ => prompt::read(&self.marker, &self.tree, tools::path(arguments)),
                    _ => "There is no such tool.".to_owned(),
                };
                results.push(ToolResult { call: id.clone(), text });
            }
            if self.is_over() {
                return Ok(());
            }
            self.work.messages.push(Message::Model { text, calls });
            self.work.messages.push(Message::Results(results));
        }
        Ok(())
    }

    /// One try. Answers what the model has to mend; nothing when its edit stands.
    async fn propose(
        &mut self,
        arguments: &serde_json::Value,
    ) -> Result<Option<String>, CommandError> {
        let cause = self.cause_of_try();
        self.tries += 1;
        // Each try starts from what is live by now.
        self.tree = self.editing.workspace_at(Moment::Now).await?.0;
        let (description, changes) = match self.changes(arguments) {
            Ok(read) => read,
            Err(wrong) => return Ok(Some(self.not_taken(wrong))),
        };
        let wish = self.task.wish.trim();
        let description = if self.task.kind == MEND {
            // Nobody asked whose key could seal what the model repeats of errors it was shown.
            wish.to_owned()
        } else {
            format!("{}\n\nAsked for: {wish}", cut_chars(&description, DESCRIPTION))
        };
        let proposal = Proposal {
            scope: self.task.scope,
            kind: Some(self.task.kind.to_owned()),
            description: cut_chars(&description, MOST_DESCRIPTION).to_owned(),
            wanted: Wanted::Files(changes),
            base_revision: Some(self.tree.revision()),
        };
        match self.editing.propose_as(&cause, (&self.author, None), proposal).await {
            Ok((id, position)) => self.tried(id, position).await,
            Err(CommandError::Rejected(no)) if no.ground == Ground::Input && no.code.is_none() => {
                let field = no.field.map(|field| format!("{field}: ")).unwrap_or_default();
                Ok(Some(self.not_taken(format!("{field}{}", no.reason))))
            }
            Err(error) => Err(error),
        }
    }

    /// What the model wants changed, or what is wrong with that.
    fn changes(&self, arguments: &serde_json::Value) -> Result<(String, Vec<Change>), String> {
        let Proposed { description, wanted } = tools::proposed(arguments)?;
        let changes = match wanted {
            Wanted::Files(changes) => changes,
            Wanted::Diff(diff) => diff::changes_of_diff(self.tree.files(), &diff)
                .map_err(|error| format!("diff: {error}"))?,
        };
        match tools::untested(&changes) {
            Some(wrong) => Err(wrong),
            None => Ok((description, changes)),
        }
    }

    fn not_taken(&mut self, wrong: String) -> String {
        let shown =
            format!("The edit was not taken. {}", self.marker.around("reason", cut(&wrong, SAID)));
        self.untaken = Some(wrong);
        shown
    }

    /// Takes note of an edit. Answers what its checks found when it failed.
    async fn tried(&mut self, id: EditId, position: u64) -> Result<Option<String>, CommandError> {
        let edit = self.editing.edits.load(&id).await?.aggregate;
        let status = edit.status().unwrap_or(Status::Proposed);
        self.newest = Some((id, status, position));
        if status != Status::Failed {
            return Ok(None);
        }
        let stream = StreamId::of::<Edit>(&id);
        let history = self.editing.journal.read_stream(&stream, Expected::New, 100).await?;
        let checks = history.into_iter().find_map(|recorded| match recorded.event {
            Event::Edit(_, EditEvent::ChecksFailed { checks }) => Some(checks),
            _ => None,
        });
        Ok(Some(self.found(&checks.unwrap_or_default())))
    }

    fn found(&self, checks: &[Check]) -> String {
        let mut text = String::new();
        let failed = checks.iter().filter(|check| !check.passed);
        let findings = failed.flat_map(|check| check.findings.iter().map(|it| (&check.name, it)));
        for (name, Finding { file, line, reason }) in findings.take(FINDINGS) {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            let _ = writeln!(text, "{name}: {file}{line}: {}", cut(reason, 1_000));
        }
        format!(
            "The checks of the edit failed. Mend this and propose the whole edit again.\n{}",
            self.marker.around("findings", &text)
        )
    }

    fn is_over(&self) -> bool {
        let stands = self.newest.is_some_and(|(_, status, _)| status != Status::Failed);
        stands || self.tries >= self.editing.suggesting.attempts
    }

    /// The first try is the request's own command, the others follow from it.
    fn cause_of_try(&self) -> Cause {
        match self.tries {
            0 => self.cause.clone(),
            before => self.cause.then(&format!("try {}", before + 1)),
        }
    }

    fn say(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.said.len() < SAID {
            let gap = if self.said.is_empty() { "" } else { "\n\n" };
            let said = format!("{gap}{text}");
            self.said.push_str(cut(&said, SAID - self.said.len()));
        }
    }

    fn end(self) -> Result<Suggested, CommandError> {
        let Some((edit, status, position)) = self.newest else {
            return Err(match self.untaken {
                Some(wrong) => {
                    let wrong = cut(&wrong, 500);
                    ModelError::BadAnswer(format!("its edit was not taken: {wrong}")).into()
                }
                None if self.said.is_empty() => {
                    ModelError::BadAnswer("it proposed nothing and said nothing".to_owned()).into()
                }
                None => declined(&self.said),
            });
        };
        Ok(Suggested {
            edit,
            status,
            attempts: self.tries,
            said: self.said,
            model: self.model,
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            position,
        })
    }
}

/// The model thinks that this should not be done.
fn declined(said: &str) -> CommandError {
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason: format!("the AI proposed nothing; it said: {}", cut(said, 1_000)),
        code: None,
        field: None,
        details: Some(serde_json::json!({ "ai": "declined" })),
    }))
}

fn cut_chars(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}
