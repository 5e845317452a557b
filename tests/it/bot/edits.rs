//! The life of an edit in Discord: messages with buttons, forms, pages and suggestions.

use std::time::Duration;

use domain::kernel::{Event, GuildId};
use domain::self_editing::EditEvent;
use serde_json::json;
use tests::simulators::discord::{Interaction, Message, Ref, Response};

use super::home::{Home, Running};

const FILE: &str = "prompts/greeting.md";

#[tokio::test]
async fn an_edit_is_approved_and_applied_by_buttons() {
    let (home, bot) = home().await;
    let proposed = propose(&home, "Say hello.").await;
    let card = &proposed.message;
    assert!(proposed.text.contains("✓ syntax") && proposed.text.contains("+Say hello."));
    assert_eq!(labels(card), ["Approve", "Approve and apply", "Reject", "Show diff"]);
    // Somebody else looks at it meanwhile.
    let id = id_of(&proposed);
    let seen = slash(&home, "ben", "edit show", json!({ "id": id })).await;
    assert!(seen.ephemeral && seen.text.contains("By <@"), "{}", seen.text);

    let own = press(&home, "ana", card, "Approve").response().await;
    assert!(own.ephemeral && own.text.contains("cannot approve their own"), "{}", own.text);
    let stranger = press(&home, "cleo", card, "Approve").response().await;
    assert!(stranger.ephemeral && stranger.text.contains("approve:self-edit"), "{stranger:?}");
    let approved = press(&home, "ben", card, "Approve").response().await;
    assert_eq!(approved.message.id, card.id, "the message itself says so");
    assert!(approved.text.contains("is approved") && approved.text.contains("Approved by <@"));
    assert_eq!(labels(&approved.message), ["Apply", "Reject", "Show diff"]);

    // The other message is out of date: it is brought up to date, and nothing else happens.
    let late = press(&home, "ben", &seen.message, "Approve").response().await;
    assert!(late.text.contains("is approved"), "{}", late.text);
    let applied = press(&home, "ana", &approved.message, "Apply").response().await;
    assert!(applied.text.contains("live as revision 1"), "{}", applied.text);
    let late = press(&home, "ben", &late.message, "Apply").response().await;
    assert!(late.text.contains("live as revision 1"), "{}", late.text);
    assert_eq!(count(&home, |it| matches!(it, EditEvent::Approved { .. })).await, 1);
    assert_eq!(count(&home, |it| matches!(it, EditEvent::Applied { .. })).await, 1);

    let proposed = propose(&home, "Say hello, twice.").await;
    let both = press(&home, "ben", &proposed.message, "Approve and apply").response().await;
    assert!(both.text.contains("live as revision 2"), "{}", both.text);
    assert_eq!(labels(&both.message), ["Roll back", "Show diff"]);
    bot.stop().await;
}

#[tokio::test]
async fn an_approval_holds_for_what_was_shown() {
    let (home, bot) = home().await;
    let proposed = propose(&home, "Say hello.").await;
    let shown = button(&proposed.message, "Approve");
    let (before, after) = shown.split_once("&hash=").unwrap();
    let other = format!("{before}&hash={}{}", "0".repeat(32), &after[32..]);
    let refused = home.discord.submit("general", "ben", &other, &[]).response().await;
    assert!(refused.ephemeral && refused.text.contains("not the one you looked at"));
    let short = shown.replace(&after[..32], &after[..4]);
    let refused = home.discord.submit("general", "ben", &short, &[]).response().await;
    assert!(refused.text.contains("not the one you looked at"), "{}", refused.text);
    assert_eq!(count(&home, |it| matches!(it, EditEvent::Approved { .. })).await, 0);

    // By the command it can be approved without being applied.
    let id = id_of(&proposed);
    let approve = json!({ "id": id, "apply": false, "comment": "looks good" });
    let approved = slash(&home, "ben", "edit approve", approve).await;
    assert!(approved.text.contains("is approved") && approved.text.contains("looks good"));
    let applied = slash(&home, "ben", "edit apply", json!({ "id": id })).await;
    assert!(applied.text.contains("is applied"), "{}", applied.text);
    bot.stop().await;
}

#[tokio::test]
async fn a_button_does_nothing_for_a_server_that_is_not_trusted() {
    let home = Home::new().await;
    let elsewhere = home.discord.create_guild("Elsewhere", "ben");
    let elsewhere = home.discord.channel_in(elsewhere, "general").id;
    let general = home.discord.channel_in(home.discord.home(), "general").id;
    let mut settings = home.settings();
    settings.trusted_guilds = [GuildId(home.discord.home().0)].into();
    let bot = home.start_with(settings);
    home.until_listening(1).await;
    let proposal = json!({ "file": FILE, "description": "Greet people", "content": "Hello." });
    let proposed = home.discord.slash(Ref::from(general), "ana", "edit propose", proposal).await;
    let approve = button(&proposed.response().await.message, "Approve");
    let refused = home.discord.submit(Ref::from(elsewhere), "ben", &approve, &[]);
    let refused = refused.response().await;
    assert!(refused.ephemeral && refused.text.contains("discord.trusted_guilds"), "{refused:?}");
    assert_eq!(count(&home, |it| matches!(it, EditEvent::Approved { .. })).await, 0);
    bot.stop().await;
}

