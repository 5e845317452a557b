//! What the bot did and why, or why it did nothing: over HTTP and by “Why?” on Discord.

use commands::ports::Execute as _;
use domain::behaviors::BehaviorEvent;
use domain::conversation::ConversationEvent;
use domain::discord::{ChannelCommand, ChannelEvent, Message as Said};
use domain::kernel::{
    Actor, Cause, ChannelId, DiscordUserId, Event, GuildId, MessageId, Outcome, Person, Personal,
    Source,
};
use serde_json::{Value, json};
use tests::simulators::discord::{Message, Snowflake};
use tests::stage::Stage;
use uuid::Uuid;

const GREET: &str = r#"/*
kind = "prefix_command"
name = "greet"
description = "Greet somebody"
cooldown_s = 30
powers = ["add_roles", "reply"]
*/

fn run(event) {
    if event.args == "nobody" { throw "there is nobody"; }
    if event.args == "silence" { return; }
    if event.args == "the king" { return add_role(event.user.id, "1"); }
    reply(`Hello ${event.args}`)
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_explained_from_the_event_to_the_edit_to_the_outcome() {
    let stage = Stage::open().await;
    let edit = stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;
    let asked = stage.discord.say("general", "ana", "!greet world");
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    stage.until("behavior.action_settled").await;

    let told = explained(&stage, asked).await;
    assert_eq!((&told["about"], &told["event"]["type"]), (&json!("message"), &json!(CREATED)));
    assert_eq!(told["event"]["source"], "discord");
    assert_eq!(told["event"]["user_id"], stage.discord.user("ana").id.to_string());
    let call = &told["calls"][0];
    assert_eq!((&call["behavior"], &call["status"]), (&json!("greet"), &json!("ran")));
    assert_eq!(call["file"], "behaviors/greet.rhai");
    assert_eq!(call["edit"]["edit_id"], edit["id"], "{told}");
    assert_eq!(call["edit"]["description"], "a test");
    assert_eq!(call["powers"][1]["meaning"], "Answer whoever called it, where he called it");
    let action = &call["actions"][0];
    assert_eq!((&action["kind"], &action["outcome"]), (&json!("reply"), &json!("delivered")));
    assert_eq!(action["content"]["text"], "Hello world");
    assert_eq!(action["outside_id"], answer.id.to_string());
    assert_eq!(action["allowed_by"]["power"], "reply");
    assert_eq!(told["nothing_happened_because"], json!([]));
    let summary = told["summary"].as_str().unwrap();
    assert!(
        summary.contains("“greet” (prefix command)") && summary.contains("“a test”"),
        "{summary}"
    );

    // By the bot's own message, and by the call, it is the same story.
    let own = explained(&stage, answer.id).await;
    assert_eq!((&own["about"], &own["calls"]), (&json!("own_message"), &told["calls"]));
    assert_eq!(own["event"], told["event"]);
    let by_call = explained(&stage, call["id"].as_str().unwrap()).await;
    assert_eq!((&by_call["about"], &by_call["event"]), (&json!("call"), &told["event"]));

    for unknown in ["17", "nothing", "018f0000-0000-7000-8000-000000000000"] {
        let found = stage.get(&format!("/explain/{unknown}")).await;
        assert_eq!(found.status, 404, "{}", found.text);
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_was_refused_or_rests_says_so() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;

    let failed = stage.discord.say("general", "ana", "!greet nobody");
    stage.discord.wait_for_message("general", replies_to(failed)).await;
    let told = explained(&stage, failed).await;
    assert_eq!(told["calls"][0]["failure"]["line"], 10, "{told}");
    assert_eq!(told["calls"][0]["actions"][0]["kind"], "apology");
    let why = because(&told);
    assert!(why.contains("behaviors/greet.rhai, line 10") && why.contains("nobody"), "{why}");

    let held = stage.discord.say("general", "ana", "!greet again");
    stage.until("behavior.held").await;
    let told = explained(&stage, held).await;
    assert_eq!(told["calls"][0]["held_by"], "cooldown");
    assert!(because(&told).contains("30 seconds"), "{told}");
    // Told once; who goes on all the same is held without a trace.
    let silent = stage.discord.say("general", "ana", "!greet once more");
    let refused = stage.discord.say("general", "ben", "!greet the king");
    stage
        .until_like("a refusal", |it| {
            matches!(
                &it.event,
                Event::Behavior(
                    _,
                    BehaviorEvent::ActionSettled { outcome: Outcome::Failed { .. }, .. }
                )
            )
        })
        .await;
    until_run(&stage, silent).await;
    let told = explained(&stage, silent).await;
    assert_eq!(told["calls"], json!([]));
    assert!(because(&told).contains("greet rests"), "{told}");

    let told = explained(&stage, refused).await;
    assert_eq!(told["calls"][0]["actions"][0]["outcome"], "failed");
    assert!(because(&told).contains("The action add_role of the behavior greet was refused: "));

    let quiet = stage.discord.say("general", "cleo", "!greet silence");
    until_run(&stage, quiet).await;
    let told = explained(&stage, quiet).await;
    assert!(because(&told).contains("greet was called and had nothing to say"), "{told}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_has_its_reasons() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;
    let plain = stage.discord.say("general", "ana", "nice weather");
    let typo = stage.discord.say("general", "ana", "!gret world");
    until_run(&stage, typo).await;
    let why = because(&explained(&stage, plain).await);
    assert!(why.contains("prefix commands (!…)") && why.contains("no phrase of the"), "{why}");
    assert!(why.contains("It does not speak to me"), "{why}");
    let why = because(&explained(&stage, typo).await);
    assert!(why.contains("no prefix command is called !gret"), "{why}");

    for (id, source, bot, words) in [
        (MessageId(1_000_000_000_000_000_001), Source::Import, false, "It came by an import"),
        (MessageId(1_000_000_000_000_000_002), Source::Discord, true, "A bot wrote it"),
    ] {
        record(&stage, id, source, bot).await;
        let told = explained(&stage, id).await;
        assert!(because(&told).contains(words), "{told}");
    }
    let erased = stage.discord.user("ana").id;
    let path = format!("/persons/discord:{erased}?reason=asked");
    let gone = stage.ask(reqwest::Method::DELETE, &path, None, &stage.key).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    let told = explained(&stage, plain).await;
    assert!(because(&told).contains("was erased"), "{told}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_the_edit_that_made_what_ran_after_it() {
    let stage = Stage::open().await;
    let calm = GREET.replace("cooldown_s = 30", "cooldown_s = 0");
    let first = stage.edit(&[("behaviors/greet.rhai", Some(&calm))]).await;
    let louder = calm.replace("Hello", "HELLO");
    let second = stage.edit(&[("behaviors/greet.rhai", Some(&louder))]).await;
    let loud = stage.discord.say("general", "ana", "!greet you");
    let answer = stage.discord.wait_for_message("general", replies_to(loud)).await;
    assert_eq!(answer.content, "HELLO you");
    let back = json!({ "edit_id": second["id"], "reason": "too loud" });
    let back = stage.post("/self-editing/rollback", back).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let soft = stage.discord.say("general", "ana", "!greet you");
    let answer = stage.discord.wait_for_message("general", replies_to(soft)).await;
    assert_eq!(answer.content, "Hello you");

    let before = explained(&stage, loud).await;
    assert_eq!(before["calls"][0]["edit"]["edit_id"], second["id"]);
    let after = explained(&stage, soft).await;
    let made = &after["calls"][0]["edit"];
    assert_eq!((&made["kind"], &made["rolls_back"]), (&json!("rolled_back"), &second["id"]));
    assert_ne!(made["edit_id"], first["id"]);

    // What was said is gone with the person; that it happened is not.
    let path = format!("/persons/discord:{}?reason=asked", stage.discord.user("ana").id);
    let gone = stage.ask(reqwest::Method::DELETE, &path, None, &stage.key).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    let erased = explained(&stage, soft).await;
    let action = &erased["calls"][0]["actions"][0];
    assert_eq!((&action["kind"], &action["content"]), (&json!("reply"), &json!("[erased]")));
    assert_eq!(action["outcome"], "delivered");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_conversation_names_who_gave_it() {
    let stage = Stage::open().await;
    let asked = format!("<@{}> how are you?", stage.discord.bot());
    let asked = stage.discord.say("general", "ana", &asked);
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    stage.until("conversation.answer_settled").await;
    let told = explained(&stage, asked).await;
    let given = &told["answers"][0];
    assert_eq!((&given["provider"], &given["outcome"]), (&json!("local"), &json!("delivered")));
    assert_eq!(given["outside_id"], answer.id.to_string());
    assert_eq!(told["nothing_happened_because"], json!([]), "{told}");

    let own = explained(&stage, answer.id).await;
    assert_eq!((&own["about"], &own["answers"]), (&json!("own_message"), &told["answers"]));
    let by_id = explained(&stage, given["id"].as_str().unwrap()).await;
    assert_eq!((&by_id["about"], &by_id["event"]), (&json!("answer"), &told["event"]));
    let answered = stage.until("conversation.answered").await;
    assert!(matches!(answered.event, Event::Conversation(_, ConversationEvent::Answered { .. })));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_read_asks_why_and_owners_see_how_behaviors_fare() {
    let stage = Stage::open().await;
    let edit = stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;
    let asked = stage.discord.say("general", "ana", "!greet nobody");
    let sorry = stage.discord.wait_for_message("general", replies_to(asked)).await;
    stage.until("behavior.action_settled").await;
    explained(&stage, asked).await;
    let chiefs = stage.discord.create_role("Scriptorium", "chiefs", MANAGE_GUILD);
    stage.discord.grant("Scriptorium", "ben", chiefs);

    let why = stage.discord.use_on(&sorry, "ana", "Why?").await.response().await;
    assert!(why.ephemeral && why.text.contains("behavior “greet”"), "{}", why.text);
    assert!(why.text.contains("It failed.") && !why.text.contains("nobody"), "{}", why.text);
    let why = stage.discord.use_on(&sorry, "ben", "Why?").await.response().await;
    assert!(why.text.contains("line 10") && why.text.contains("a test"), "{}", why.text);

    let list = stage.discord.slash("general", "ben", "behaviors", json!({})).await;
    let list = list.response().await.text;
    assert!(list.contains("**greet** (prefix command greet): Greet somebody"), "{list}");
    assert!(list.contains("failed 1"), "{list}");
    let one = stage.discord.slash("general", "ben", "behaviors", json!({ "name": "greet" })).await;
    let one = one.response().await.text;
    assert!(one.contains("- Answer whoever called it") && one.contains("rhai:10`"), "{one}");
    let other = stage.discord.slash("general", "ana", "behaviors", json!({})).await;
    assert!(!other.response().await.text.contains("greet"));

    let all = stage.get("/self-editing/behaviors").await;
    let mut live = all.body["data"]["behaviors"].as_array().unwrap().iter();
    let greet = live.find(|it| it["name"] == "greet").expect(&all.text);
    assert_eq!((&greet["kind"], &greet["command"]), (&json!("prefix_command"), &json!("greet")));
    assert_eq!((&greet["calls"]["failed"], &greet["cooldown_s"]), (&json!(1), &json!(30)));
    assert_eq!((&greet["edit_id"], &greet["last_failure"]["line"]), (&edit["id"], &json!(10)));
    assert_eq!(greet["powers"][0]["meaning"], "Give roles to members");
    for (query, count) in [("", 1), ("?status=failed", 1), ("?status=ran", 0)] {
        let calls = stage.get(&format!("/self-editing/behaviors/greet/calls{query}")).await;
        let data = &calls.body["data"];
        assert_eq!(data["calls"].as_array().unwrap().len(), count, "{}", calls.text);
        assert_eq!(data["pagination"]["total"], count);
    }

    let url = stage.platform.url.clone().unwrap();
    let health: Value = reqwest::get(format!("{url}/health")).await.unwrap().json().await.unwrap();
    assert_eq!(health["reactors"]["run_behaviors"]["parked"], 0, "{health}");
    let metrics = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("palimpsest_reactor_lag{reactor=\"perform_actions\"}"), "{metrics}");
    assert!(metrics.contains("palimpsest_reactor_parked{reactor=\"perform_actions\"} 0"));
    stage.close().await;
}

const CREATED: &str = "channel.message_created";

/// What one needs to manage a server.
const MANAGE_GUILD: u64 = 1 << 5;

/// The explanation, as the read models know it by now.
async fn explained(stage: &Stage, id: impl std::fmt::Display) -> Value {
    let head = stage.platform.stores.journal.log().head().await.unwrap();
    stage.platform.generations.wait_for(head, std::time::Duration::from_secs(20)).await;
    let found = stage.get(&format!("/explain/{id}")).await;
    assert_eq!(found.status, 200, "{}", found.text);
    found.body["data"].clone()
}

fn because(told: &Value) -> String {
    let reasons = told["nothing_happened_because"].as_array().unwrap().iter();
    reasons.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Waits until the reactors that call behaviors have come to a message.
async fn until_run(stage: &Stage, message: Snowflake) {
    let said = stage
        .until_like("the message", |it| {
            matches!(&it.event, Event::Channel(_, ChannelEvent::MessageCreated(it))
                if it.id.0 == message.0)
        })
        .await;
    let checkpoints = &stage.platform.use_cases.explain.checkpoints;
    let there = async {
        loop {
            let reached = checkpoints.read("run_behaviors").await.unwrap();
            if reached.is_some_and(|it| it.position >= said.position) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), there).await.expect("a checkpoint");
}

/// Records a message as if it had come through another door.
async fn record(stage: &Stage, id: MessageId, source: Source, bot: bool) {
    let of = Person::discord(7);
    let said = Said {
        id,
        guild: Some(GuildId(stage.discord.home().0)),
        author: DiscordUserId(7),
        author_name: Personal::of(of.clone(), "otto".to_owned()),
        bot,
        content: Personal::of(of, "!greet you".to_owned()),
        length: 10,
        reply_to: None,
        attachments: None,
        to_bot: false,
    };
    let facts = vec![ChannelEvent::MessageCreated(said)];
    let record = ChannelCommand::Observe { facts, complete_to: None };
    let cause = Cause::asked(Actor::system("test"), Uuid::now_v7(), source);
    let channels = &stage.platform.use_cases.executors.channels;
    channels.execute(&ChannelId(4_000_000_000), record, &cause).await.unwrap();
}

fn replies_to(asked: Snowflake) -> impl Fn(&Message) -> bool {
    move |it| it.reply_to == Some(asked)
}
