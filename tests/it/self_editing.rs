//! Edits that are cut off, stopped, or meet one another.

use std::sync::Arc;

use commands::ports::Caller;
use commands::self_editing::{
    CheckEdits, FinishEdits, Moment, Past, Proposal, Rollback, SelfEditing, Target, UnderWay,
    WATCH_FOR, Wanted, Word,
};
use commands::{Blobs, CommandError, Reactor};
use domain::behaviors::Power;
use domain::identity::{Permission, Permissions};
use domain::kernel::{Actor, Cause, EditId, Person, Personal, Recorded, Scope, Singleton, Source};
use domain::self_editing::{
    Approval, Change, Edit, EditCommand, KeptChange, NewEdit, RevisionKind, Status,
    WorkspaceCommand,
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use tests::embedded::Embedded;
use uuid::Uuid;

const EDITS: &str = "/api/v1/self-editing/edits";

#[tokio::test]
async fn an_edit_that_was_cut_off_knows_the_revision_it_made() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let first = approved(&editing, "prompts/first.md").await;
    revise(&editing, first, "prompts/first.md").await;
    let second = approved(&editing, "prompts/second.md").await;
    editing.apply(&somebody("cem"), second).await.unwrap();

    editing.apply(&somebody("cem"), first).await.unwrap();
    let edit = load(&editing, first).await;
    assert_eq!((edit.status(), edit.revision()), (Some(Status::Applied), Some(2)));

    let back = rollback(Target::Edit(first));
    let back = editing.roll_back(&somebody("cem"), back).await.unwrap();
    assert_eq!(back.revision, 4);
    let (tree, _) = editing.workspace_at(Moment::Now).await.unwrap();
    assert_eq!(
        (tree.file("prompts/first.md"), tree.file("prompts/second.md")),
        (None, Some("x\n"))
    );
}

#[tokio::test]
async fn what_went_live_is_not_rejected() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let id = approved(&editing, "prompts/a.md").await;
    revise(&editing, id, "prompts/a.md").await;
    editing.reject(&somebody("cem"), id, "no".into()).await.unwrap();
    let no = editing.apply(&somebody("cem"), id).await.unwrap_err();
    assert_eq!(
        no.to_string(),
        "the edit is rejected; only an edit that is approved can be applied"
    );

    FinishEdits(editing.clone()).react(&newest(&there, "workspace.revised").await).await.unwrap();
    let edit = load(&editing, id).await;
    assert_eq!((edit.status(), edit.revision()), (Some(Status::Applied), Some(2)));
}

#[tokio::test]
async fn an_edit_that_nobody_had_to_approve_goes_on_after_a_crash() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let id = proposed(&editing, "prompts/a.md").await;
    let by = Actor::system("auto_approve");
    let approval = Approval { by, comment: None, content_hash: None, alone: false };
    let approve = EditCommand::Approve(approval);
    editing.edits.execute(&id, approve, &somebody("auto").cause).await.unwrap();

    let (checks, approved) = (CheckEdits(editing.clone()), newest(&there, "edit.approved").await);
    assert!(checks.concerns(&approved));
    checks.react(&approved).await.unwrap();
    assert_eq!(load(&editing, id).await.status(), Some(Status::Applied));
}

#[tokio::test]
async fn a_rollback_that_was_cut_off_leaves_nothing_to_apply() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let edit = approved(&editing, "prompts/a.md").await;
    editing.apply(&somebody("cem"), edit).await.unwrap();

    let caller = somebody("cem");
    let left = EditId(caller.cause.command);
    let change = Change { path: "prompts/a.md".into(), content: None };
    let new = NewEdit {
        description: Personal::of(Person::operator(), "back".into()),
        author: caller.actor().clone(),
        scope: Scope::Features,
        kind: "rollback".into(),
        base_revision: 2,
        content_hash: "hash".into(),
        changes: vec![KeptChange::from(change)],
        author_powers: None,
        asked_by: None,
    };
    let propose = EditCommand::ProposeDecided(new);
    editing.edits.execute(&left, propose, &caller.cause).await.unwrap();
    let refused = editing.apply(&somebody("cem"), left).await.unwrap_err();
    assert!(refused.to_string().contains("roll back once more"), "{refused}");

    let done = editing.roll_back(&caller, rollback(Target::Edit(edit))).await.unwrap();
    assert_eq!(load(&editing, left).await.status(), Some(Status::Failed));
    assert_ne!(done.id, Some(left));
    assert_eq!(load(&editing, edit).await.status(), Some(Status::RolledBack));
    let again = editing.roll_back(&caller, rollback(Target::Edit(edit))).await.unwrap();
    assert_eq!((again.id, again.revision), (done.id, 3));
}

