//! A person is erased: from then on nothing that is kept shows what he said or was called.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use adapters::sqlite_log::SqliteLog;
use adapters::{ChaCha20Poly1305, SystemClock};
use domain::kernel::{Codec, Journal};
use reqwest::Method;
use serde_json::{Value, json};
use tests::stage::Stage;
use tokio::time::timeout;

/// What he wrote and was called, and nobody else.
const MARKER: &str = "Marmalade7781";

const PASSWORD: &str = "Xk9#mQ2$vL7p-long";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_kept_shows_an_erased_person() {
    let stage = Stage::open().await;
    let user = live_a_life(&stage).await;
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("log.before.db");
    let log = rusqlite::Connection::open(stage.data().join("log.db")).unwrap();
    log.execute("VACUUM INTO ?1", [before.to_str().unwrap()]).unwrap();
    drop(log);
    // Or everything below would show nothing.
    assert!(shows(&stage.get("/audit/export").await.text));
    assert!(shows(&told_by(&stage, &before).await));
    assert!(stands_in(stage.data()), "the read models hold it in clear");

    let path = format!("/persons/user:{user}?reason=asked%20for");
    let erased = stage.ask(Method::DELETE, &path, None, &stage.key).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    let position: u64 = erased.header("x-event-position").parse().unwrap();
    let answers = [
        stage.get("/audit/export").await,
        stage.get("/events?limit=100").await,
        stage.get("/conversational/conversations?status=all").await,
        stage.get("/security/alerts").await,
        stage.get(&format!("/conversational/conversation/{user}:den?limit=100")).await,
    ];
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!shows(&answer.text), "{}", answer.text);
    }
    assert!(answers[4].text.contains("[erased]"), "{}", answers[4].text);
    assert!(!shows(&told_by(&stage, &before).await), "a copy of the log from before");

    // In the files as well, as soon as nobody reads an older state of the read models.
    let wiped = async {
        while stands_in(stage.data()) {
            stage.get("/views").await;
        }
    };
    timeout(Duration::from_secs(30), wiped).await.expect("the live generation is wiped");

    // The generation that was there, and one that is built anew.
    let replay = stage.post("/replays", json!({})).await;
    let replay = replay.body["data"]["replay_id"].as_str().expect(&replay.text).to_owned();
    loop {
        let progress = stage.get(&format!("/replays/{replay}")).await;
        match progress.body["data"]["status"].as_str() {
            Some("completed") => break,
            Some("running") => tokio::task::yield_now().await,
            _ => panic!("{}", progress.text),
        }
    }
    let data = stage.data().to_owned();
    for arguments in [&["log", "export"][..], &["log", "export", "--open"]] {
        let (ended, text) = palimpsest(&data, arguments);
        assert!(ended && text.lines().count() as u64 >= position, "{arguments:?}: {text}");
        assert!(!shows(&text), "{arguments:?}");
    }
    let (whole, verdict) = palimpsest(&data, &["verify"]);
    assert!(whole, "{verdict}");

    let keeps_the_folder = stage.again().await;
    keeps_the_folder.platform.shut_down("the test looks at the files").await;
    assert!(!stands_in(&data), "log, views, operational store, vault, uploads, logs");
}

/// He registers, speaks, fails to sign in and signs in; answers his id.
async fn live_a_life(stage: &Stage) -> String {
    let email = format!("{MARKER}@acme.example");
    let new = json!({ "email": email, "password": PASSWORD, "name": format!("{MARKER} Abela") });
    let registered = ask(stage, "/auth/register", &new).await;
    let user = registered["user"]["id"].as_str().expect("a user").to_owned();
    let wrong = json!({ "email": email, "password": "not this one at all" });
    assert_eq!(ask(stage, "/auth/login", &wrong).await["error"]["code"], "INVALID_CREDENTIALS");
    let right = json!({ "email": email, "password": PASSWORD });
    assert_eq!(ask(stage, "/auth/login", &right).await["token_type"], "Bearer");
    let long = format!("{MARKER} was here. ").repeat(100);
    for text in [format!("my name is {MARKER}"), long] {
        let said = json!({ "message": text, "userId": user, "channelId": "den" });
        let answered = stage.post("/conversational/message", said).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
    }
    user
}

/// A request of his own browser.
async fn ask(stage: &Stage, path: &str, body: &Value) -> Value {
    let url = stage.platform.url.as_deref().expect("a door");
    let request = reqwest::Client::new().post(format!("{url}/api/v1{path}")).json(body);
    let request = request.header("user-agent", format!("{MARKER}/1.0"));
    request.send().await.expect("an answer").json().await.expect("JSON")
}

/// Everything that a copy of the log tells whoever has the present vault.
async fn told_by(stage: &Stage, copy: &Path) -> String {
    let log = Arc::new(SqliteLog::open(copy).expect("the copy"));
    let vault = stage.platform.stores.vault.clone();
    let codec = Arc::new(Codec::new(vault, Arc::new(ChaCha20Poly1305)));
    let journal = Journal::new(log, codec, Arc::new(SystemClock));
    let (events, _) = journal.read_all(0, 10_000).await.expect("a readable log");
    format!("{events:?}")
}

fn shows(text: &str) -> bool {
    text.to_lowercase().contains(&MARKER.to_lowercase())
}

/// Whether a file below this folder holds the marker. Another process looks: SQLite loses its locks when
/// its own process closes one of its files by another way.
fn stands_in(folder: &Path) -> bool {
    let found = Command::new("grep").args(["-riqaF", MARKER]).arg(folder).output();
    found.expect("grep runs").status.success()
}

/// Runs the program beside the server; answers whether it went well, and its standard output.
fn palimpsest(data: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_platform"));
    let foreign = |name: &String| name.starts_with("PALIMPSEST_") || name.starts_with("DISCORD_");
    for name in std::env::vars().map(|(name, _)| name).filter(foreign) {
        command.env_remove(name);
    }
    command.args(arguments).env("PALIMPSEST_DATA_DIR", data).current_dir(data);
    let output = command.stdin(Stdio::null()).output().expect("the command runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}
