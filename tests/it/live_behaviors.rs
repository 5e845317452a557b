//! Behaviors at work, on the whole platform: what people see on Discord, and what the log keeps.

use domain::behaviors::BehaviorEvent;
use domain::kernel::{Event, Outcome};
use reqwest::Method;
use serde_json::{Value, json};
use tests::simulators::discord::{Hostile, Message, Request};
use tests::stage::Stage;

const GREET: &str = r#"/*
kind = "prefix_command"
name = "greet"
aliases = ["g"]
description = "Greet somebody"
cooldown_s = 30
powers = ["reply", "react"]
*/

fn run(event) {
    if event.args == "nobody" { throw "there is nobody"; }
    [reply(`Hello ${event.args}, says ${event.user.name}`), react("👋")]
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_command_answers_once_and_rests() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;

    let asked = stage.discord.say("general", "ana", "!g world");
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    assert_eq!(answer.content, "Hello world, says ana");
    stage.until_like("the reaction is settled", |it| settled(&it.event, 1)).await;
    let asked = stage.discord.messages("general").into_iter().find(|it| it.id == asked);
    assert_eq!(asked.unwrap().reactions[0].emoji, "👋");

    stage.discord.say("general", "ana", "!greet again");
    stage.until("behavior.held").await;
    let other = stage.discord.say("general", "ben", "!greet you");
    let answer = stage.discord.wait_for_message("general", replies_to(other)).await;
    assert_eq!(answer.content, "Hello you, says ben");
    let hellos = stage.discord.messages("general");
    assert_eq!(hellos.iter().filter(|it| it.content.starts_with("Hello")).count(), 2);
    stage.close().await;
}

const GONG: &str = r#"/*
kind = "prefix_command"
name = "gong"
description = "Strike the gong"
powers = ["send_messages"]
*/