#[tokio::test]
async fn who_rejects_by_a_button_says_why() {
    let (home, bot) = home().await;
    let proposed = propose(&home, "Say hello.").await;
    let form = press(&home, "ben", &proposed.message, "Reject").modal().await;
    let form = form["custom_id"].as_str().unwrap();
    let sent =
        home.discord.submit_on("ben", &proposed.message, form, &[("reason", "It is too short")]);
    let rejected = sent.response().await;
    assert_eq!(rejected.message.id, proposed.message.id);
    assert!(rejected.text.contains("is rejected"), "{}", rejected.text);
    assert!(rejected.text.contains("It is too short"), "{}", rejected.text);
    assert_eq!(labels(&rejected.message), ["Show diff"]);

    let id = id_of(&propose(&home, "Say hello, again.").await);
    let reject = json!({ "id": id, "reason": "no" });
    assert!(slash(&home, "ben", "edit reject", reject).await.text.contains("is rejected"));
    let check = slash(&home, "ben", "edit check", json!({ "id": id })).await;
    assert!(check.text.contains("✓ syntax"), "{}", check.text);
    bot.stop().await;
}

#[tokio::test]
async fn a_rollback_is_shown_before_it_happens() {
    let (home, bot) = home().await;
    live(&home, "Say hello.").await;
    let first = head(&home).await;
    let second = live(&home, "Say hello, and mean it.").await;
    let back = json!({ "id": &second[..8] });
    until_shown(&home).await;
    let ids = home.discord.slash("general", "ben", "edit rollback", back).await.response().await;
    // Both may have been proposed within the same minute.
    let preview = if ids.text.contains("several edits") {
        slash(&home, "ben", "edit rollback", json!({ "id": second })).await
    } else {
        ids
    };
    assert!(preview.text.contains("would change 1 file (+1 −1 lines), as revision 3"));
    assert!(preview.text.contains("+Say hello.\n"), "{}", preview.text);
    assert_eq!(count(&home, |it| matches!(it, EditEvent::RolledBack { .. })).await, 0);

    let third = live(&home, "Say hello, and goodbye.").await;
    let form = press(&home, "ben", &preview.message, "Roll back").modal().await;
    let send = |form: &serde_json::Value, on: &Message| {
        let id = form["custom_id"].as_str().unwrap();
        home.discord.submit_on("ben", on, id, &[("reason", "too much")])
    };
    let moved = send(&form, &preview.message).response().await;
    assert!(moved.ephemeral && moved.text.contains("at revision 3 by now"), "{}", moved.text);

    // What came later is in the way; with force the older lines win.
    let preview = slash(&home, "ben", "edit rollback", json!({ "id": second })).await;
    assert!(preview.text.contains("meets later edits") && preview.text.contains("<<<<<<<"));
    assert_eq!(labels(&preview.message), ["Roll back with force"]);
    let back = slash(&home, "ben", "edit rollback", json!({ "id": third })).await;
    let form = press(&home, "ben", &back.message, "Roll back").modal().await;
    let done = send(&form, &back.message).response().await;
    assert_eq!(done.message.id, back.message.id);
    assert!(done.text.contains("is rolled back: revision 4"), "{}", done.text);
    assert!(done.message.components.is_empty());

    let then = slash(&home, "ben", "edit rollback", json!({ "to": first.to_string() })).await;
    let form = press(&home, "ben", &then.message, "Roll back").modal().await;
    let done = send(&form, &then.message).response().await;
    assert!(done.text.contains("as they were then: revision 5"), "{}", done.text);
    let nothing = slash(&home, "ben", "edit rollback", json!({ "to": first.to_string() })).await;
    assert!(nothing.text.contains("changes nothing"), "{}", nothing.text);
    let neither = slash(&home, "ben", "edit rollback", json!({})).await;
    assert!(neither.ephemeral && neither.text.contains("either an id or a moment"));
    bot.stop().await;
}

#[tokio::test]
async fn a_long_diff_is_read_page_by_page() {
    let (home, bot) = home().await;
    let long: Vec<_> = (0..120).map(|n| format!("This is line {n} of a long text.\n")).collect();
    let proposed = propose(&home, &long.concat()).await;
    assert!(proposed.text.contains("more lines, `/edit show id:"), "{}", proposed.text);
    let page = press(&home, "ben", &proposed.message, "Show diff").response().await;
    assert!(page.ephemeral && page.text.contains("page 1 of 3"), "{}", page.text);
    assert_ne!(page.message.id, proposed.message.id);
    let next = press(&home, "ben", &page.message, "Next").response().await;
    assert_eq!(next.message.id, page.message.id);
    assert!(next.text.contains("page 2 of 3"), "{}", next.text);
    let last = press(&home, "ben", &next.message, "Next").response().await;
    assert!(last.text.contains("+This is line 119"), "{}", last.text);
    let id = id_of(&proposed);
    let shown = slash(&home, "ben", "edit show", json!({ "id": id, "page": 2 })).await;
    assert_eq!(shown.text, next.text);
    bot.stop().await;
}

