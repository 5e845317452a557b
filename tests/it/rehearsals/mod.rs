//! Rehearsals: what an edit would change of what happened, without anything happening.

mod stage;

use domain::discord::ChannelEvent;
use domain::identity::Permission;
use domain::kernel::{DiscordUserId, Person, Personal};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::answered;
use uuid::Uuid;

use self::stage::{ANA, BEN, BOT, HERE, SERVER, Stage, prefixed, responder, script};
use crate::installation::{Installation, Running, export, word};

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_shows_what_would_be_answered_otherwise_and_does_nothing_else() {
    let stage =
        Stage::with(&[("hello", &responder("hello", "", "reply(`Hi ${event.user.name}`)"))]).await;
    stage.say(ANA, "hello bot").await;
    stage.say(ANA, "how are you").await;
    stage.say(BOT, "hello from a bot").await;
    stage.say(BEN, "well, hello").await;
    let nicer = responder(
        "hello",
        "",
        "if event.text.len() > 9 { reply(`Good day, ${event.user.name}`) } else { reply(`Hi ${event.user.name}`) }",
    );
    let edit = stage.propose(&[("hello", Some(&nicer))]).await;
    let before = stage.types().await;

    let report = stage.rehearse(&edit, json!({})).await;
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!((&report["events"], &report["differing"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!((&report["calls_before"], &report["calls_after"]), (&json!(2), &json!(2)));
    assert_eq!(report["behaviors"], json!([{ "behavior": "hello", "differing": 1 }]));
    let example = &report["examples"][0];
    let event = &example["event"];
    assert_eq!((&event["what"], &event["text"]), (&json!("message"), &json!("well, hello")));
    assert_eq!(event["channel_id"], HERE.to_string());
    assert_eq!(
        (&example["before"], &example["after"]),
        (&json!("reply: Hi Ben"), &json!("reply: Good day, Ben"))
    );
    assert!(report["operations_after"].as_u64() > report["operations_before"].as_u64(), "{report}");
    assert_eq!((&report["errors_before"], &report["errors_after"]), (&json!(0), &json!(0)));

    let after = stage.types().await;
    assert_eq!(after[before.len()..], ["rehearsal.started", "rehearsal.ended"]);
    let path = format!("/api/v1/self-editing/edits/{edit}");
    let shown = stage.door.get(&path).await;
    let short = &shown.body["data"]["rehearsals"][0];
    assert_eq!((&short["id"], &short["differing"]), (&report["id"], &json!(1)), "{}", shown.text);
    assert_eq!(shown.body["data"]["status"], "checked", "the edit is as it was");

    let poor = stage.door.key(&[Permission::ReadSelfEdit]).await;
    let path = format!("{path}/rehearsals/{}", report["id"].as_str().unwrap());
    let poor = answered(stage.door.bare(Method::GET, &path).bearer_auth(poor)).await;
    assert_eq!(poor.body["data"]["differing"], 1, "{}", poor.text);
    assert_eq!(poor.body["data"]["examples"], json!([]), "it may not read the history");

    let person = format!("/api/v1/persons/discord:{BEN}");
    let erased = answered(stage.door.request(Method::DELETE, &person)).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    let erased = stage.door.get(&path).await;
    let example = &erased.body["data"]["examples"][0];
    let gone = json!("[erased]");
    assert_eq!((&example["event"]["text"], &example["before"]), (&gone, &gone), "{}", erased.text);
    assert_eq!(example["after"], gone);
    let again = stage.rehearse(&edit, json!({})).await;
    assert_eq!((&again["events"], &again["differing"]), (&json!(2), &json!(0)), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_appear_are_told_with_their_line() {
    let sum = |how: &str| prefixed("sum", how);
    let stage = Stage::with(&[("sum", &sum("reply(`${event.args.len()}`)"))]).await;
    for text in ["!sum 1 2", "!sum", "sum"] {
        stage.say(ANA, text).await;
    }
    let broken = sum("let words = event.args.split(\" \");\n    reply(words[1])");
    let edit = stage.propose(&[("sum", Some(&broken))]).await;
    let report = stage.rehearse(&edit, json!({})).await;
    assert_eq!(
        (&report["errors_before"], &report["errors_after"]),
        (&json!(0), &json!(1)),
        "{report}"
    );
    assert_eq!((&report["events"], &report["differing"]), (&json!(3), &json!(2)));
    let error = &report["errors"][0];
    assert_eq!(
        (&error["behavior"], &error["before"], &error["after"]),
        (&json!("sum"), &json!(0), &json!(1))
    );
    assert_eq!(error["line"], 10, "{error}");
    let after: Vec<_> = report["examples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["after"].as_str().unwrap())
        .collect();
    assert!(after[1].starts_with("error: ") && after[0] == "reply: 2", "{after:?}");

    let gone = stage.propose(&[("sum", None)]).await;
    let report = stage.rehearse(&gone, json!({})).await;
    assert_eq!((&report["calls_after"], &report["differing"]), (&json!(0), &json!(2)), "{report}");
    assert_eq!(report["examples"][0]["after"], Value::Null, "silence");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_range_is_the_newest_commits_or_a_stretch_of_the_log() {
    let stage = Stage::with(&[("hello", &responder("hello", "", "reply(\"Hi\")"))]).await;
    let first = stage.say(ANA, "hello 1").await;
    for text in ["hello 2", "hello 3", "nothing", "hello 4"] {
        stage.say(ANA, text).await;
    }
    let noon = stage.next_moment().await;
    stage.next_moment().await;
    let last = stage.say(BEN, "hello 5").await;
    let edit = stage.propose(&[("hello", Some(&responder("hello", "", "reply(\"Hello\")")))]).await;
    for (range, events, differing) in [
        (json!({ "last": 2 }), 2, 2),
        (json!({ "last": 3 }), 3, 2),
        (json!({ "from": first.to_string(), "to": (first + 1).to_string() }), 2, 2),
        (json!({ "from": last.to_string() }), 1, 1),
        (json!({ "to": first.to_string() }), 1, 1),
        (json!({ "from": noon.to_rfc3339() }), 1, 1),
        (json!({ "to": noon.to_rfc3339() }), 5, 4),
        (json!({ "last": 1, "to": noon.to_rfc3339() }), 1, 1),
    ] {
        let report = stage.rehearse(&edit, range.clone()).await;
        let counted = (report["events"].as_u64(), report["differing"].as_u64());
        assert_eq!(counted, (Some(events), Some(differing)), "{range}: {report}");
    }

    for (range, field) in [
        (json!({ "last": 0 }), "last"),
        (json!({ "last": 1_000_001 }), "last"),
        (json!({ "last": "many" }), "last"),
        (json!({ "from": "yesterday" }), "from"),
        (json!({ "from": "999999" }), "from"),
        (json!({ "from": "2100-01-01T00:00:00Z" }), "from"),
        (json!({ "to": "2000-01-01T00:00:00Z" }), "to"),
        (json!({ "from": last.to_string(), "to": first.to_string() }), "to"),
    ] {
        let refused = stage.ask(&edit, range.clone()).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (400, vec![field]),
            "{range}: {}",
            refused.text
        );
    }
    let odd = stage.ask(&edit, json!({ "first": 1 })).await;
    assert!(odd.status == 400 && odd.text.contains("first"), "{}", odd.text);
    let unknown = stage.ask(&Uuid::now_v7().to_string(), json!({})).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    let path = format!("/api/v1/self-editing/edits/{edit}");
    let unknown = stage.door.get(&format!("{path}/rehearsals/{edit}")).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    stage.door.post(&format!("{path}/reject"), json!({ "reason": "no" })).await;
    let late = stage.ask(&edit, json!({})).await;
    assert!(late.status == 409 && late.text.contains("the edit is rejected"), "{}", late.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviors_see_the_past_and_have_their_say_in_order() {
    let recall = |how: &str| responder("recall", "history = 2", how);
    let told = "reply(event.history.map(|it| it.text).reduce(|all, it| all + \"; \" + it, \"\"))";
    let second = responder("recall", "", "reply(\"too late\")");
    let stage = Stage::with(&[("a", &recall(told)), ("b", &second)]).await;
    for (who, text) in [(ANA, "one"), (BOT, "two"), (BEN, "three")] {
        stage.say(who, text).await;
    }
    let asked = stage.say(ANA, "recall please").await;
    let upper = told.replace("it.text)", "it.text.to_upper())");
    let edit = stage.propose(&[("a", Some(&recall(&upper)))]).await;
    let report = stage.rehearse(&edit, json!({})).await;
    let example = &report["examples"][0];
    assert_eq!(example["before"], "reply: ; two; three", "{report}");
    assert_eq!(example["after"], "reply: ; TWO; THREE");
    assert_eq!(example["event"]["position"], asked);
    assert_eq!(report["calls_after"], 1, "the second responder was not asked");

    let silent = stage.propose(&[("a", Some(&recall("()")))]).await;
    let report = stage.rehearse(&silent, json!({})).await;
    let shown = |nth: usize| {
        let it = &report["examples"][nth];
        (it["behavior"].clone(), it["before"].clone(), it["after"].clone())
    };
    assert_eq!(shown(0), (json!("a"), json!("reply: ; two; three"), Value::Null), "{report}");
    assert_eq!(shown(1), (json!("b"), Value::Null, json!("reply: too late")), "now it is its turn");
    assert_eq!(report["differing"], 1, "it is one event");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_settings_is_rehearsed_by_those_who_read_them() {
    let head =
        "kind = \"reaction\"\non = \"message_created\"\ndescription = \"x\"\npowers = [\"reply\"]";
    let reader = script(head, "reply(setting(\"words\").hello)");
    let other = script(head, "reply(event.text)");
    let words = |hello: &str| format!("hello = \"{hello}\"\n");
    let stage = Stage::with(&[
        ("settings/words.toml", &words("Hi")),
        ("reader", &reader),
        ("other", &other),
        ("list", &prefixed("list", "reply(`${commands().len()}`)")),
    ])
    .await;
    for text in ["one", "two", "!list"] {
        stage.say(ANA, text).await;
    }
    let seen = |report: &Value| {
        let number = |name: &str| report[name].as_u64();
        (number("differing"), number("calls_before"), report["behaviors"][0]["behavior"].clone())
    };
    let edit = stage.propose(&[("settings/words.toml", Some(&words("Ahoy")))]).await;
    let report = stage.rehearse(&edit, json!({})).await;
    assert_eq!(seen(&report), (Some(2), Some(2), json!("reader")), "{report}");
    assert_eq!(report["examples"][0]["after"], "reply: Ahoy");

    let edit = stage.propose(&[("more", Some(&prefixed("more", "reply(\"more\")")))]).await;
    let report = stage.rehearse(&edit, json!({})).await;
    assert_eq!(seen(&report), (Some(1), Some(1), json!("list")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slash_commands_and_reactions_are_rehearsed_without_those_of_bots() {
    let dice = |least: u32, most: u32| {
        let how = format!("reply(`${{random({least}, {most})}} for ${{event.options.reason}}`)");
        let options = "[[options]]\nname = \"reason\"\ndescription = \"Why\"\nkind = \"text\"";
        let head = format!(
            "kind = \"command\"\nname = \"dice\"\ndescription = \"Dice\"\npowers = [\"reply\"]\n{options}"
        );
        script(&head, &how)
    };
    let thanks = |text: &str| {
        let head = "kind = \"reaction\"\non = \"reaction_added\"\ndescription = \"Thank\"\npowers = [\"reply\"]";
        script(head, &format!("reply(`{text} ${{event.emoji}}`)"))
    };
    let stage = Stage::with(&[("dice", &dice(1, 6)), ("thanks", &thanks("Thanks"))]).await;
    stage.say(BOT, "vote here").await;
    let user = DiscordUserId(ANA);
    let of = Person::discord(ANA);
    let id = stage.next_id();
    stage
        .happens(ChannelEvent::InteractionReceived {
            id,
            user,
            guild: None,
            user_name: Personal::of(of.clone(), "Ana".into()),
            command: "dice".into(),
            options: Personal::of(of, json!({ "reason": "luck" })),
        })
        .await;
    for user in [DiscordUserId(BOT), user] {
        stage.happens(ChannelEvent::ReactionAdded { message: id, user, emoji: "👍".into() }).await;
    }
    let same = stage.propose(&[("dice", Some(&format!("{}// the same\n", dice(1, 6))))]).await;
    let report = stage.rehearse(&same, json!({})).await;
    assert_eq!((&report["events"], &report["differing"]), (&json!(2), &json!(0)), "{report}");
    let calls = (&report["calls_before"], &report["calls_after"]);
    assert_eq!(calls, (&json!(1), &json!(1)), "what thanks stays as it is, and is not run");

    let other = stage
        .propose(&[("dice", Some(&dice(7, 7)[..])), ("thanks", Some(&thanks("Thank you")))])
        .await;
    let report = stage.rehearse(&other, json!({})).await;
    let example = report["examples"].as_array().unwrap().iter().find(|it| it["behavior"] == "dice");
    let example = example.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(example["event"]["text"], "/dice reason: luck");
    assert_eq!(example["after"], "reply: 7 for luck");
    let example =
        report["examples"].as_array().unwrap().iter().find(|it| it["behavior"] == "thanks");
    assert_eq!(example.unwrap()["after"], "reply: Thank you 👍");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_reactions_are_on_their_server_as_live() {
    let head = |on: &str| {
        format!("kind = \"reaction\"\non = \"{on}\"\ndescription = \"x\"\npowers = [\"reply\"]")
    };
    let on =
        |on: &str, words: &str| script(&head(on), &format!("reply(`{words} ${{event.guild}}`)"));
    let stage = Stage::with(&[
        ("edits", &on("message_edited", "before")),
        ("likes", &on("reaction_added", "before")),
    ])
    .await;
    stage.observe().await;
    let (message, user, emoji) = (stage.next_id(), DiscordUserId(ANA), "👍".to_owned());
    stage.happens(ChannelEvent::ReactionAdded { message, user, emoji }).await;
    let content = Personal::of(Person::discord(ANA), "well".to_owned());
    let (id, edited_at) = (message, stage.door.journal.clock().now());
    stage.happens(ChannelEvent::MessageEdited { id, edited_at, content, length: 4 }).await;

    let (edits, likes) = (on("message_edited", "after"), on("reaction_added", "after"));
    let edit = stage.propose(&[("edits", Some(&edits[..])), ("likes", Some(&likes))]).await;
    let report = stage.rehearse(&edit, json!({})).await;
    assert_eq!(report["differing"], 2, "{report}");
    for example in report["examples"].as_array().unwrap() {
        let answers = (&example["before"], &example["after"]);
        let told = |words: &str| json!(format!("reply: {words} {SERVER}"));
        assert_eq!(answers, (&told("before"), &told("after")), "{example}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_that_was_cut_off_is_told_as_failed() {
    let place = Installation::embedded();
    let running = place.start();
    running.import(export(7, 2_000)).await;
    let heavy =
        responder("message", "", "let n = 0;\n    while n < 20000 { n += 1; }\n    reply(`${n}`)");
    let file = json!([{ "path": "behaviors/slow.rhai", "content": heavy }]);
    let body = json!({ "scope": "features", "description": "Slow", "files": file });
    let edits = running.request(Method::POST, "/self-editing/edits").json(&body);
    let edit = running.ask(edits).await.unwrap();
    let edit = word(&edit, "id").to_owned();

    let begun = begin(&running, &edit).await;
    running.kill();
    let running = place.start();
    let shown = running.until(&begun, |it| it["status"] != "running").await;
    assert!(word(&shown, "failure").contains("ended before it did"), "{shown}");

    let begun = begin(&running, &edit).await;
    running.end();
    let running = place.start();
    let shown = running.until(&begun, |it| it["status"] == "failed").await;
    assert_eq!(word(&shown, "failure"), "the platform was stopped");
    running.end();
}

/// Begins a rehearsal, and waits until it is at work; answers where it is.
async fn begin(running: &Running, edit: &str) -> String {
    let path = format!("/self-editing/edits/{edit}/rehearse");
    let begun = running.ask(running.request(Method::POST, &path).json(&json!({}))).await.unwrap();
    let path = format!("/self-editing/edits/{edit}/rehearsals/{}", word(&begun, "rehearsal_id"));
    let shown = running.until(&path, |it| it["status"] == "running").await;
    assert!(shown["progress"].as_u64().is_some_and(|it| it < 100), "{shown}");
    path
}
