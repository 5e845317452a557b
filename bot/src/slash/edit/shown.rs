//! How an edit is shown in a message: what it is, what its checks say, what it changes, what to
//! press.

use std::fmt::Write;

use commands::CommandError;
use commands::self_editing::{Extent, Moment, Told};
use domain::identity::Permission;
use domain::kernel::{
    Actor, ActorKind, EditId, Event, Expected, Personal, Recorded, Scope, StreamId,
};
use domain::self_editing::{Check, Edit, EditEvent, Status};

use super::Desk;
use super::pages::{beginning, fenced, first};
use crate::slash::{Button, Call, Card, Look, Reply};

/// How many characters each part of a message has at most; together less than 2000.
const HEAD: usize = 800;
const DIFF: usize = 700;
const REASON: usize = 200;

/// How many characters there are for all of it without the words around the diff.
const MOST: usize = 1_700;

/// How many events an edit has at most.
const EVENTS: usize = 1_000;

/// An edit as it stands.
pub(super) struct Shown {
    pub(super) id: EditId,
    pub(super) scope: Scope,
    pub(super) status: Status,
    pub(super) author: Option<Actor>,
    pub(super) description: String,
    /// Whose word it was at last, and which.
    pub(super) word: Option<String>,
    /// What its newest rehearsal showed.
    pub(super) rehearsed: Option<String>,
    /// What the watch saw, where that was harm.
    pub(super) watched: Option<String>,
    pub(super) base_revision: u64,
    pub(super) revision: Option<u64>,
    pub(super) content_hash: String,
    pub(super) checks: Vec<Check>,
    pub(super) extent: Extent,
    pub(super) diff: String,
}

impl Desk {
    /// An edit as its own history tells it.
    pub(super) async fn shown(&self, id: EditId) -> Result<Shown, CommandError> {
        let edit = self.existing(id).await?;
        let (base, _) = self.editing.workspace_at(Moment::Revision(edit.base_revision())).await?;
        let changes = self.editing.changes_of(&edit).await?;
        let stream = StreamId::of::<Edit>(&id);
        let history = self.editing.journal.read_stream(&stream, Expected::New, EVENTS).await?;
        let (mut description, mut checks, mut word) = (String::new(), Vec::new(), None);
        for recorded in history {
            word = said(&recorded).or(word);
            match recorded.event {
                Event::Edit(_, EditEvent::Proposed { description: it, .. }) => {
                    it.shown().clone_into(&mut description);
                }
                Event::Edit(
                    _,
                    EditEvent::ChecksFailed { checks: it } | EditEvent::ChecksPassed { checks: it },
                ) => checks = it,
                _ => {}
            }
        }
        let told = Told::aside(base.files().clone(), changes).await?;
        Ok(Shown {
            id,
            scope: edit.scope().unwrap_or(Scope::Features),
            status: edit.status().unwrap_or(Status::Proposed),
            author: edit.author().cloned(),
            description,
            word,
            rehearsed: self.rehearsed(id).await,
            watched: None,
            base_revision: edit.base_revision(),
            revision: edit.revision(),
            content_hash: edit.content_hash().to_owned(),
            checks,
            extent: told.changes,
            diff: told.diff,
        })
    }

    pub(super) async fn existing(&self, id: EditId) -> Result<Edit, CommandError> {
        let loaded = self.editing.edits.load(&id).await?;
        if loaded.version == 0 {
            return Err(CommandError::NotFound(format!("edit {id}")));
        }
        Ok(loaded.aggregate)
    }

    pub(super) async fn card(&self, id: EditId) -> Result<Card, CommandError> {
        Ok(self.shown(id).await?.card())
    }

    /// The edit as it is by now, when a button came too late: its message is brought up to date,
    /// and nothing is done.
    pub(super) async fn too_late(
        &self,
        call: &Call,
        id: EditId,
        in_time: &[Status],
    ) -> Result<Option<Reply>, CommandError> {
        let status = self.existing(id).await?.status();
        if !call.pressed || status.is_some_and(|it| in_time.contains(&it)) {
            return Ok(None);
        }
        call.caller.require(Permission::ReadSelfEdit)?;
        Ok(Some(Reply::Replaced(self.card(id).await?)))
    }
}

