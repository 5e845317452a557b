//! What a bad edit did is listed, and taken back once somebody else approves it: over HTTP and on
//! Discord, on the whole platform.

use std::cell::Cell;
use std::time::Duration;

use domain::behaviors::BehaviorEvent;
use domain::kernel::{Event, Outcome, Recorded};
use domain::self_editing::CompensationEvent;
use reqwest::Method;
use serde_json::{Value, json};
use tests::simulators::discord::{Message, Snowflake};
use tests::stage::Stage;

/// What one needs to manage a server.
const MANAGE_GUILD: u64 = 1 << 5;

/// Does a bit of everything.
fn spam(role: Snowflake) -> String {
    format!(
        r#"/*
kind = "prefix_command"
name = "spam"
description = "Do too much"
powers = ["add_roles", "delete_messages", "direct_messages", "react", "reply", "send_messages"]
*/

fn run(event) {{
    [
        reply("Buy now!"), send(event.channel, "Cheap!"), direct_message(event.user.id, "Hurry!"),
        add_role(event.user.id, "{role}"), react("💸"),
    ]
}}
"#
    )
}

const WIPE: &str = r#"/*
kind = "prefix_command"
name = "wipe"
description = "Delete what was said"
powers = ["delete_messages", "reply"]
*/

fn run(event) { [delete_message(), reply("Gone.")] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bad_edit_did_is_undone_once_somebody_else_approves_it() {
    let stage = Stage::open().await;
    let role = stage.discord.create_role("Scriptorium", "buyers", 0);
    let edit = stage.edit(&[("behaviors/spam.rhai", Some(&spam(role)))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    let asked = call(&stage, "!spam", 5).await;
    assert!(has_role(&stage, "ana", role));

    // The preview counts it, the list names it.
    let back = json!({ "edit_id": id, "reason": "spam", "preview": true });
    let preview = stage.post("/self-editing/rollback", back).await;
    assert_eq!(preview.body["data"]["can_undo"]["total"], 5, "{}", preview.text);
    assert_eq!(preview.body["data"]["cannot_undo"]["total"], 0, "{}", preview.text);
    let effects = effects(&stage, &id).await;
    let kinds: Vec<_> = effects.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["react", "add_role", "direct_message", "send", "reply"]);
    assert!(effects.iter().all(|it| it["can_be_undone"] == true), "{effects:?}");
    assert_eq!(effects[1]["how"], "take the role back");

    let back = json!({ "edit_id": id, "reason": "spam" });
    let back = stage.post("/self-editing/rollback", back).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert!(back.body["data"].get("can_undo").is_none(), "{}", back.text);
    // What comes later is nobody's effect.
    stage.discord.say("general", "ana", "!spam");

    let path = format!("/self-editing/edits/{id}/compensations");
    let other = other_key(&stage).await;
    let proposed = stage.post(&path, json!({ "reason": "It was spam." })).await;
    assert_eq!(proposed.status, 201, "{}", proposed.text);
    let compensation = &proposed.body["data"];
    assert_eq!((&compensation["status"], &compensation["total"]), (&json!("proposed"), &json!(5)));
    let its = format!("/self-editing/compensations/{}", compensation["id"].as_str().unwrap());
    assert!(proposed.header("location").ends_with(&its));

    // What is part of one is not proposed again.
    let again = stage.post(&path, json!({ "reason": "once more" })).await;
    assert_eq!((again.status, again.code()), (409, "CONFLICT"), "{}", again.text);
    let own = stage.post(&format!("{its}/approve"), json!({})).await;
    assert_eq!(own.status, 403, "{}", own.text);
    let forced = stage.post(&format!("{its}/approve"), json!({ "force": true })).await;
    assert_eq!(forced.status, 403, "the other one could approve it: {}", forced.text);
    assert_eq!(spoken(&stage).len(), 2);

    let approve = format!("{its}/approve");
    let approved = stage.ask(Method::POST, &approve, Some(json!({})), &other).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    until_done(&stage, 5).await;
    assert_eq!(spoken(&stage).len(), 0, "{:?}", spoken(&stage));
    assert!(stage.discord.direct_messages("ana").is_empty());
    assert!(!has_role(&stage, "ana", role));
    let asked = stage.discord.messages("general").into_iter().find(|it| it.id == asked);
    assert!(asked.unwrap().reactions.is_empty());

    let done = shown(&stage, &its).await;
    let figures = (&done["status"], &done["delivered"], &done["failed"]);
    assert_eq!(figures, (&json!("done"), &json!(5), &json!(0)), "{done}");
    assert_eq!(done["steps"][0]["undo"], "take the reaction back");
    assert!(done["steps"].as_array().unwrap().iter().all(|it| it["outcome"] == "delivered"));
    let list = stage.get(&path).await;
    assert_eq!(list.body["data"]["pagination"]["total"], 1, "{}", list.text);
    let deletions = requests(&stage, "DELETE");
    assert_eq!(deletions.len(), 5, "each once: {deletions:?}");
    let effects = self::effects(&stage, &id).await;
    let why = effects[0]["why_not"].as_str().unwrap();
    assert!(why.contains("took it back") && effects.len() == 5, "{effects:?}");
    let late = json!({ "reason": "no" });
    let late = stage.ask(Method::POST, &format!("{its}/reject"), Some(late), &other).await;
    assert_eq!(late.status, 409, "{}", late.text);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_go_on_after_a_restart_and_what_is_gone_is_done() {
    let stage = Stage::open().await;
    let role = stage.discord.create_role("Scriptorium", "buyers", 0);
    let edit = stage.edit(&[("behaviors/spam.rhai", Some(&spam(role)))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    let asked = call(&stage, "!spam", 5).await;
    let mine = spoken(&stage);
    // Somebody was faster, and the message with the reaction is gone as well.
    stage.discord.delete("general", mine[0].id);
    stage.discord.delete("general", asked);

    let path = format!("/self-editing/edits/{id}/compensations");
    let proposed = stage.post(&path, json!({ "reason": "spam" })).await;
    let its = proposed.body["data"]["id"].as_str().expect(&proposed.text).to_owned();
    let its = format!("/self-editing/compensations/{its}");
    stage.discord.rate_limit_next(2, Duration::from_secs(1));
    let approved = stage.post(&format!("{its}/approve"), json!({ "force": true })).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let stage = stage.again().await;
    until_done(&stage, 5).await;
    assert!(spoken(&stage).is_empty() && !has_role(&stage, "ana", role));
    let done = shown(&stage, &its).await;
    assert_eq!((&done["delivered"], &done["failed"]), (&json!(5), &json!(0)), "{done}");
    let settled = stage.events().await.into_iter();
    let settled = settled.filter(|it| it.event.type_name() == "compensation.step_settled");
    assert_eq!(settled.count(), 5);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_says_why_and_some_can_be_chosen() {
    let stage = Stage::open().await;
    let edit = stage.edit(&[("behaviors/wipe.rhai", Some(WIPE))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    call(&stage, "!wipe", 2).await;
    call(&stage, "!wipe", 4).await;
    let back = json!({ "edit_id": id, "reason": "no", "preview": true });
    let preview = stage.post("/self-editing/rollback", back).await;
    let data = &preview.body["data"];
    assert_eq!(data["can_undo"]["by_kind"], json!([{ "kind": "reply", "count": 2 }]), "{data}");
    assert_eq!(data["cannot_undo"]["total"], 2);
    let example = &data["cannot_undo"]["examples"][0];
    assert_eq!(
        (&example["kind"], &example["behavior"]),
        (&json!("delete_message"), &json!("wipe"))
    );
    assert!(example["why_not"].as_str().unwrap().contains("no copy"), "{example}");

    let effects = effects(&stage, &id).await;
    let of = |it: &Value| json!({ "call_id": it["call_id"], "action": it["action"] });
    let path = format!("/self-editing/edits/{id}/compensations");
    let wish = |actions: Vec<Value>| json!({ "reason": "sorry", "actions": actions });
    let deleted = effects.iter().find(|it| it["kind"] == "delete_message").unwrap();
    let refused = stage.post(&path, wish(vec![of(deleted)])).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("actions[0]") && refused.text.contains("no copy"));
    let strange = json!({ "call_id": "01890000-0000-7000-8000-000000000000", "action": 0 });
    let refused = stage.post(&path, wish(vec![strange])).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let replies: Vec<_> = effects.iter().filter(|it| it["kind"] == "reply").collect();
    let proposed = stage.post(&path, wish(vec![of(replies[0])])).await;
    assert_eq!(proposed.body["data"]["total"], 1, "{}", proposed.text);

    // Rejected, it can be proposed again.
    let its = proposed.body["data"]["id"].as_str().unwrap();
    let reject = format!("/self-editing/compensations/{its}/reject");
    let rejected = stage.post(&reject, json!({ "reason": "It is funny." })).await;
    assert_eq!(rejected.body["data"]["rejection"], "It is funny.", "{}", rejected.text);
    let approve = format!("/self-editing/compensations/{its}/approve");
    let late = stage.post(&approve, json!({ "force": true })).await;
    assert_eq!(late.status, 409, "{}", late.text);
    let all = stage.post(&path, json!({ "reason": "sorry" })).await;
    assert_eq!(all.body["data"]["total"], 2, "{}", all.text);
    assert_eq!(requests(&stage, "DELETE").len(), 2, "only the messages of ana");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_discord_one_proposes_by_a_button_and_another_one_approves() {
    let stage = Stage::open().await;
    let chiefs = stage.discord.create_role("Scriptorium", "chiefs", MANAGE_GUILD);
    stage.discord.grant("Scriptorium", "ben", chiefs);
    let edit = stage.edit(&[("behaviors/wipe.rhai", Some(WIPE))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    call(&stage, "!wipe", 2).await;

    let preview = stage.discord.slash("general", "ana", "edit rollback", json!({ "id": id })).await;
    let preview = preview.response().await;
    let told = "did 1 thing on Discord that can be undone, as a second step (reply 1), and 1 that";
    assert!(preview.text.contains(told), "{}", preview.text);
    let done = fill_in(&stage, "ana", &preview.message, "Roll back").await;
    assert!(done.text.contains("is rolled back") && done.text.contains("reply 1"), "{}", done.text);
    let proposed = fill_in(&stage, "ana", &done.message, "Undo effects (1)").await;
    assert!(proposed.text.contains("is proposed. By <@"), "{}", proposed.text);
    assert!(proposed.text.contains("delete the message: 1"), "{}", proposed.text);

    let card = &proposed.message;
    let press = |who: &str| stage.discord.press(who, card, &button(card, "Approve"));
    let own = press("ana").response().await;
    assert!(own.ephemeral && own.text.contains("proposed himself"), "{}", own.text);
    let stranger = press("cleo").response().await;
    assert!(stranger.ephemeral && !stranger.text.contains("Approved"), "{}", stranger.text);
    let approved = press("ben").response().await;
    assert_eq!(approved.message.id, card.id);
    assert!(approved.text.contains("Approved by <@"), "{}", approved.text);
    until_done(&stage, 1).await;
    assert!(stage.discord.messages("general").iter().all(|it| it.content != "Gone."));
    let nothing = stage.discord.slash("general", "ben", "edit undo", json!({ "id": id })).await;
    let nothing = nothing.response().await;
    assert!(nothing.ephemeral && nothing.text.contains("cannot be undone"), "{}", nothing.text);
    stage.close().await;
}

/// Says more than one message holds.
const LONG: &str = r#"/*
kind = "prefix_command"
name = "long"
description = "Say too much"
powers = ["reply"]
*/

fn run(event) {
    let text = "";
    for line in 0..500 { text += "Buy now!\n"; }
    reply(text)
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_parts_is_deleted_as_a_whole() {
    let stage = Stage::open().await;
    let edit = stage.edit(&[("behaviors/long.rhai", Some(LONG))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    call(&stage, "!long", 1).await;
    assert_eq!(spoken(&stage).len(), 3);
    let effects = effects(&stage, &id).await;
    assert_eq!(effects.len(), 1, "{effects:?}");
    assert_eq!(effects[0]["how"], "delete all parts of the message");

    let path = format!("/self-editing/edits/{id}/compensations");
    let proposed = stage.post(&path, json!({ "reason": "spam" })).await;
    let its = proposed.body["data"]["id"].as_str().expect(&proposed.text);
    let its = format!("/self-editing/compensations/{its}");
    let approved = stage.post(&format!("{its}/approve"), json!({ "force": true })).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    until_done(&stage, 1).await;
    assert_eq!(spoken(&stage).len(), 0, "{:?}", spoken(&stage));
    let done = shown(&stage, &its).await;
    assert_eq!((&done["delivered"], &done["failed"]), (&json!(1), &json!(0)), "{done}");
    assert_eq!(requests(&stage, "DELETE").len(), 3);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_there_before_is_not_taken_back() {
    let stage = Stage::open().await;
    let role = stage.discord.create_role("Scriptorium", "buyers", 0);
    stage.discord.grant("Scriptorium", "ana", role);
    let edit = stage.edit(&[("behaviors/spam.rhai", Some(&spam(role)))]).await;
    let id = edit["id"].as_str().unwrap().to_owned();
    call(&stage, "!spam", 5).await;
    let effects = effects(&stage, &id).await;
    let given = effects.iter().find(|it| it["kind"] == "add_role").unwrap();
    assert_eq!(given["can_be_undone"], false, "{given}");
    assert!(given["why_not"].as_str().unwrap().contains("was there before"), "{given}");

    let path = format!("/self-editing/edits/{id}/compensations");
    let proposed = stage.post(&path, json!({ "reason": "spam" })).await;
    assert_eq!(proposed.body["data"]["total"], 4, "{}", proposed.text);
    let its = proposed.body["data"]["id"].as_str().unwrap();
    let approve = format!("/self-editing/compensations/{its}/approve");
    let approved = stage.post(&approve, json!({ "force": true })).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    until_done(&stage, 4).await;
    assert!(has_role(&stage, "ana", role));
    stage.close().await;
}

/// ana calls a command; waits until so many actions are settled.
async fn call(stage: &Stage, text: &str, settled: usize) -> Snowflake {
    let asked = stage.discord.say("general", "ana", text);
    until_counted(stage, settled, |event| {
        let Event::Behavior(_, BehaviorEvent::ActionSettled { outcome, .. }) = event else {
            return false;
        };
        assert!(matches!(outcome, Outcome::Delivered { .. }), "{outcome:?}");
        true
    })
    .await;
    asked
}

async fn until_done(stage: &Stage, steps: usize) {
    until_counted(stage, steps, |event| {
        matches!(event, Event::Compensation(_, CompensationEvent::StepSettled { .. }))
    })
    .await;
}

/// Waits until there are so many events like this, and the read models show them.
async fn until_counted(stage: &Stage, wanted: usize, like: impl Fn(&Event) -> bool) {
    let seen = Cell::new(0);
    let counted = |it: &Recorded| {
        seen.set(seen.get() + usize::from(like(&it.event)));
        seen.get() == wanted
    };
    let position = stage.until_like(&format!("{wanted} events"), counted).await.position;
    let shown = stage.platform.generations.wait_for(position, Duration::from_secs(10)).await;
    assert!(shown, "the read models are late");
}

/// What the bot said to everybody.
fn spoken(stage: &Stage) -> Vec<Message> {
    let bot = stage.discord.bot();
    stage.discord.messages("general").into_iter().filter(|it| it.author == bot).collect()
}

fn has_role(stage: &Stage, user: &str, role: Snowflake) -> bool {
    let user = stage.discord.user(user).id;
    stage.discord.guild("Scriptorium").members[&user].roles.contains(&role)
}

async fn effects(stage: &Stage, edit: &str) -> Vec<Value> {
    let found = stage.get(&format!("/self-editing/edits/{edit}/effects")).await;
    found.body["data"]["effects"].as_array().expect(&found.text).clone()
}

async fn shown(stage: &Stage, path: &str) -> Value {
    let found = stage.get(path).await;
    assert_eq!(found.status, 200, "{}", found.text);
    found.body["data"].clone()
}

/// The key of somebody else who approves.
async fn other_key(stage: &Stage) -> String {
    let key = json!({ "name": "ben", "permissions": ["approve:self-edit", "read:self-edit"] });
    let key = stage.post("/api-keys", key).await;
    let token = ["token", "key", "secret"].into_iter().find_map(|it| key.body["data"][it].as_str());
    token.expect(&key.text).to_owned()
}

fn requests(stage: &Stage, method: &str) -> Vec<String> {
    let all = stage.discord.requests().into_iter().filter(|it| it.method == method);
    all.map(|it| it.path).collect()
}

fn button(message: &Message, label: &str) -> String {
    let rows = message.components.iter();
    let mut all = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
    let found = all.find(|it| it["label"] == label);
    let found = found.unwrap_or_else(|| panic!("no {label} on {message:?}"));
    found["custom_id"].as_str().unwrap().to_owned()
}

/// Presses a button that asks why, and says it.
async fn fill_in(
    stage: &Stage,
    who: &str,
    message: &Message,
    label: &str,
) -> tests::simulators::discord::Response {
    let form = stage.discord.press(who, message, &button(message, label)).modal().await;
    let form = form["custom_id"].as_str().unwrap();
    stage.discord.submit_on(who, message, form, &[("reason", "too much")]).response().await
}
