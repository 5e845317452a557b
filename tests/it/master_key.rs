//! The master key: where it comes from, and how it is changed while a server runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::installation::{Installation, Running, word};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_changed_beside_a_server_and_the_old_one_opens_nothing() {
    let place = Installation::embedded();
    let running = place.start();
    say(&running, "before").await;
    let old = fs::read_to_string(place.file("master.key")).unwrap();
    let vain = place.run_in_vain(&["vault", "rotate-master-key", "--finish"]);
    assert!(vain.contains("begin without --finish"), "{vain}");

    let begun = place.run(&["vault", "rotate-master-key", "--json"]);
    let begun: Value = serde_json::from_str(begun.trim()).unwrap();
    let again = place.run(&["vault", "rotate-master-key", "--json"]);
    let again: Value = serde_json::from_str(again.trim()).unwrap();
    assert_eq!((&begun["next"], begun["finished"] == false), (&again["next"], true), "{again}");
    let next = fs::read_to_string(place.file("master.key.next")).unwrap();
    let mode = fs::metadata(place.file("master.key.next")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let doctor = place.run(&["doctor"]);
    assert!(doctor.contains("2 master keys open the vault"), "{doctor}");
    say(&running, "in between").await;

    place.run(&["vault", "rotate-master-key", "--finish"]);
    say(&running, "after").await;
    running.end();
    assert_eq!(fs::read_to_string(place.file("master.key")).unwrap(), next);
    assert_eq!(fs::read_to_string(place.file("master.key.old")).unwrap(), old);
    assert!(!place.file("master.key.next").exists());
    place.run(&["verify"]);
    let running = place.start();
    assert_eq!(told(&running).await, ["before", "in between", "after"]);
    running.end();

    fs::rename(place.file("master.key.old"), place.file("master.key")).unwrap();
    let refused = place.run_in_vain(&["log", "tail"]);
    assert!(refused.contains("sealed with another master key"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_may_come_from_a_variable_or_a_command() {
    let place = Installation::embedded();
    let running = place.start();
    say(&running, "hello").await;
    running.end();
    let (file, line) = (place.file("master.key"), fs::read_to_string(place.file("master.key")));
    let line = line.unwrap().trim().to_owned();
    let elsewhere = place.file("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();

    let place = place.set("PALIMPSEST_MASTER_KEY", &line);
    let doctor = place.run(&["doctor"]);
    assert!(doctor.contains("it comes from the variable PALIMPSEST_MASTER_KEY"), "{doctor}");
    let digits = line.rsplit(':').next().unwrap();
    assert!(!doctor.contains(&digits[..8]), "{doctor}");
    let place = place.set("PALIMPSEST_MASTER_KEY", "correct horse");
    let refused = place.run_in_vain(&["log", "tail"]);
    assert!(refused.contains("holds no master key") && !refused.contains("correct"), "{refused}");

    let command = format!("cat '{}'", elsewhere.display());
    let place = place.set("PALIMPSEST_MASTER_KEY__COMMAND", &command);
    let running = place.start();
    assert_eq!(told(&running).await, ["hello"]);
    // A change goes on until the command prints the next key.
    place.run(&["vault", "rotate-master-key"]);
    let still = place.run_in_vain(&["vault", "rotate-master-key", "--finish"]);
    assert!(still.contains("still gives another key"), "{still}");
    fs::copy(place.file("master.key.next"), &elsewhere).unwrap();
    place.run(&["vault", "rotate-master-key", "--finish"]);
    assert!(!place.file("master.key.next").exists() && !file.exists());
    say(&running, "still here").await;
    running.end();
    let doctor = place.run(&["doctor"]);
    assert!(doctor.contains("the command of the setting master_key.command"), "{doctor}");

    fs::copy(&elsewhere, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let sick = place.run_in_vain(&["doctor"]);
    assert!(sick.contains("bad   master key") && sick.contains("chmod 600"), "{sick}");
}

/// Ana says something to the bot over HTTP.
async fn say(running: &Running, text: &str) {
    let said = json!({ "message": text, "userId": "ana", "channelId": "c" });
    let request = running.request(Method::POST, "/conversational/message").json(&said);
    running.ask(request).await.expect("an answer");
}

/// What Ana said, as the read models show it.
async fn told(running: &Running) -> Vec<String> {
    let path = "/conversational/conversation/ana:c?limit=100";
    let page = running.ask(running.request(Method::GET, path)).await.expect("an answer");
    let messages = page["messages"].as_array().expect("a list");
    let by_user = messages.iter().filter(|it| word(it, "role") == "user");
    by_user.map(|it| word(it, "content").to_owned()).collect()
}