impl Shown {
    pub(super) fn card(&self) -> Card {
        Card { text: self.text(), buttons: self.buttons(), private: false }
    }

    fn text(&self) -> String {
        let Self { id, scope, status, .. } = self;
        let mut text = format!("Edit `{id}` ({}) is {}", scope.as_ref(), words(*status));
        if let (Status::Applied, Some(revision)) = (status, self.revision) {
            let _ = write!(text, ", live as revision {revision}");
        }
        let by = self.author.as_ref().map(|it| format!(" By {}", mention(it))).unwrap_or_default();
        let _ = write!(text, ".{by}: {}", beginning(&self.description, REASON));
        if let Some(word) = &self.word {
            let _ = write!(text, "\n{word}");
        }
        if let Some(rehearsed) = &self.rehearsed {
            let _ = write!(text, "\n{rehearsed}");
        }
        if let Some(watched) = &self.watched {
            let _ = write!(text, "\n{watched}");
        }
        self.tell_checks(&mut text);
        let room = MOST.saturating_sub(text.chars().count());
        let (diff, left) = first(&self.diff, DIFF.min(room));
        if !diff.is_empty() {
            let _ = write!(text, "\n{}", fenced(&diff));
        }
        if left > 0 {
            let lines = if left == 1 { "line" } else { "lines" };
            let _ = write!(text, "\n… {left} more {lines}, `/edit show id:{id} page:1`");
        }
        let Extent { files_modified, lines_added, lines_removed } = self.extent;
        let files = if files_modified == 1 { "file" } else { "files" };
        let _ = write!(
            text,
            "\n-# {files_modified} {files}, +{lines_added} −{lines_removed}, on revision {}",
            self.base_revision
        );
        if let Status::Failed = status {
            text.push_str(" · please mend what was found and propose it again");
        }
        text
    }

    /// As many findings as fit.
    fn tell_checks(&self, text: &mut String) {
        if self.checks.is_empty() {
            return;
        }
        let sign = |check: &Check| if check.passed { "✓" } else { "✗" };
        let checks: Vec<_> =
            self.checks.iter().map(|it| format!("{} {}", sign(it), it.name)).collect();
        let _ = write!(text, "\n{}", beginning(&checks.join(" · "), 300));
        let mut left = 0;
        for finding in self.checks.iter().flat_map(|check| &check.findings) {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let reason = beginning(&finding.reason, REASON);
            let told = match finding.file.as_str() {
                "" => format!("\n- {reason}"),
                file => format!("\n- `{file}{line}` {reason}"),
            };
            if left > 0 || text.chars().count() + told.chars().count() > HEAD {
                left += 1;
            } else {
                text.push_str(&told);
            }
        }
        if left > 0 {
            let _ = write!(text, "\n- and {left} more");
        }
    }

    fn buttons(&self) -> Vec<Button> {
        let id = || ("id", self.id.0.simple().to_string());
        let button = |command, label: &'static str, look| {
            let label = label.into();
            Button { command, carried: vec![id()], label, look }
        };
        let approve = |label: &'static str, apply: bool| {
            let hash = self.content_hash.chars().take(super::approve::BOUND).collect();
            let carried = vec![id(), ("hash", hash), ("apply", apply.to_string())];
            let (command, label) = (super::approve::PATH, label.into());
            Button { command, carried, label, look: Look::Success }
        };
        let reject = || button(super::reject::PATH, "Reject", Look::Danger);
        let mut buttons = match self.status {
            Status::Proposed => {
                vec![button(super::check::PATH, "Check again", Look::Plain), reject()]
            }
            Status::Checked => {
                vec![approve("Approve", false), approve("Approve and apply", true), reject()]
            }
            Status::Approved => vec![button(super::apply::PATH, "Apply", Look::Success), reject()],
            // The starting workspace stays.
            Status::Applied if self.revision.is_some_and(|it| it > 1) => {
                vec![button(super::rollback::PATH, "Roll back", Look::Danger)]
            }
            Status::Applied | Status::Failed | Status::Rejected | Status::RolledBack => vec![],
        };
        let mut show = button(super::show::PATH, "Show diff", Look::Plain);
        show.carried.push(("page", "1".to_owned()));
        buttons.push(show);
        buttons
    }
}

