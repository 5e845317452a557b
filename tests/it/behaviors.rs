//! What a behavior has to be before it can be approved.

use std::fs;
use std::path::Path;

use domain::identity::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/workspace");
    let mut files = Vec::new();
    for folder in ["behaviors", "policies", "prompts", "settings"] {
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let file = file.unwrap();
            let path = format!("{folder}/{}", file.file_name().to_str().unwrap());
            // An edit changes something, even where the same is live already.
            files.push((path, fs::read_to_string(file.path()).unwrap() + "\n"));
        }
    }
    let behaviors: Vec<_> =
        files.iter().filter(|(path, _)| path.starts_with("behaviors/")).collect();
    let scripts = behaviors.iter().filter(|(path, _)| !path.ends_with(".test.rhai"));
    assert!(scripts.clone().count() >= 12, "{files:?}");
    for (path, _) in scripts {
        let tests = path.replace(".rhai", ".test.rhai");
        let tests = behaviors.iter().find(|(path, _)| *path == tests);
        let (_, tests) = tests.unwrap_or_else(|| panic!("{path} has no tests"));
        assert!(tests.matches("() {").count() >= 3, "{path} has few tests");
    }
    for (scope, policies) in [("features", false), ("security", true)] {
        let files = files.iter().filter(|(path, _)| path.starts_with("policies/") == policies);
        let files: Vec<_> =
            files.map(|(path, content)| json!({ "path": path, "content": content })).collect();
        let edit = json!({ "scope": scope, "description": "as shipped", "files": files });
        let edit = door.post("/api/v1/self-editing/edits", edit).await;
        assert_eq!(edit.body["data"]["status"], "checked", "{}", edit.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_a_behavior_more_than_he_has() {
    let door = Door::open().await;
    let script = "behaviors/dice.rhai";
    let key = door.key(&[Permission::ProposeSelfEdit, Permission::ReadSelfEdit]).await;
    let propose_as = async |text: &str| {
        let files = json!([{ "path": script, "content": text }]);
        let body = json!({ "scope": "features", "description": "Dice", "files": files });
        let request = door.bare(Method::POST, "/api/v1/self-editing/edits").bearer_auth(&key);
        answered(request.json(&body)).await.body["data"].take()
    };
    assert_eq!(propose_as(DICE).await["status"], "checked");
    let wide = DICE.replace("[\"reply\"]", "[\"reply\", \"delete_messages\"]");
    let edit = propose_as(&wide).await;
    let found = finding(&edit, "powers");
    assert_eq!((&edit["status"], &found["line"]), (&json!("failed"), &json!(5)), "{edit}");
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("delete_messages (“Delete messages of others”)"), "{reason}");

    let edit = propose(&door, &[(script, Some(&wide))]).await;
    assert_eq!(edit["status"], "checked", "who may do everything may hand it on: {edit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_fit_their_schema_and_change_for_security_alone() {
    let door = Door::open().await;
    let schema = "entity User = { age: Long };\nentity Door;\n\
        action open appliesTo { principal: User, resource: Door };\n";
    let policy = "permit(principal, action, resource)\nwhen { principal.age > 17 };\n";
    let both = |scope: &str, policy: &str| {
        let files = json!([
            { "path": "policies/schema.cedarschema", "content": schema },
            { "path": "policies/doors.cedar", "content": policy },
        ]);
        json!({ "scope": scope, "description": "Doors", "files": files })
    };
    let edits = "/api/v1/self-editing/edits";
    let good = door.post(edits, both("security", policy)).await;
    assert_eq!(good.body["data"]["status"], "checked", "{}", good.text);

    let loose = door.post(edits, both("features", policy)).await;
    let found = finding(&loose.body["data"], "policies");
    assert!(found["reason"].as_str().unwrap().contains("scope security"), "{found}");

    let wrong = door.post(edits, both("security", &policy.replace("age", "height"))).await;
    let found = finding(&wrong.body["data"], "policies");
    assert_eq!((&found["file"], &found["line"]), (&json!("policies/doors.cedar"), &json!(2)));
    assert!(found["reason"].as_str().unwrap().contains("height"), "{found}");
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