#[tokio::test]
async fn the_history_is_turned_and_ids_are_suggested() {
    let (home, bot) = home().await;
    for n in 0..12 {
        propose(&home, &format!("Say hello {n} times.")).await;
    }
    let last = live(&home, "Say goodbye.").await;
    until_shown(&home).await;
    let page = slash(&home, "ben", "edit history", json!({})).await;
    assert!(page.ephemeral && page.text.starts_with("13 edits, page 1 of 2:"), "{}", page.text);
    assert_eq!(page.text.lines().count(), 11);
    let newest = page.text.lines().nth(1).unwrap();
    assert!(newest.contains("✓ applied · features · Greet people · <t:"), "{newest}");
    let older = press(&home, "ben", &page.message, "Older").response().await;
    assert_eq!((older.message.id, older.text.lines().count()), (page.message.id, 4));
    assert_eq!(labels(&older.message), ["Newer"]);
    let applied = slash(&home, "ben", "edit history", json!({ "status": "applied" })).await;
    assert!(applied.text.starts_with("1 edit:"), "{}", applied.text);
    let refused = slash(&home, "cleo", "edit history", json!({})).await;
    assert!(refused.text.contains("read:self-edit"), "{}", refused.text);

    let typed = |who: &'static str, path: &'static str, typed: &str| {
        let options = json!({ "id": typed });
        let discord = &home.discord;
        async move {
            let asked = discord.autocomplete("general", who, path, options, "id").await;
            let choices = asked.choices().await;
            let all = choices.as_array().unwrap().iter();
            all.map(|it| it["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(typed("ben", "edit rollback", "").await, std::slice::from_ref(&last));
    assert_eq!(typed("ben", "edit approve", "").await.len(), 12);
    assert_eq!(typed("ben", "edit show", &last[..20]).await.len(), 1);
    assert_eq!(typed("ben", "edit show", "greet").await.len(), 13);
    assert_eq!(typed("cleo", "edit show", "").await, Vec::<String>::new());
    bot.stop().await;
}

/// A home where ana and ben manage the server, and nobody is too fast.
async fn home() -> (Home, Running) {
    let home = Home::new().await;
    let mut settings = home.settings();
    settings.limits.enabled = false;
    let bot = home.start_with(settings);
    home.until_listening(1).await;
    let chiefs = home.discord.create_role("Scriptorium", "chiefs", 1 << 5);
    home.discord.grant("Scriptorium", "ben", chiefs);
    (home, bot)
}

async fn slash(home: &Home, who: &str, path: &str, options: serde_json::Value) -> Response {
    home.discord.slash("general", who, path, options).await.response().await
}

async fn propose(home: &Home, content: &str) -> Response {
    let proposal = json!({ "file": FILE, "description": "Greet people", "content": content });
    let proposed = slash(home, "ana", "edit propose", proposal).await;
    assert!(proposed.text.contains("is checked"), "{}", proposed.text);
    proposed
}

/// An edit that is live; its id.
async fn live(home: &Home, content: &str) -> String {
    let proposed = propose(home, content).await;
    let id = id_of(&proposed);
    let approved = slash(home, "ben", "edit approve", json!({ "id": id })).await;
    assert!(approved.text.contains("live as revision"), "{}", approved.text);
    id
}

fn id_of(shown: &Response) -> String {
    shown.text.split('`').nth(1).unwrap().to_owned()
}

fn buttons(message: &Message) -> impl Iterator<Item = &serde_json::Value> {
    message.components.iter().flat_map(|row| row["components"].as_array().into_iter().flatten())
}

fn labels(message: &Message) -> Vec<&str> {
    buttons(message).filter_map(|it| it["label"].as_str()).collect()
}

fn button(message: &Message, label: &str) -> String {
    let found = buttons(message).find(|it| it["label"] == label);
    let found = found.unwrap_or_else(|| panic!("no {label} on {message:?}"));
    found["custom_id"].as_str().unwrap().to_owned()
}

fn press(home: &Home, who: &str, message: &Message, label: &str) -> Interaction {
    home.discord.press(who, message, &button(message, label))
}

async fn head(home: &Home) -> u64 {
    home.journal.log().head().await.unwrap()
}

async fn until_shown(home: &Home) {
    assert!(home.views.wait_for(head(home).await, Duration::from_secs(30)).await);
}

async fn count(home: &Home, wanted: impl Fn(&EditEvent) -> bool) -> usize {
    let all = home.events().await;
    let edits = all.iter().filter_map(|it| match &it.event {
        Event::Edit(_, event) => Some(event),
        _ => None,
    });
    edits.filter(|it| wanted(it)).count()
}