#[tokio::test]
async fn an_emergency_stops_what_is_under_way_and_takes_back_what_is_watched() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    // A process died right after this one went live.
    let cut_off = approved(&editing, "prompts/cut-off.md").await;
    revise(&editing, cut_off, "prompts/cut-off.md").await;
    let live = approved(&editing, "prompts/live.md").await;
    editing.apply(&somebody("cem"), live).await.unwrap();
    let (waits, ready) =
        (proposed(&editing, "prompts/a.md").await, approved(&editing, "prompts/b.md").await);

    let may = Permissions::of(&[Permission::ManageSelfEditing]);
    let caller = Caller { permissions: may, ..somebody("cem") };
    let known = UnderWay { edits: vec![cut_off, live, waits], position: 0 };
    editing.disable(&caller, "fire".into(), Some(known)).await.unwrap();
    let status = async |id| load(&editing, id).await.status();
    for taken_back in [live, cut_off] {
        assert_eq!(status(taken_back).await, Some(Status::RolledBack));
    }
    let (tree, _) = editing.workspace_at(Moment::Now).await.unwrap();
    assert_eq!(tree.files().len(), 1, "only the starting workspace is left");
    assert_eq!((status(waits).await, status(ready).await), (REJECTED, REJECTED));
    let refused = editing.apply(&somebody("cem"), ready).await.unwrap_err();
    assert!(
        matches!(refused, CommandError::Rejected(no) if no.code == Some("SELF_EDITING_DISABLED"))
    );
}

