//! The workspace as a git repository: what it shows, and what it survives.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapters::GitMirror;
use commands::ports::{Caller, Execute as _, Mirror as _};
use commands::self_editing::{FillMirror, Proposal, Rollback, SelfEditing, Target, Wanted, Word};
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, EditId, Person, PersonCommand, Personal, Scope, Source};
use domain::self_editing::{Change, EditCommand, NewEdit};
use git2::Repository;
use reqwest::Method;
use serde_json::json;
use tests::embedded::Embedded;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::installation::Installation;
use crate::self_editing::seeded;

const FILE: &str = "prompts/hello.md";

#[tokio::test(flavor = "multi_thread")]
async fn each_applied_edit_is_a_commit_with_author_reason_and_id() {
    let (there, folder) = Embedded::start().await;
    let (editing, at) = (seeded(&there).await, folder.path().join("workspace"));
    let first = go_live(&editing, "Say more\n\nPosition: 7", &[(FILE, Some("Hi\nAna\n"))]).await;
    let new = ("prompts/deep/new.md", Some("new\n"));
    let second =
        go_live(&editing, "Ask back", &[(FILE, Some("Hi\nAna\nHow are you?\n")), new]).await;
    let back = Rollback {
        target: Target::Edit(second),
        reason: "too much".into(),
        force: false,
        preview: false,
    };
    editing.roll_back(&who("ben"), back).await.unwrap();
    follow(&editing, &at, 4).await;

    let shown = commits(&at);
    let reasons: Vec<_> = shown.iter().map(|it| it.lines().nth(1).unwrap()).collect();
    assert_eq!(reasons, ["The starting workspace.", "Say more", "Ask back", "too much"]);
    assert!(shown[1].starts_with("discord:7 <discord-7@palimpsest.invalid>"), "{}", shown[1]);
    assert!(shown[1].contains(&format!("Edit-Id: {first}\n")), "{}", shown[1]);
    assert!(shown[3].contains(&format!("Rollback-Of: {second}\n")), "{}", shown[3]);
    assert!(shown[3].contains("Revision: 4\n"), "{}", shown[3]);
    assert_eq!(read(&at, FILE), "Hi\nAna\n");
    assert!(!at.join("prompts/deep/new.md").exists());

    let repository = Repository::open(&at).unwrap();
    let blame = repository.blame_file(Path::new(FILE), None).unwrap();
    let author = |line| blame.get_line(line).unwrap().final_commit_id();
    let tip = repository.head().unwrap().peel_to_commit().unwrap();
    let said_more = tip.parent(0).unwrap().parent(0).unwrap();
    assert_eq!(author(2), said_more.id());
    let diff =
        repository.diff_tree_to_workdir_with_index(Some(&tip.tree().unwrap()), None).unwrap();
    assert_eq!(diff.deltas().len(), 0, "the folder is what the newest commit says");

    // From nothing but the log, to the same ids.
    let again = folder.path().join("again");
    follow(&editing, &again, 4).await;
    assert_eq!(newest(&again), newest(&at));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_mended_where_it_was_cut_off_or_changed() {
    let (there, folder) = Embedded::start().await;
    let (editing, at) = (seeded(&there).await, folder.path().join("workspace"));
    follow(&editing, &at, 1).await;
    let first = newest(&at);

    // A process was killed in the middle, and somebody worked in the folder.
    std::fs::write(at.join(".git/refs/heads/main.lock"), "").unwrap();
    std::fs::write(at.join(".git/index.lock"), "").unwrap();
    std::fs::write(at.join(".git/HEAD"), "nonsense").unwrap();
    std::fs::write(at.join(FILE), "by hand").unwrap();
    std::fs::write(at.join("note.txt"), "mine").unwrap();
    go_live(&editing, "Say more", &[("prompts/new.md", Some("x\n"))]).await;
    follow(&editing, &at, 2).await;
    assert_eq!((read(&at, FILE), read(&at, "note.txt")), ("Hi\n".into(), "mine".into()));
    let parent = |at: &Path| {
        let repository = Repository::open(at).unwrap();
        repository.find_commit(newest(at)).unwrap().parent_id(0).unwrap()
    };
    assert_eq!(parent(&at), first);
    let second = newest(&at);

    // What cannot be read is written anew.
    for broken in [".git/refs/heads/main", ".git/palimpsest"] {
        std::fs::write(at.join(broken), "nonsense").unwrap();
        follow(&editing, &at, 2).await;
        assert_eq!(newest(&at), second, "{broken}");
    }

    // What is somebody else's stays as it is.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.txt"), "years of work").unwrap();
    let refused = GitMirror::new(&other).clear().unwrap_err().to_string();
    assert!(refused.contains("holds something else"), "{refused}");
    assert!(!other.join(".git").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_an_erased_person_are_gone_from_the_repository() {
    let (there, folder) = Embedded::start().await;
    let (editing, at) = (seeded(&there).await, folder.path().join("workspace"));
    go_live(&editing, "my cat is called Mimi", &[(FILE, Some("Miau\n"))]).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(fill(&editing, &at).run(stop.clone()));
    until(&at, 2).await;
    let old = newest(&at);
    assert!(holds(&at, "Mimi"));

    let ana = Person::discord(7);
    there.journal.codec().erase(&ana).await.unwrap();
    let erase = PersonCommand::Erase { keys: 1, reason: "asked".into() };
    there.executors.people.execute(&ana, erase, &who("ben").cause).await.unwrap();
    eventually(|| commits(&at).last().is_some_and(|it| it.contains("[erased]"))).await;
    until(&at, 2).await;
    assert!(Repository::open(&at).unwrap().find_commit(old).is_err(), "old objects are gone");
    assert!(!holds(&at, "Mimi"), "neither in an object nor in what git notes besides");
    let shown = commits(&at);
    assert!(shown[0].contains("\nThe starting workspace.\n"), "{shown:?}");
    assert!(shown[1].starts_with("discord:7 "), "who it was is no name: {shown:?}");
    assert_eq!(read(&at, FILE), "Miau\n");

    // It goes on from there.
    go_live(&editing, "again", &[(FILE, Some("Wau\n"))]).await;
    until(&at, 3).await;
    stop.cancel();
    running.await.unwrap();
    let there = commits(&at);
    assert_eq!((there.len(), &there[..2]), (3, &shown[..]), "what was written stays as it is");
    assert_eq!(read(&at, FILE), "Wau\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_who_asked_an_ai_are_gone_with_him() {
    let (there, folder) = Embedded::start().await;
    let (editing, at) = (seeded(&there).await, folder.path().join("workspace"));
    let ana = Person::discord(7);
    let id = EditId(Uuid::now_v7());
    let new = NewEdit {
        author: Actor::ai("a/b"),
        scope: Scope::Features,
        kind: "suggestion".into(),
        description: Personal::of(ana.clone(), "Asked for: greet my cat Mimi".into()),
        base_revision: 1,
        changes: vec![Change { path: FILE.into(), content: Some("Miau\n".into()) }.into()],
        content_hash: "hash".into(),
        author_powers: None,
        asked_by: Some(Actor::discord(7)),
    };
    for command in [EditCommand::Propose(new), EditCommand::RecordChecks { checks: vec![] }] {
        editing.edits.execute(&id, command, &who("ana").cause).await.unwrap();
    }
    editing.approve(&who("ben"), id, Word::default()).await.unwrap();
    editing.apply(&who("ben"), id).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(fill(&editing, &at).run(stop.clone()));
    until(&at, 2).await;
    let shown = commits(&at);
    assert!(shown[1].contains("Mimi") && shown[1].contains("\nWords-Of: discord:7\n"), "{shown:?}");

    there.journal.codec().erase(&ana).await.unwrap();
    let erase = PersonCommand::Erase { keys: 1, reason: "asked".into() };
    there.executors.people.execute(&ana, erase, &who("ben").cause).await.unwrap();
    eventually(|| commits(&at).last().is_some_and(|it| it.contains("[erased]"))).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_keeps_the_mirror_and_the_doctor_looks_at_it() {
    let place = Installation::embedded();
    let at = place.file("workspace");
    for after in [200, 500, 900] {
        place.start_and_kill(Duration::from_millis(after));
    }
    let running = place.start();
    until(&at, 1).await;
    let body = json!({ "auto_approve": true });
    running.ask(running.request(Method::POST, "/self-editing/enable").json(&body)).await.unwrap();
    let files = json!([{ "path": FILE, "content": "Hello\n" }]);
    let body = json!({ "scope": "features", "description": "Greet", "files": files });
    running.ask(running.request(Method::POST, "/self-editing/edits").json(&body)).await.unwrap();
    running.kill();

    let running = place.start();
    until(&at, 2).await;
    assert_eq!(read(&at, FILE), "Hello\n");
    assert!(commits(&at)[1].contains("\nGreet\n"));
    let said = place.run(&["doctor"]);
    assert!(said.contains("shows revision 2"), "{said}");
    running.end();
    assert!(!place.logged("the mirror stands still"), "{}", place.log_text());
}

/// Follows the log until the mirror shows this revision.
async fn follow(editing: &SelfEditing, at: &Path, revision: u64) {
    let stop = CancellationToken::new();
    let running = tokio::spawn(fill(editing, at).run(stop.clone()));
    until(at, revision).await;
    stop.cancel();
    running.await.unwrap();
}

fn fill(editing: &SelfEditing, at: &Path) -> FillMirror {
    FillMirror { mirror: Arc::new(GitMirror::new(at)), self_editing: editing.clone() }
}

/// Until it shows this revision, and has noted so.
async fn until(at: &Path, revision: u64) {
    let mirror = GitMirror::new(at);
    let shows = || {
        let looked = mirror.look().ok().flatten();
        looked.is_some_and(|(it, considered)| it.revision == revision && considered >= it.position)
    };
    eventually(shows).await;
}

async fn eventually(holds: impl Fn() -> bool) {
    let wait = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !holds() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it ends in time");
}

async fn go_live(editing: &SelfEditing, reason: &str, files: &[(&str, Option<&str>)]) -> EditId {
    let change = |(path, text): &(&str, Option<&str>)| Change {
        path: (*path).to_owned(),
        content: text.map(ToOwned::to_owned),
    };
    let proposal = Proposal {
        scope: Scope::Features,
        kind: None,
        description: reason.into(),
        wanted: Wanted::Files(files.iter().map(change).collect()),
        base_revision: None,
    };
    let cause = Cause::asked(Actor::discord(7), Uuid::now_v7(), Source::Discord);
    let ana = Caller::new(cause, Permissions::all(), [].into());
    let (id, _) = editing.propose(&ana, proposal).await.unwrap();
    editing.approve(&who("ben"), id, Word::default()).await.unwrap();
    editing.apply(&who("ben"), id).await.unwrap();
    id
}

fn who(name: &str) -> Caller {
    let cause = Cause::asked(Actor::api_key(name), Uuid::now_v7(), Source::Api);
    Caller::new(cause, Permissions::all(), [].into())
}

fn newest(at: &Path) -> git2::Oid {
    let repository = Repository::open(at).unwrap();
    repository.head().unwrap().peel_to_commit().unwrap().id()
}

/// Author and message of each commit, the oldest first; none while it is written anew.
fn commits(at: &Path) -> Vec<String> {
    let read = || -> Result<Vec<String>, git2::Error> {
        let repository = Repository::open(at)?;
        let mut next = Some(repository.head()?.peel_to_commit()?);
        let mut all = Vec::new();
        while let Some(it) = next {
            all.push(format!("{}\n{}", it.author(), it.message().unwrap_or_default()));
            next = it.parents().next();
        }
        all.reverse();
        Ok(all)
    };
    read().unwrap_or_default()
}

/// Whether a word stands in any object of the repository, or in its log of what became of branches.
fn holds(at: &Path, word: &str) -> bool {
    let repository = Repository::open(at).unwrap();
    let objects = repository.odb().unwrap();
    let logs = [".git/logs/HEAD", ".git/logs/refs/heads/main"];
    let noted = |it: &str| std::fs::read_to_string(at.join(it)).unwrap_or_default();
    let mut found = logs.iter().any(|it| noted(it).contains(word));
    let look = |id: &git2::Oid| {
        let object = objects.read(*id).unwrap();
        found |= String::from_utf8_lossy(object.data()).contains(word);
        true
    };
    objects.foreach(look).unwrap();
    found
}

fn read(at: &Path, file: &str) -> String {
    std::fs::read_to_string(at.join(file)).unwrap()
}
