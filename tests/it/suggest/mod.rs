//! The AI writes edits: over both protocols, through the HTTP door.

mod limits;
mod outside;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use adapters::genai_models::{GenaiModel, Protocol, Provider};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::{RecentFault, RecentFaults};
use commands::self_editing::Suggesting;
use domain::identity::Permission;
use domain::kernel::Event;
use domain::self_editing::EditEvent;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use tests::simulators::ai::{AiSimulator, KEY, Said};

const BOTH: [Protocol; 2] = [Protocol::Anthropic, Protocol::OpenAi];
const SUGGEST: &str = "/api/v1/self-editing/suggest";
const DICE: &str = "behaviors/dice.rhai";
const DICE_TESTS: &str = "behaviors/dice.test.rhai";

const SCRIPT: &str = r#"/*
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
async fn a_good_suggestion_waits_for_a_person_whatever_the_settings_say() {
    for protocol in BOTH {
        let (ai, door) = open(protocol).await;
        approve_everything(&door).await;
        ai.says([
            Said::calls(
                "I look first. Größe zählt.",
                [
                    ("list_files", json!({})),
                    ("read_file", json!({ "path": "prompts/greeting.md" })),
                    ("read_file", json!({ "path": "../etc/passwd" })),
                ],
            ),
            Said::edit("Greets with more words", &[("prompts/greeting.md", Some("Good day\n"))]),
        ]);
        let wish = json!({ "wish": "make the greeting polite", "files": ["prompts/greeting.md"] });
        let key = door.key(&[Permission::ProposeSelfEdit]).await;
        let asked = door.bare(Method::POST, SUGGEST).bearer_auth(&key).json(&wish);
        let asked = answered(asked).await;
        assert_eq!(asked.status, 201, "{}", asked.text);
        let edit = &asked.body["data"];
        assert_eq!((&edit["status"], &edit["type"]), (&json!("checked"), &json!("suggestion")));
        let author = format!("{}/sim-1", protocol.word());
        assert_eq!(
            (&edit["author"]["kind"], &edit["author"]["id"]),
            (&json!("ai"), &json!(author))
        );
        let about = edit["description"].as_str().unwrap();
        assert!(about.contains("Greets with more words") && about.contains("polite"), "{about}");
        let how = &edit["suggestion"];
        assert_eq!((&how["attempts"], &how["model"]), (&json!(1), &json!("sim-1")));
        assert_eq!(how["said"], "I look first. Größe zählt.");
        assert!(how["tokens_in"].as_u64() > Some(1_000) && how["tokens_out"].as_u64() > Some(10));

        // What the model was told: the task, the reference, the wish and the file as material.
        let told: Vec<String> = ai.requests().iter().map(Value::to_string).collect();
        assert_eq!(told.len(), 2);
        for words in ["propose_edit", "`add_roles`", "make the greeting polite", "Hi", "<data-"] {
            assert!(told[0].contains(words), "{words}: {}", told[0]);
        }
        assert!(told[1].contains("There is no such file"), "{}", told[1]);

        // The trail says who asked.
        let id = edit["id"].as_str().unwrap();
        let trail = door.get(&format!("/api/v1/audit?target_id={id}")).await;
        let entries = trail.body["data"]["entries"].as_array().unwrap();
        let proposed = entries.iter().find(|it| it["action"] == "edit.proposed").unwrap();
        assert_eq!(proposed["actor"]["kind"], "api_key", "{proposed}");
        assert!(!entries.iter().any(|it| it["action"] == "edit.approved"), "{}", trail.text);

        let path = format!("/api/v1/self-editing/edits/{id}");
        let again = door.post(&format!("{path}/check"), json!({})).await;
        assert_eq!(again.body["data"]["status"], "checked", "{}", again.text);
        assert_eq!(door.post(&format!("{path}/approve"), json!({})).await.status, 200);
        let live = door.post(&format!("{path}/apply"), json!({})).await;
        assert_eq!(live.body["data"]["status"], "applied", "{}", live.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_checks_find_is_shown_to_the_model_which_tries_again() {
    for protocol in BOTH {
        let (ai, door) = open(protocol).await;
        go_live(&door, &[(DICE, SCRIPT), (DICE_TESTS, TESTS)]).await;
        let nameless = SCRIPT.replace("${event.user.name}", "Somebody");
        let twelve = SCRIPT.replace("random(1, 6)", "random(1, 12)");
        ai.says([
            Said::edit("Twelve sides", &[(DICE, Some(&twelve))]),
            Said::edit("Twelve sides", &[(DICE, Some(&nameless)), (DICE_TESTS, Some(TESTS))]),
            Said::edit("Twelve sides", &[(DICE, Some(&twelve)), (DICE_TESTS, Some(TESTS))]),
        ]);
        let asked = suggest(&door, "let the dice have twelve sides").await;
        let edit = &asked.body["data"];
        assert_eq!((asked.status, &edit["status"]), (201, &json!("checked")), "{}", asked.text);
        assert_eq!(edit["suggestion"]["attempts"], 3);
        let told: Vec<String> = ai.requests().iter().map(Value::to_string).collect();
        assert!(told[0].contains("names_who_rolls"), "the tests come with the behavior");
        assert!(told[1].contains("comes without its tests"), "{}", told[1]);
        assert!(told[2].contains("behavior_tests: behaviors/dice.test.rhai:3"), "{}", told[2]);

        // Each try is an edit of its own, and the failed one stays.
        let history = door.get("/api/v1/self-editing/history?type=suggestion").await;
        let edits = history.body["data"]["edits"].as_array().unwrap();
        let statuses: Vec<_> = edits.iter().map(|it| it["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["pending", "failed"], "{}", history.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_that_does_not_apply_is_told_to_the_model() {
    let (ai, door) = open(Protocol::OpenAi).await;
    let diff = |from: &str| {
        let diff = format!(
            "--- a/prompts/greeting.md\n+++ b/prompts/greeting.md\n@@ -1 +1 @@\n-{from}\n+Ho"
        );
        Said::calls("", [("propose_edit", json!({ "description": "Ho", "diff": diff }))])
    };
    ai.says([diff("He"), diff("Hi")]);
    let asked = suggest(&door, "say Ho").await;
    let edit = &asked.body["data"];
    assert_eq!((asked.status, &edit["status"]), (201, &json!("checked")), "{}", asked.text);
    assert!(edit["diff"].as_str().unwrap().contains("+Ho"), "{edit}");
    assert!(ai.requests()[1].to_string().contains("hunk 1 does not apply"));
    assert_eq!(proposals(&door).await, 1, "what does not apply is no edit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_behavior_that_keeps_failing_is_mended_once_a_day_where_that_is_allowed() {
    let (ai, provider) = provider(Protocol::Anthropic).await;
    let model = Arc::new(GenaiModel::new(provider).unwrap());
    let suggesting = |autonomy| Suggesting::new(model.clone(), Arc::new(Divided), 3, autonomy);
    let door = Door::open_suggesting(suggesting(true)).await;
    go_live(&door, &[(DICE, SCRIPT), (DICE_TESTS, TESTS)]).await;
    let tamed = SCRIPT.replace("random(1, 6)", "random(1, 4)");
    ai.says([Said::edit("Mended", &[(DICE, Some(&tamed)), (DICE_TESTS, Some(TESTS))])]);

    let mut forbidden = door.self_editing.clone();
    forbidden.suggesting = suggesting(false);
    assert_eq!(forbidden.suggest_mend(DICE, "it fails").await.unwrap(), None);
    let mended = door.self_editing.suggest_mend(DICE, "9 of 10 calls fail").await.unwrap().unwrap();
    assert_eq!(mended.status, domain::self_editing::Status::Checked);
    assert_eq!(door.self_editing.suggest_mend(DICE, "again").await.unwrap(), None);
    // A process that starts anew knows it from the log.
    let mut anew = door.self_editing.clone();
    anew.suggesting = suggesting(true);
    assert_eq!(anew.suggest_mend(DICE, "again").await.unwrap(), None);
    assert_eq!(ai.requests().len(), 1);
    let told = ai.requests()[0].to_string();
    assert!(told.contains("9 of 10 calls fail") && told.contains("Division by zero"), "{told}");
}

/// What went wrong lately.
struct Divided;

#[async_trait]
impl RecentFaults for Divided {
    async fn of(&self, path: &str) -> Result<Vec<RecentFault>, CommandError> {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let fault = RecentFault { at, line: Some(9), reason: "Division by zero".into(), count: 7 };
        Ok(if path == DICE { vec![fault] } else { Vec::new() })
    }
}

pub(super) async fn provider(protocol: Protocol) -> (AiSimulator, Provider) {
    let ai = AiSimulator::start().await;
    let provider = Provider {
        protocol,
        base_url: Some(ai.url().to_owned()),
        model: "sim-1".into(),
        api_key: KEY.into(),
        timeout: Duration::from_secs(30),
        max_output_tokens: 4_000,
    };
    (ai, provider)
}

async fn open(protocol: Protocol) -> (AiSimulator, Door) {
    let (ai, provider) = provider(protocol).await;
    (ai, door(provider).await)
}

async fn door(provider: Provider) -> Door {
    let model = Arc::new(GenaiModel::new(provider).unwrap());
    Door::open_suggesting(Suggesting::new(model, Arc::new(Divided), 3, false)).await
}

async fn suggest(door: &Door, wish: &str) -> Answered {
    door.post(SUGGEST, json!({ "wish": wish })).await
}

async fn approve_everything(door: &Door) {
    let on = door.post("/api/v1/self-editing/enable", json!({ "auto_approve": true })).await;
    assert_eq!(on.status, 200, "{}", on.text);
}

/// Files that a person wrote, live.
async fn go_live(door: &Door, files: &[(&str, &str)]) {
    approve_everything(door).await;
    let file = |(path, content): &(&str, &str)| json!({ "path": path, "content": content });
    let files: Vec<_> = files.iter().map(file).collect();
    let body = json!({ "scope": "features", "description": "Dice", "files": files });
    let edit = door.post("/api/v1/self-editing/edits", body).await;
    assert_eq!(edit.body["data"]["status"], "applied", "{}", edit.text);
}

/// How many edits were proposed by an AI.
async fn proposals(door: &Door) -> usize {
    let (events, _) = door.journal.read_all(0, 10_000).await.unwrap();
    let by_ai = events.iter().filter(|it| match &it.event {
        Event::Edit(_, EditEvent::Proposed { author, .. }) => author.kind.as_ref() == "ai",
        _ => false,
    });
    by_ai.count()
}