/// What somebody did to an edit, in a sentence.
fn said(recorded: &Recorded) -> Option<String> {
    let Event::Edit(_, event) = &recorded.event else { return None };
    let with = |what: &str, by: &Actor, why: Option<&str>| {
        let why = why.map(|why| format!(": {}", beginning(why, REASON))).unwrap_or_default();
        Some(format!("{what} by {}{why}", mention(by)))
    };
    match event {
        EditEvent::Approved { by, comment, .. } => {
            with("Approved", by, comment.as_ref().map(Personal::shown))
        }
        EditEvent::Failed { reason } => Some(format!("Failed: {}", beginning(reason, REASON))),
        EditEvent::Rejected { by, reason } => with("Rejected", by, Some(reason.shown())),
        EditEvent::RolledBack { by } => Some(format!("Rolled back by edit `{by}`")),
        EditEvent::Applied { .. }
        | EditEvent::ChecksFailed { .. }
        | EditEvent::ChecksPassed { .. }
        | EditEvent::Proposed { .. } => None,
    }
}

/// A person or a machine; nobody is pinged by it.
pub(super) fn mention(actor: &Actor) -> String {
    match actor.kind {
        ActorKind::Discord => format!("<@{}>", actor.id),
        ActorKind::Ai => format!("the AI {}", actor.id),
        ActorKind::ApiKey => format!("the API key {}", actor.id),
        ActorKind::System => format!("the platform ({})", actor.id),
        ActorKind::User => format!("the user {}", actor.id),
    }
}

pub(super) fn words(status: Status) -> String {
    status.word().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use domain::self_editing::Finding;

    use super::*;
    use crate::slash::custom_id;

    #[test]
    fn an_edit_with_everything_fits_into_one_message() {
        let finding = |n: u32| Finding {
            file: format!("behaviors/{}.rhai", "x".repeat(180)),
            line: Some(n),
            reason: "something is wrong here, ".repeat(50),
        };
        let findings: Vec<_> = (0..40).map(finding).collect();
        let check = Check { name: "syntax".into(), passed: false, findings };
        let edit = Shown {
            description: "what it is good for ".repeat(100),
            rehearsed: Some("Rehearsed ".repeat(20)),
            watched: Some("The watch ".repeat(50)),
            word: Some("Rejected by <@123456789012345678>: ".to_owned() + &"no ".repeat(66)),
            checks: vec![check; 12],
            diff: "+ a line of a file\n".repeat(500) + "+```\n",
            ..shown(Status::Checked)
        };
        let text = edit.card().text;
        assert!(text.chars().count() < 2_000, "{}", text.chars().count());
        assert!(text.contains("✗ syntax") && text.contains("more lines, `/edit show"), "{text}");
        assert!(text.contains("and 4") && text.matches("```").count() == 2, "{text}");
    }

    #[test]
    fn buttons_fit_and_an_approval_is_bound_to_the_content() {
        for status in [
            Status::Applied,
            Status::Approved,
            Status::Checked,
            Status::Failed,
            Status::Proposed,
            Status::Rejected,
            Status::RolledBack,
        ] {
            let buttons = shown(status).card().buttons;
            assert!(buttons.len() <= 5);
            for Button { command, carried, .. } in buttons {
                let id = custom_id(command, &carried);
                assert!(id.len() <= 100, "{id}");
                let bound = command == super::super::approve::PATH;
                assert_eq!(id.contains(&format!("hash={}", "ab".repeat(16))), bound, "{id}");
            }
        }
    }

    fn shown(status: Status) -> Shown {
        Shown {
            id: EditId(uuid::Uuid::nil()),
            scope: Scope::Features,
            status,
            author: Some(Actor::discord(123_456_789_012_345_678_u64)),
            description: String::new(),
            word: None,
            rehearsed: None,
            watched: None,
            base_revision: 1,
            revision: Some(2),
            content_hash: "ab".repeat(32),
            checks: vec![],
            extent: Extent::default(),
            diff: String::new(),
        }
    }
}