fn run(event) { send(event.channel, "Gong!") }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_equal_answers_are_two_messages_although_a_connection_breaks() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/gong.rhai", Some(GONG))]).await;
    stage.discord.say("general", "ana", "!gong");
    stage.discord.wait_for_message("general", |it| it.content == "Gong!").await;
    stage.discord.hostile(Hostile::RequestLost);
    let asked = stage.discord.say("general", "ben", "!gong");
    let second = |it: &Message| it.content == "Gong!" && it.id > asked;
    stage.discord.wait_for_message("general", second).await;
    let all = stage.discord.messages("general");
    assert_eq!(all.iter().filter(|it| it.content == "Gong!").count(), 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_recorded_with_its_line_and_answered_politely() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;

    let asked = stage.discord.say("general", "ana", "!greet nobody");
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    assert!(answer.content.contains("I am sorry"), "{}", answer.content);
    let failed = stage.until("behavior.failed").await;
    let Event::Behavior(id, BehaviorEvent::Failed { line, reason, .. }) = failed.event else {
        unreachable!()
    };
    assert_eq!((id.as_str(), line), ("greet", Some(11)));
    assert!(reason.shown().contains("there is nobody"), "{}", reason.shown());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_that_is_not_declared_is_not_had() {
    let stage = Stage::open().await;
    let sly = GREET.replace(r#"["reply", "react"]"#, r#"["reply"]"#);
    stage.edit(&[("behaviors/greet.rhai", Some(&sly))]).await;

    let asked = stage.discord.say("general", "ana", "!greet you");
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    assert!(answer.content.contains("I am sorry"), "{}", answer.content);
    let failed = stage.until("behavior.failed").await;
    let Event::Behavior(_, BehaviorEvent::Failed { reason, .. }) = failed.event else {
        unreachable!()
    };
    assert!(reason.shown().contains("the power react"), "{}", reason.shown());
    stage.close().await;
}

const CAST: &str = r#"/*
kind = "command"
name = "cast"
description = "Roll dice"
powers = ["reply"]

[[options]]
name = "sides"
description = "How many"
kind = "integer"
*/

fn run(event) {
    let sides = event.options.sides ?? 6;
    if sides < 2 { throw "no such dice"; }
    reply(`${event.user.name} rolls a d${sides}`)
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn slash_commands_come_and_go_with_the_workspace() {
    let stage = Stage::open().await;
    let edit = stage.edit(&[("behaviors/cast.rhai", Some(CAST))]).await;

    let rolled = stage.discord.slash("general", "ben", "cast", json!({ "sides": 20 })).await;
    assert_eq!(rolled.response().await.text, "ben rolls a d20");
    stage.until_like("the answer is settled", |it| settled(&it.event, 0)).await;
    let failed = stage.discord.slash("general", "ben", "cast", json!({ "sides": 1 })).await;
    let failed = failed.response().await;
    assert!(failed.ephemeral && failed.text.contains("I am sorry"), "{}", failed.text);

    let before = stage.discord.requests().len();
    let back = json!({ "edit_id": edit["id"], "reason": "no gambling", "force": true });
    let back = stage.post("/self-editing/rollback", back).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let gone = |commands: &[Value]| !commands.iter().any(|it| it["name"] == "cast");
    let registers = |it: &Request| it.method == "PUT" && it.path.ends_with("/commands");
    stage.discord.wait_for_request_after(before, registers).await;
    assert!(gone(&stage.discord.commands(None)), "the command is still there");
    stage.close().await;
}

const FAN: &str = r#"/*
kind = "reaction"
on = "reaction_added"
description = "Copy what others feel"
powers = ["react"]
*/

fn run(event) { react(event.emoji) }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_does_not_react_to_itself_nor_to_what_was_refused() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/fan.rhai", Some(FAN))]).await;
    let said = stage.discord.say("general", "ana", "cake");
    stage.discord.react("general", said, "ben", "🎂");
    stage.until_like("the reaction is settled", |it| settled(&it.event, 0)).await;
    // The bot's own reaction comes back from the gateway.
    stage
        .until_like("the bot's own reaction", |it| {
            it.event.type_name() == "channel.reaction_added" && it.position > 0
        })
        .await;
    let after = stage.discord.say("general", "ana", "more cake");
    stage
        .until_like("the next message", |it| format!("{:?}", it.event).contains(&after.to_string()))
        .await;
    let ran = stage.events().await.into_iter().filter(|it| it.event.type_name() == "behavior.ran");
    assert_eq!(ran.count(), 1);
    stage.close().await;
}

const PLACE: &str = r#"/*
kind = "reaction"
on = "ON"
description = "Say where it happened"
powers = ["reply"]
*/

fn run(event) { reply(`ON by ${event.user.id} on ${event.guild}`) }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn who_edits_or_reacts_does_so_on_a_server() {
    let stage = Stage::open().await;
    let (edits, likes) =
        (PLACE.replace("ON", "message_edited"), PLACE.replace("ON", "reaction_added"));
    let files = [("behaviors/edits.rhai", Some(&*edits)), ("behaviors/likes.rhai", Some(&*likes))];
    stage.edit(&files).await;
    let guild = stage.discord.guild("Scriptorium").id;
    let (ana, ben) = (stage.discord.user("ana").id, stage.discord.user("ben").id);
    let said = stage.discord.say("general", "ana", "cake");
    stage.discord.react("general", said, "ben", "🎂");
    let like = stage.discord.wait_for_message("general", |it| it.content.starts_with("rea")).await;
    assert_eq!(like.content, format!("reaction_added by {ben} on {guild}"));
    stage.discord.edit("general", said, "more cake");
    let edit = stage.discord.wait_for_message("general", |it| it.content.starts_with("mes")).await;
    assert_eq!(edit.content, format!("message_edited by {ana} on {guild}"));
    stage.close().await;
}

const NAG: &str = r#"/*
kind = "prefix_command"
name = "nag"
description = "Remind somebody"
powers = ["reply", "set_reminders"]
*/

fn run(event) { [reply("I will."), remind(1, event.args)] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_comes_back_once_also_after_a_restart() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/nag.rhai", Some(NAG))]).await;
    let asked = stage.discord.say("general", "ana", "!nag the kettle");
    stage.discord.wait_for_message("general", replies_to(asked)).await;
    let stage = stage.again().await;
    let ana = stage.discord.user("ana").id;
    let reminds = |it: &Message| it.content == format!("<@{ana}> the kettle");
    let reminder = stage.discord.wait_for_message("general", reminds).await;
    assert_eq!(reminder.pings, [ana]);
    stage.until_like("it is settled", |it| settled(&it.event, 1)).await;
    // The clock goes on: what was said once is not said again while another one comes.
    let asked = stage.discord.say("general", "ben", "!nag the tea");
    stage.discord.wait_for_message("general", replies_to(asked)).await;
    stage.discord.wait_for_message("general", |it| it.content.ends_with("> the tea")).await;
    let all = stage.discord.messages("general");
    assert_eq!(all.iter().filter(|it| reminds(it)).count(), 1);
    stage.close().await;
}

const NEWS: &str = r#"/*
kind = "schedule"
every_s = 60
description = "Say how much happens"
powers = ["read_stats", "send_messages"]
*/

fn run(event) {
    send(setting("news").channel, `${event.stats.members} members`)
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_runs_for_each_server_and_sends_where_it_may() {
    let stage = Stage::open().await;
    let channel = stage.discord.channel("general").id;
    let settings = format!("channel = \"{channel}\"\nother = \"17\"\n");
    let elsewhere = NEWS.replace(".channel", ".other");
    stage
        .edit(&[
            ("behaviors/elsewhere.rhai", Some(&elsewhere)),
            ("behaviors/news.rhai", Some(NEWS)),
            ("settings/news.toml", Some(&settings)),
        ])
        .await;
    // What was missed while nobody was there is made up for, if it was not long ago.
    let stage = stage.again().await;
    let said = |it: &Message| it.content.ends_with(" members");
    let said = stage.discord.wait_for_message("general", said).await;
    assert_eq!(said.content, "4 members");
    stage
        .until_like("the other one is refused", |it| {
            matches!(&it.event, Event::Behavior(_, BehaviorEvent::ActionSettled {
                outcome: Outcome::Failed { reason }, ..
            }) if reason.contains("does not belong"))
        })
        .await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_does_harm_is_taken_back_and_those_who_approved_it_are_told() {
    let stage = Stage::open().await;
    let chiefs = stage.discord.create_role("Scriptorium", "chiefs", MANAGE_GUILD);
    stage.discord.grant("Scriptorium", "ben", chiefs);
    let calm = GREET.replace("cooldown_s = 30", "cooldown_s = 0");
    stage.edit(&[("behaviors/greet.rhai", Some(&calm))]).await;
    let asked = stage.discord.say("general", "ana", "!greet you");
    stage.discord.wait_for_message("general", replies_to(asked)).await;

    // Somebody breaks it on purpose, and ben does not look.
    let broken = calm.replace("[reply(", "[nonsense(");
    let files = json!([{ "path": "behaviors/greet.rhai", "content": broken }]);
    let edit = json!({ "scope": "features", "description": "shorter", "files": files });
    let edit = stage.post("/self-editing/edits", edit).await;
    let id = edit.body["data"]["id"].as_str().expect(&edit.text).to_owned();
    let approved = stage.discord.slash("general", "ben", "edit approve", json!({ "id": id })).await;
    let approved = approved.response().await.text;
    assert!(approved.contains("live as revision"), "{approved}");

    for _ in 0..3 {
        let asked = stage.discord.say("general", "ana", "!greet you");
        stage.discord.wait_for_message("general", replies_to(asked)).await;
    }
    let alarm = stage.until("watch.alarmed").await;
    stage.until("edit.rolled_back").await;
    let told = stage.discord.wait_for_direct_message("ben", |it| it.content.contains(&id)).await;
    assert!(told.content.contains("3 of 3 runs of the behavior greet"), "{}", told.content);
    stage.until("watch.told").await;
    let shown = stage.get(&format!("/self-editing/edits/{id}")).await;
    let watch = &shown.body["data"]["watch"];
    assert!(watch["alarm"]["reason"].as_str().unwrap().contains("3 of 3 runs"), "{watch}");
    assert_eq!(watch["alarm"]["after"]["failed"], 3, "{watch}");
    assert_eq!(watch["told"][0]["outcome"], "delivered", "{watch}");
    let card = stage.discord.slash("general", "ben", "edit show", json!({ "id": id })).await;
    let card = card.response().await.text;
    assert!(card.contains("The watch raised an alarm"), "{card}");
    let asked = stage.discord.say("general", "ana", "!greet you");
    let answer = stage.discord.wait_for_message("general", replies_to(asked)).await;
    assert_eq!(answer.content, "Hello you, says ana");

    // What did harm before is nothing that the next one is measured by.
    let half = json!({ "features": { "monitoring": { "alert_threshold": 0.5 } } });
    let half = stage.ask(Method::PUT, "/config", Some(half), &stage.key).await;
    assert_eq!(half.status, 200, "{}", half.text);
    let worse = calm.replace("[reply(", "[rubbish(");
    let again = stage.edit(&[("behaviors/greet.rhai", Some(&worse))]).await;
    for _ in 0..3 {
        let asked = stage.discord.say("general", "ana", "!greet you");
        stage.discord.wait_for_message("general", replies_to(asked)).await;
    }
    let again = again["id"].as_str().unwrap();
    stage
        .until_like("the second one is taken back", |it| {
            it.event.type_name() == "edit.rolled_back" && it.stream.id() == again
        })
        .await;

    let audit = stage.get("/audit?action=workspace.revised").await;
    let last = audit.body["data"]["entries"].as_array().expect(&audit.text).last().cloned();
    assert_eq!(last.unwrap()["actor"]["id"], "watch_edits");
    assert!(alarm.position > 0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_emergency_what_is_watched_is_taken_back() {
    let stage = Stage::open().await;
    stage.edit(&[("behaviors/greet.rhai", Some(GREET))]).await;
    let off = json!({ "reason": "what is going on?", "emergency": true });
    let off = stage.post("/self-editing/disable", off).await;
    assert_eq!(off.status, 200, "{}", off.text);
    let file = stage.get("/self-editing/workspace/files/behaviors/greet.rhai").await;
    assert_eq!(file.status, 404, "{}", file.text);
    stage.close().await;
}

/// What one needs to manage a server.
const MANAGE_GUILD: u64 = 1 << 5;

fn replies_to(asked: tests::simulators::discord::Snowflake) -> impl Fn(&Message) -> bool {
    move |it| it.reply_to == Some(asked)
}

/// Whether it says that this action was done.
fn settled(event: &Event, place: u32) -> bool {
    matches!(event, Event::Behavior(_, BehaviorEvent::ActionSettled {
        action, outcome: Outcome::Delivered { .. }, ..
    }) if *action == place)
}
