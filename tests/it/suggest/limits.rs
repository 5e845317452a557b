//! What the AI may not do, and how often it may try.

use adapters::genai_models::Protocol;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};
use tests::simulators::ai::Said;

use super::{DICE, DICE_TESTS, SCRIPT, SUGGEST, TESTS, go_live, open, proposals, suggest};

#[tokio::test(flavor = "multi_thread")]
async fn powers_are_never_widened() {
    let (ai, door) = open(Protocol::OpenAi).await;
    go_live(&door, &[(DICE, SCRIPT), (DICE_TESTS, TESTS)]).await;
    let strong = SCRIPT.replace("[\"reply\"]", "[\"reply\", \"delete_messages\"]");
    let (coin, coin_tests) = ("behaviors/coin.rhai", "behaviors/coin.test.rhai");
    let new = strong.replace("\"dice\"", "\"coin\"");
    ai.says([
        Said::edit("Stronger", &[(DICE, Some(&strong)), (DICE_TESTS, Some(TESTS))]),
        Said::edit("New", &[(coin, Some(&new)), (coin_tests, Some(TESTS))]),
        Said::edit(
            "Policy",
            &[("policies/all.cedar", Some("permit (principal, action, resource);\n"))],
        ),
    ]);
    let asked = suggest(&door, "let the dice delete messages").await;
    let edit = &asked.body["data"];
    assert_eq!((asked.status, &edit["status"]), (201, &json!("failed")), "{}", asked.text);
    assert_eq!(edit["suggestion"]["attempts"], 3);
    assert!(finding(edit, "powers").contains("policies"), "{edit}");
    let told = ai.requests();
    assert_eq!(told.len(), 3, "no try is left");
    assert!(told[1].to_string().contains("the power delete_messages (Delete messages of others)"));
    assert!(told[2].to_string().contains("may only reply and react"), "{}", told[2]);
    assert_eq!(proposals(&door).await, 3);

    // A person may.
    go_live(&door, &[(DICE, &strong)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_has_to_be_allowed_to_and_self_editing_has_to_be_open() {
    let (ai, door) = open(Protocol::Anthropic).await;
    let key = door.key(&[]).await;
    let poor = door.bare(Method::POST, SUGGEST).bearer_auth(key).json(&json!({ "wish": "x" }));
    assert_eq!(answered(poor).await.status, 403);
    for body in [
        json!({ "wish": "" }),
        json!({ "wish": " " }),
        json!({ "wish": "x".repeat(2_001) }),
        json!({ "wish": "x", "scope": "all" }),
        json!({ "wish": "x", "files": ["prompts/nowhere.md"] }),
        json!({ "wish": "x", "files": vec!["prompts/greeting.md"; 21] }),
    ] {
        let refused = door.post(SUGGEST, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (400, "INVALID_REQUEST"), "{body}");
    }
    let only = json!({ "scope": ["performance"] });
    assert_eq!(door.post("/api/v1/self-editing/enable", only).await.status, 200);
    let closed = suggest(&door, "x").await;
    assert_eq!((closed.status, closed.code()), (400, "SELF_EDITING_DISABLED"), "{}", closed.text);
    assert_eq!(ai.requests(), Vec::<Value>::new(), "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_suggestion_is_written_at_a_time_for_each_caller() {
    let (ai, door) = open(Protocol::Anthropic).await;
    ai.says([Said::Hangs, Said::edit("Other", &[("prompts/greeting.md", Some("Ho\n"))])]);
    let first = door.request(Method::POST, SUGGEST).json(&json!({ "wish": "wait" }));
    let first = tokio::spawn(answered(first));
    ai.asked(1).await;
    let second = suggest(&door, "now").await;
    assert_eq!((second.status, second.code()), (409, "CONFLICT"), "{}", second.text);
    let other = door.key(domain::identity::Permission::ALL).await;
    let other = door.bare(Method::POST, SUGGEST).bearer_auth(other).json(&json!({ "wish": "now" }));
    assert_eq!(answered(other).await.status, 201);

    first.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_worked_on_once() {
    let (ai, door) = open(Protocol::OpenAi).await;
    ai.says([Said::edit("Ho", &[("prompts/greeting.md", Some("Ho\n"))])]);
    let ask = |door: &Door| {
        let body = json!({ "wish": "say Ho" });
        answered(door.request(Method::POST, SUGGEST).header("idempotency-key", "a").json(&body))
    };
    let (first, second) = (ask(&door).await, ask(&door).await);
    assert_eq!((first.status, second.status), (201, 201), "{}", second.text);
    assert_eq!(first.body["data"]["id"], second.body["data"]["id"]);
    assert_eq!((ai.requests().len(), proposals(&door).await), (1, 1));
}

fn finding(edit: &Value, check: &str) -> String {
    let checks = edit["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["name"] == check).unwrap();
    check["findings"].to_string()
}