#[tokio::test]
async fn what_began_before_an_emergency_does_not_go_live_behind_its_back() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let id = approved(&editing, "prompts/late.md").await;
    let known = UnderWay { edits: vec![id], position: 0 };
    let caller = somebody("cem");
    editing.disable(&caller, "fire".into(), Some(known.clone())).await.unwrap();
    // Its commit was on its way all the time: it stands on what was live before.
    let late = try_to_revise(&editing, id, "prompts/late.md").await.unwrap_err();
    assert!(late.to_string().contains("at revision 2 by now, not 1"), "{late}");
    assert_eq!(load(&editing, id).await.status(), REJECTED);

    // The same request once more does nothing more.
    editing.disable(&caller, "fire".into(), Some(known)).await.unwrap();
    let (tree, _) = editing.workspace_at(Moment::Now).await.unwrap();
    assert_eq!((tree.revision(), tree.files().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_switch_self_editing_can_stop_everything() {
    let door = Door::open().await;
    let mut paths = Vec::new();
    for n in 0..3 {
        let files = json!([{ "path": format!("prompts/{n}.md"), "content": "x" }]);
        paths.push(propose(&door, files).await.header("location").to_owned());
    }
    let key = door.key(&[Permission::ManageSelfEditing]).await;
    let stop = door.bare(Method::POST, "/api/v1/self-editing/disable").bearer_auth(key);
    let stopped = stop.json(&json!({ "reason": "fire", "emergency": true }));
    let stopped = answered(stopped).await;
    assert_eq!((stopped.status, &stopped.body["data"]["active"]), (200, &json!(false)));
    for path in paths {
        let edit = door.get(&path).await;
        assert_eq!(edit.body["data"]["status"], "rejected", "{}", edit.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_live_while_self_editing_is_off() {
    let door = Door::open().await;
    let files = json!([{ "path": "prompts/a.md", "content": "x" }]);
    let path = propose(&door, files).await.header("location").to_owned();
    let off = json!({ "features": { "self_editing": { "enabled": false, "auto_approve": true } } });
    let off = door.put("/api/v1/config", off).await;
    assert_eq!(off.status, 200, "{}", off.text);

    let checked = door.post(&format!("{path}/check"), json!({})).await;
    assert_eq!(checked.body["data"]["status"], "checked", "{}", checked.text);
    assert_eq!(door.post("/api/v1/self-editing/enable", json!({})).await.status, 200);
    let applied = door.post(&format!("{path}/check"), json!({})).await;
    assert_eq!(applied.body["data"]["status"], "applied", "{}", applied.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_by_merging_does_not_go_live() {
    let door = Door::open().await;
    let path = "settings/a.toml";
    let text = |first: &str, last: &str| format!("{first}a = 1\nb = 2\nc = 3\nd = 4\n{last}");
    let file = |content: String| json!([{ "path": path, "content": content }]);
    assert_eq!(go_live(&door, &propose(&door, file(text("", ""))).await).await.status, 200);
    let one = propose(&door, file(text("", "x = 1\n"))).await;
    let other = propose(&door, file(text("x = 2\n", ""))).await;
    assert_eq!(go_live(&door, &one).await.status, 200);

    let refused = go_live(&door, &other).await;
    assert_eq!((refused.status, refused.code()), (409, "CONFLICT"), "{}", refused.text);
    let finding = &refused.body["error"]["details"]["findings"][0];
    assert_eq!((&finding["file"], &finding["line"]), (&json!(path), &json!(6)), "{finding}");
    // A refusal does not wait for the read models.
    let head = door.journal.log().head().await.unwrap();
    let look = door.request(Method::GET, other.header("location"));
    let edit = answered(look.header("x-min-position", head)).await;
    assert_eq!(edit.body["data"]["status"], "failed", "{}", edit.text);
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_does_not_go_live_twice() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let first = approved_change(&editing, behavior("behaviors/one.rhai")).await;
    let second = approved_change(&editing, behavior("behaviors/two.rhai")).await;
    editing.apply(&somebody("cem"), first).await.unwrap();
    let refused = editing.apply(&somebody("cem"), second).await.unwrap_err();
    assert!(refused.to_string().contains("fails the check syntax"), "{refused}");
    assert_eq!(load(&editing, second).await.status(), Some(Status::Failed));
}

#[tokio::test]
async fn what_was_live_already_when_it_was_checked_is_checked_once_it_is_not() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let strong = || {
        let Change { path, content } = behavior("behaviors/one.rhai");
        let content = content.map(|it| it.replace("powers = []", "powers = [\"reply\"]"));
        Change { path, content }
    };
    let ana = Caller { powers: [Power::Reply].into(), ..somebody("ana") };
    let (first, _) = editing.propose(&ana, proposal(vec![strong()], None)).await.unwrap();
    editing.approve(&somebody("ben"), first, Word::default()).await.unwrap();
    editing.apply(&somebody("ben"), first).await.unwrap();

    // Who may do nothing himself proposes it as well; there is nothing new in that, as yet.
    let both = proposal(vec![strong(), change("prompts/b.md")], Some(1));
    let (second, _) = editing.propose(&somebody("dan"), both).await.unwrap();
    editing.approve(&somebody("ben"), second, Word::default()).await.unwrap();
    editing.roll_back(&somebody("ben"), rollback(Target::Edit(first))).await.unwrap();
    let refused = editing.apply(&somebody("ben"), second).await.unwrap_err();
    assert!(refused.to_string().contains("fails the check powers"), "{refused}");
    assert_eq!(load(&editing, second).await.status(), Some(Status::Failed));
}

#[tokio::test]
async fn going_back_to_a_moment_takes_back_what_came_after_it() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    let kept = approved(&editing, "prompts/kept.md").await;
    editing.apply(&somebody("cem"), kept).await.unwrap();
    let gone = approved(&editing, "prompts/gone.md").await;
    editing.apply(&somebody("cem"), gone).await.unwrap();
    let back = rollback(Target::Moment(Moment::Revision(2)));
    let done = editing.roll_back(&somebody("cem"), back).await.unwrap();
    assert_eq!((done.revision, done.edit), (4, None));
    assert_eq!(load(&editing, kept).await.status(), Some(Status::Applied));
    assert_eq!(load(&editing, gone).await.status(), Some(Status::RolledBack));
}

const REJECTED: Option<Status> = Some(Status::Rejected);

async fn propose(door: &Door, files: Value) -> Answered {
    let body = json!({ "scope": "features", "description": "Say more", "files": files });
    let proposed = door.post(EDITS, body).await;
    assert_eq!(proposed.body["data"]["status"], "checked", "{}", proposed.text);
    proposed
}

/// Approved by somebody else, and applied.
async fn go_live(door: &Door, proposed: &Answered) -> Answered {
    let path = proposed.header("location");
    let approve = door.bare(Method::POST, &format!("{path}/approve"));
    let approve = approve.bearer_auth(door.key(Permission::ALL).await).json(&json!({}));
    assert_eq!(answered(approve).await.status, 200);
    answered(door.request(Method::POST, &format!("{path}/apply"))).await
}

pub(super) fn somebody(name: &str) -> Caller {
    let cause = Cause::asked(Actor::api_key(name), Uuid::now_v7(), Source::Api);
    Caller::new(cause, Permissions::all(), [].into())
}

pub(super) async fn seeded(there: &Embedded) -> SelfEditing {
    let executors = &there.executors;
    let editing = SelfEditing {
        access: Arc::new(tests::stand_ins::Nobody),
        blobs: Blobs::new(executors.blobs.clone(), there.journal.clone()),
        edits: executors.edits.clone(),
        journal: there.journal.clone(),
        past: Past::default(),
        policies: Arc::new(adapters::CedarPolicies),
        scripts: Arc::new(adapters::RhaiScripts::default()),
        settings: executors.settings.clone(),
        suggesting: commands::self_editing::Suggesting::default(),
        watch_for: WATCH_FOR,
        watches: executors.watches.clone(),
        workspace: executors.workspaces.clone(),
    };
    let file = Change { path: "prompts/hello.md".into(), content: Some("Hi\n".into()) };
    editing.seed(&somebody("seed").cause, vec![file]).await.unwrap();
    editing
}

async fn proposed(editing: &SelfEditing, path: &str) -> EditId {
    proposed_change(editing, change(path)).await
}

async fn proposed_change(editing: &SelfEditing, change: Change) -> EditId {
    editing.propose(&somebody("ana"), proposal(vec![change], None)).await.unwrap().0
}

fn proposal(files: Vec<Change>, base_revision: Option<u64>) -> Proposal {
    Proposal {
        scope: Scope::Features,
        kind: None,
        description: "Say more".into(),
        wanted: Wanted::Files(files),
        base_revision,
    }
}

async fn approved(editing: &SelfEditing, path: &str) -> EditId {
    approved_change(editing, change(path)).await
}

async fn approved_change(editing: &SelfEditing, change: Change) -> EditId {
    let id = proposed_change(editing, change).await;
    editing.approve(&somebody("ben"), id, Word::default()).await.unwrap();
    id
}

/// One that answers to the same name as the others.
fn behavior(path: &str) -> Change {
    let head = "kind = \"prefix_command\"\nname = \"dice\"\ndescription = \"Roll\"\npowers = []";
    Change { path: path.into(), content: Some(format!("/*\n{head}\n*/\nfn run(event) {{ }}\n")) }
}

/// What a process does that dies right after it changed the workspace.
async fn revise(editing: &SelfEditing, edit: EditId, path: &str) {
    try_to_revise(editing, edit, path).await.unwrap();
}

async fn try_to_revise(
    editing: &SelfEditing,
    edit: EditId,
    path: &str,
) -> Result<u64, CommandError> {
    let by = Actor::api_key("cem");
    let (kind, base) = (RevisionKind::Applied, 1);
    let changes = vec![KeptChange::from(change(path))];
    let revise = WorkspaceCommand::Revise { base, kind, edit, by, changes };
    let mut cause = somebody("cem").cause;
    cause.command = Uuid::new_v5(&edit.0, b"apply");
    Ok(editing.workspace.execute(&Singleton, revise, &cause).await?.position)
}

fn change(path: &str) -> Change {
    Change { path: path.into(), content: Some("x\n".into()) }
}

fn rollback(target: Target) -> Rollback {
    Rollback { target, reason: "too much".into(), force: false, preview: false }
}

async fn load(editing: &SelfEditing, id: EditId) -> Edit {
    editing.edits.load(&id).await.unwrap().aggregate
}

async fn newest(there: &Embedded, kind: &str) -> Recorded {
    let (events, _) = there.journal.read_all(0, 10_000).await.unwrap();
    events.into_iter().rfind(|it| it.event.type_name() == kind).unwrap()
}
