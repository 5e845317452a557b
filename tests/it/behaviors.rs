//! What a behavior has to be before it can be approved.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tests::doors::Door;

const DICE: &str = r#"/*
kind = "prefix_command"
name = "dice"
description = "Roll dice"
powers = ["reply"]
*/

fn run(event) {
    reply(`${event.user.name} rolls ${random(1, 6)}`)
}
"#;

const TESTS: &str = r#"fn names_who_rolls() {
    let said = when(#{ args: "" });
    check(said[0].text.contains("Ana rolls "));
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_approved_only_when_it_compiles_and_says_what_it_is() {
    let door = Door::open().await;
    let edit = propose(&door, &[("behaviors/dice.rhai", Some(DICE))]).await;
    assert_eq!(edit["status"], "checked", "{edit}");

    for (script, line, words) in [
        (DICE.replace("reply(", "reply(("), Some(10), "','"),
        (DICE.replace("fn run", "fn walk"), None, "run(event)"),
        (DICE.replace("\"reply\"", "\"rule\""), Some(5), "rule"),
        ("fn run(event) { }".to_owned(), Some(1), "block comment"),
    ] {
        let edit = propose(&door, &[("behaviors/dice.rhai", Some(&script))]).await;
        let finding = finding(&edit, "syntax");
        assert_eq!(edit["status"], "failed", "{edit}");
        assert_eq!(finding["line"].as_u64(), line, "{finding}");
        assert_eq!(finding["file"], "behaviors/dice.rhai");
        assert!(finding["reason"].as_str().unwrap().contains(words), "{finding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tests_of_a_behavior_hold_before_it_is_approved() {
    let door = Door::open().await;
    let (script, tests) = ("behaviors/dice.rhai", "behaviors/dice.test.rhai");
    let on = json!({ "auto_approve": true });
    door.post("/api/v1/self-editing/enable", on).await;
    let edit = propose(&door, &[(script, Some(DICE)), (tests, Some(TESTS))]).await;
    assert_eq!(edit["status"], "applied", "{edit}");

    let nameless = DICE.replace("${event.user.name}", "Somebody");
    let broken = propose(&door, &[(script, Some(&nameless))]).await;
    let finding = finding(&broken, "behavior_tests");
    assert_eq!((&finding["file"], &finding["line"]), (&json!(tests), &json!(3)));

    let hidden = propose(&door, &[(script, Some(&nameless)), (tests, None)]).await;
    let reason = self::finding(&hidden, "behavior_tests")["reason"].as_str().unwrap();
    assert!(reason.contains("names_who_rolls, a test that this edit takes away"), "{reason}");

    let both = TESTS.replace("Ana", "Somebody");
    let both = propose(&door, &[(script, Some(&nameless)), (tests, Some(&both))]).await;
    assert_eq!(both["status"], "applied", "{both}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspace_that_ships_passes_the_checks_of_an_edit() {
    let door = Door::open().await;
    let listed = door.get("/api/v1/self-editing/workspace").await;
    let listed = listed.body["data"]["files"].as_array().unwrap().clone();
    let mut files = Vec::new();
    for file in &listed {
        let path = file["path"].as_str().unwrap();
        let file = door.get(&format!("/api/v1/self-editing/workspace/files/{path}")).await;
        // An edit changes something.
        let content = format!("{}\n", file.body["data"]["content"].as_str().unwrap());
        files.push((path.to_owned(), content));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/workspace");
    let on_disk = ["behaviors", "prompts", "settings"].map(|it| fs::read_dir(folder.join(it)));
    let on_disk: usize = on_disk.into_iter().map(|it| it.unwrap().count()).sum();
    assert_eq!(files.len(), on_disk, "a file of app/workspace is not part of the seed");

    let behaviors: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(".rhai")).collect();
    let scripts = behaviors.iter().filter(|(path, _)| !path.ends_with(".test.rhai"));
    assert!(scripts.clone().count() >= 12, "{listed:?}");
    for (path, _) in scripts {
        let tests = path.replace(".rhai", ".test.rhai");
        let tests = behaviors.iter().find(|(path, _)| *path == tests);
        let (_, tests) = tests.unwrap_or_else(|| panic!("{path} has no tests"));
        assert!(tests.matches("() {").count() >= 3, "{path} has few tests");
    }
    let files: Vec<_> =
        files.iter().map(|(path, content)| (path.as_str(), Some(content.as_str()))).collect();
    let edit = propose(&door, &files).await;
    assert_eq!(edit["status"], "checked", "{edit}");
}

async fn propose(door: &Door, files: &[(&str, Option<&str>)]) -> Value {
    let file = |(path, content): &(&str, Option<&str>)| json!({ "path": path, "content": content });
    let files: Vec<_> = files.iter().map(file).collect();
    let body = json!({ "scope": "features", "description": "Dice", "files": files });
    let mut answer = door.post("/api/v1/self-editing/edits", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["data"].take()
}

fn finding<'a>(edit: &'a Value, check: &str) -> &'a Value {
    let checks = edit["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["name"] == check).unwrap();
    assert_eq!(check["status"], "failed", "{check}");
    &check["findings"][0]
}
