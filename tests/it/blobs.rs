//! Large files of the workspace: through the HTTP door, in both logs, and back.

use std::sync::Arc;

use adapters::jetstream_log::{JetStreamLog, Options};
use adapters::sqlite_log::SqliteLog;
use commands::Blobs;
use commands::self_editing::{Moment, Past, SelfEditing, WATCH_FOR};
use commands::transfer::{Importer, export};
use commands::verify::verify;
use domain::identity::Permission;
use domain::kernel::{ChainHash, EventLog};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use tests::embedded::Embedded;
use tests::services::{nats_monitor_url, nats_url};

use super::api_contexts::until;

const EDITS: &str = "/api/v1/self-editing/edits";

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_kept_once_and_go_every_way_of_small_ones() {
    let door = Door::open().await;
    // Two parts, and one more sign than an event holds itself.
    let (large, edge) = (text(250_000, "a"), text(65_537, "b"));
    let first = go_live(&door, &[("prompts/large.md", &large), ("prompts/edge.md", &edge)]).await;
    assert_eq!(parts(&door).await, 3);
    assert_eq!(file(&door, "prompts/large.md").await, large);
    assert_eq!(file(&door, "prompts/edge.md").await, edge);
    let kept = door.get("/api/v1/events?type=workspace.revised").await;
    let kept = kept.body["data"]["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(kept["data"]["changes"][0]["content"]["size"], 250_000);
    assert!(kept.to_string().len() < 2_000, "{kept}");

    // The same content again, under another name, adds nothing.
    go_live(&door, &[("prompts/again.md", &large)]).await;
    assert_eq!(parts(&door).await, 3);
    let changed = format!("{large}one more line\n");
    let second = go_live(&door, &[("prompts/large.md", &changed)]).await;
    assert_eq!(parts(&door).await, 5);
    let diff = second.body["data"]["diff"].as_str().unwrap();
    assert!(diff.len() < 2_000 && diff.contains("+one more line"), "{diff}");
    let lines = &second.body["data"]["changes"];
    assert_eq!((&lines["lines_added"], &lines["lines_removed"]), (&json!(1), &json!(0)));

    let at = first.body["data"]["applied_position"].as_u64().unwrap();
    let then = door.get(&format!("{}?at={at}", path_of("prompts/large.md"))).await;
    assert_eq!(then.body["data"]["content"], large);
    let back = json!({ "edit_id": second.body["data"]["id"], "reason": "too long" });
    let back = door.post("/api/v1/self-editing/rollback", back).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert_eq!(file(&door, "prompts/large.md").await, large);
    assert_eq!(parts(&door).await, 5);

    let begun = door.post("/api/v1/replays", json!({ "check": true })).await;
    let done = until(&door, begun.header("location"), |it| it["status"] != "running").await;
    assert_eq!(done["differences"], json!([]), "{done}");
    let shown = door.get(&format!("{EDITS}/{}", second.body["data"]["id"].as_str().unwrap())).await;
    assert_eq!(shown.body["data"]["diff"], second.body["data"]["diff"]);

    // Through an export into either log.
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteLog::open(folder.path().join("copy.db")).unwrap();
    let jetstream = JetStreamLog::connect(&nats_url(), a_place()).await.unwrap();
    for log in [Arc::new(sqlite) as Arc<dyn EventLog>, Arc::new(jetstream)] {
        copy(&**door.journal.log(), &*log).await;
        let home = tempfile::tempdir().unwrap();
        let there = Embedded::over(home.path(), log).await;
        let verdict = verify(&there.journal, &*there.vault, &[], |_| ()).await.unwrap();
        assert_eq!(verdict.streams, streams(&door).await);
        // The keys of people stayed in the vault.
        let gone = |it: &commands::verify::Fault| it.reason.contains("the key of a person is gone");
        assert!(verdict.faults.iter().all(gone), "{:?}", verdict.faults);
        let (tree, _) = self_editing(&there).workspace_at(Moment::Now).await.unwrap();
        assert_eq!(tree.file("prompts/large.md"), Some(large.as_str()));
        assert_eq!(tree.file("prompts/edge.md"), Some(edge.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_of_middling_size_make_an_edit() {
    let door = Door::open().await;
    let texts = (0..60).map(|n| (format!("prompts/{n}.md"), text(17_000, &n.to_string())));
    let texts: Vec<_> = texts.collect();
    let files: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    go_live(&door, &files).await;
    for (path, text) in &texts {
        assert_eq!(&file(&door, path).await, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_by_name() {
    let door = Door::open().await;
    let most = 256 * 1024;
    let cases = [
        (vec![text(most + 1, "a")], "files[0].content"),
        (vec!["é\n".repeat(100_000)], "files"),
        (vec!["\n".repeat(20_001)], "files"),
        ((0..5).map(|n| text(most, &n.to_string())).collect(), "files"),
        (vec!["x".to_owned(); 201], "files"),
        (vec!["a\0b".to_owned()], "files[0].content"),
    ];
    for (texts, field) in cases {
        let files: Vec<_> = (0..texts.len()).map(|n| format!("prompts/{n}.md")).collect();
        let files: Vec<_> = files.iter().zip(&texts).map(|it| (it.0.as_str(), &**it.1)).collect();
        let refused = propose(&door, &files).await;
        assert_eq!((refused.status, refused.fields()), (400, vec![field]), "{}", refused.text);
    }
    go_live(&door, &[("prompts/most.md", &text(most, "most"))]).await;
    let many: Vec<_> = (0..200).map(|n| format!("prompts/many/{n}.md")).collect();
    let many: Vec<_> = many.iter().map(|path| (path.as_str(), "x\n")).collect();
    go_live(&door, &many).await;
}

/// Lines of some length, all different.
fn text(size: usize, of: &str) -> String {
    let lines = (0..).map(|n| format!("line {n} of {of}{}\n", " and on".repeat(20)));
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        if text.len() >= size {
            break;
        }
    }
    text.truncate(size - 1);
    text.push('\n');
    text
}

async fn propose(door: &Door, files: &[(&str, &str)]) -> Answered {
    let files = files.iter().map(|(path, content)| json!({ "path": path, "content": content }));
    let files: Vec<Value> = files.collect();
    let body = json!({ "scope": "features", "description": "Say more", "files": files });
    door.post(EDITS, body).await
}

/// Proposed, approved by somebody else, and applied.
async fn go_live(door: &Door, files: &[(&str, &str)]) -> Answered {
    let proposed = propose(door, files).await;
    assert_eq!(proposed.body["data"]["status"], "checked", "{:.2000}", proposed.text);
    let path = proposed.header("location");
    let approve = door.bare(Method::POST, &format!("{path}/approve"));
    let approve = approve.bearer_auth(door.key(Permission::ALL).await).json(&json!({}));
    assert_eq!(answered(approve).await.status, 200);
    let applied = answered(door.request(Method::POST, &format!("{path}/apply"))).await;
    assert_eq!(applied.body["data"]["status"], "applied", "{:.2000}", applied.text);
    applied
}

/// How many parts of contents the log holds.
async fn parts(door: &Door) -> usize {
    let stored = door.get("/api/v1/events?type=blob.stored&limit=100").await;
    stored.body["data"]["events"].as_array().unwrap().len()
}

async fn streams(door: &Door) -> u64 {
    let (events, _) = door.journal.read_all(0, 10_000).await.unwrap();
    let streams: std::collections::BTreeSet<_> = events.into_iter().map(|it| it.stream).collect();
    streams.len() as u64
}

async fn file(door: &Door, path: &str) -> String {
    let found = door.get(&path_of(path)).await;
    found.body["data"]["content"].as_str().unwrap_or_default().to_owned()
}

fn path_of(path: &str) -> String {
    format!("/api/v1/self-editing/workspace/files/{path}")
}

async fn copy(from: &dyn EventLog, to: &dyn EventLog) {
    let mut lines = Vec::new();
    let keep = |line: &str, _| -> std::io::Result<()> {
        lines.push(line.to_owned());
        Ok(())
    };
    let (written, chain) = export(from, 0, ChainHash::default(), keep).await.unwrap();
    let mut importer = Importer::into(to).await.unwrap();
    for line in &lines {
        importer.take(line).await.unwrap();
    }
    assert_eq!(importer.finish().await.unwrap(), (written, chain));
}

/// A stream and subjects that no other test has.
fn a_place() -> Options {
    let own = uuid::Uuid::now_v7().simple().to_string();
    Options {
        stream: format!("BLOBS-{own}"),
        prefix: format!("blobs.{own}"),
        monitor: Some(nats_monitor_url()),
        ..Options::default()
    }
}

fn self_editing(there: &Embedded) -> SelfEditing {
    let executors = &there.executors;
    SelfEditing {
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
    }
}
