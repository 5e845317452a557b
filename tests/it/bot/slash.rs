//! Slash commands, from a member's keyboard to what he sees.

use std::time::Duration;

use commands::behaviors::OWN_COMMANDS;
use domain::discord::ChannelEvent;
use domain::kernel::{Event, GuildId, Recorded};
use domain::self_editing::EditEvent;
use serde_json::json;
use tests::simulators::discord::{Hostile, Ref};

use super::home::Home;

#[tokio::test]
async fn commands_are_registered_once_and_not_again() {
    let home = Home::new().await;
    home.discord.hostile(Hostile::CommandsWithoutIds);
    let bot = home.start();
    home.discord.wait_for_request(|it| it.method == "PUT").await;
    bot.stop().await;
    let names: Vec<_> = home.discord.commands(None).iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["api-token", "ask", "behaviors", "edit", "history", "status", "Why?"]);
    assert_eq!(names[..6], OWN_COMMANDS, "behaviors cannot take these names");

    let bot = home.start();
    home.until_listening(2).await;
    bot.stop().await;
    let puts = home.discord.requests().into_iter().filter(|it| it.method == "PUT").count();
    assert_eq!(puts, 1, "Discord showed them already");
}

#[tokio::test]
async fn a_question_is_answered_before_everybody_and_recorded() {
    let home = Home::new().await;
    let bot = home.start();
    let asked = json!({ "text": "what is a palimpsest?" });
    let asked = home.discord.slash("general", "ben", "ask", asked).await;
    let response = asked.response().await;
    assert_eq!((&*response.text, response.ephemeral), ("You said: what is a palimpsest?", false));

    let (received, answered) = home
        .until("the answer in the log", |all| {
            let answered = all.iter().find(|it| {
                matches!(
                    &it.event,
                    Event::Channel(_, ChannelEvent::InteractionAnswered { success: true, .. })
                )
            })?;
            let received = all.iter().find(|it| {
                matches!(&it.event, Event::Channel(_, ChannelEvent::InteractionReceived { .. }))
            })?;
            Some((received.clone(), answered.clone()))
        })
        .await;
    assert_eq!(received.correlation, answered.correlation);
    let Event::Channel(_, ChannelEvent::InteractionReceived { command, options, .. }) =
        received.event
    else {
        unreachable!()
    };
    assert_eq!(command, "ask");
    assert_eq!(options.clear(), Some(&json!({ "text": "what is a palimpsest?" })));
    bot.stop().await;
}

#[tokio::test]
async fn whoever_is_too_fast_is_told_in_private_when_to_try_again() {
    let home = Home::new().await;
    let mut settings = home.settings();
    settings.limits.user_per_minute = 2;
    let bot = home.start_with(settings);
    let asked = |who: &'static str, command: &'static str| {
        let discord = &home.discord;
        async move { discord.slash("general", who, command, json!({})).await.response().await }
    };
    for _ in 0..2 {
        let told = asked("ben", "status").await;
        assert!(!told.text.contains("try again"), "{}", told.text);
    }
    let told = asked("ben", "status").await;
    assert!(told.ephemeral && told.text.contains("try again in "), "{}", told.text);
    assert!(!asked("ben", "history").await.text.contains("try again in "), "another command");
    assert!(!asked("ana", "status").await.text.contains("try again in "), "another person");
    home.until("the refusal in the log", |all| {
        all.iter()
            .find(|it| {
                matches!(
                    &it.event,
                    Event::Channel(_, ChannelEvent::InteractionAnswered { success: false, .. })
                )
            })
            .cloned()
    })
    .await;
    bot.stop().await;
}

#[tokio::test]
async fn the_history_can_be_searched_by_who_may_read_it() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    for text in ["owls are quiet", "cats are not", "an owl again"] {
        let said = home.discord.say("help", "ana", text);
        let position = home.until_said(said).await.position;
        assert!(home.views.wait_for(position, Duration::from_secs(30)).await);
    }

    let help = home.discord.channel("help").id.to_string();
    let found = json!({ "channel": help, "search": "owls", "limit": 5 });
    let found = home.discord.slash("general", "ben", "history", found).await.response().await;
    assert!(found.ephemeral && found.text.contains("**ana** owls are quiet"), "{}", found.text);
    assert!(!found.text.contains("cats"), "{}", found.text);
    let all = home.discord.slash("help", "ben", "history", json!({})).await.response().await;
    assert_eq!(all.text.lines().count(), 4, "{}", all.text);

    let status = home.discord.slash("general", "cleo", "status", json!({})).await;
    let status = status.response().await;
    assert!(status.ephemeral && status.text.contains("Servers: 1"), "{}", status.text);
    bot.stop().await;
}

#[tokio::test]
async fn what_takes_time_is_thought_about_in_the_open() {
    let home = Home::new().await;
    let bot = home.start();
    let asked = json!({ "text": "take your time" });
    let asked = home.discord.slash("general", "ben", "ask", asked).await;
    asked.acknowledged().await;
    home.gate.add_permits(1);
    let response = asked.response().await;
    assert_eq!((&*response.text, response.deferred), ("You said: take your time", true));
    bot.stop().await;
}

#[tokio::test]
async fn a_call_that_serenity_cannot_read_is_answered_all_the_same() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    home.discord.hostile(Hostile::InteractionWithoutLocale);
    let asked = home.discord.slash("general", "ben", "ask", json!({ "text": "hm?" })).await;
    assert_eq!(asked.response().await.text, "You said: hm?");
    bot.stop().await;
}

#[tokio::test]
async fn an_edit_goes_from_proposal_to_rollback() {
    let home = Home::new().await;
    let bot = home.start();
    let chiefs = home.discord.create_role("Scriptorium", "chiefs", 1 << 5);
    home.discord.grant("Scriptorium", "ben", chiefs);

    let proposal = json!({
        "file": "prompts/greeting.md",
        "description": "Greet people",
        "content": "Say hello.",
    });
    let proposed = home.discord.slash("general", "ana", "edit propose", proposal).await;
    let text = proposed.response().await.text;
    assert!(text.contains("is checked") && text.contains("+Say hello."), "{text}");
    let id = text.split('`').nth(1).unwrap().to_owned();

    let own = home.discord.slash("general", "ana", "edit approve", json!({ "id": id })).await;
    let refused = own.response().await;
    assert!(refused.ephemeral && refused.text.contains("cannot approve their own"), "{refused:?}");

    let approved = home.discord.slash("general", "ben", "edit approve", json!({ "id": id })).await;
    let text = approved.response().await.text;
    assert!(text.contains("live as revision 1"), "{text}");

    let more = json!({
        "file": "prompts/greeting.md",
        "description": "Greet people better",
        "content": "Say hello, and mean it.",
    });
    let proposed = home.discord.slash("general", "ana", "edit propose", more).await;
    let text = proposed.response().await.text;
    let id = text.split('`').nth(1).unwrap().to_owned();
    let approve = json!({ "id": id, "comment": "nice" });
    let approved = home.discord.slash("general", "ben", "edit approve", approve).await;
    assert!(approved.response().await.text.contains("revision 2"));
    let back = home.discord.slash("general", "ben", "edit rollback", json!({ "id": id })).await;
    let preview = back.response().await;
    let confirm = preview.message.components[0]["components"][0]["custom_id"].clone();
    let confirm = home.discord.press("ben", &preview.message, confirm.as_str().unwrap());
    let form = confirm.modal().await["custom_id"].as_str().unwrap().to_owned();
    let reason = [("reason", "too much")];
    let back = home.discord.submit_on("ben", &preview.message, &form, &reason);
    let text = back.response().await.text;
    assert!(text.contains("is rolled back") && text.contains("revision 3"), "{text}");

    home.until("the rollback", |all| {
        all.iter()
            .any(|it| matches!(&it.event, Event::Edit(_, EditEvent::RolledBack { .. })))
            .then_some(())
    })
    .await;
    bot.stop().await;
}

#[tokio::test]
async fn a_form_asks_for_the_content() {
    let home = Home::new().await;
    let bot = home.start();
    let proposal = json!({ "file": "prompts/greeting.md", "description": "Greet people" });
    let asked = home.discord.slash("general", "ana", "edit propose", proposal).await;
    let form = asked.modal().await;
    assert_eq!(form["custom_id"], "edit propose");
    let fields = [
        ("file", "prompts/greeting.md"),
        ("description", "Greet people"),
        ("content", "Say hello."),
    ];
    let sent = home.discord.submit("general", "ana", "edit propose", &fields);
    let text = sent.response().await.text;
    assert!(text.contains("+Say hello."), "{text}");

    // What the form does not ask for is not forgotten.
    let proposal = json!({
        "file": "prompts/greeting.md",
        "description": "Greet people",
        "scope": "performance",
    });
    let asked = home.discord.slash("general", "ana", "edit propose", proposal).await;
    let form = asked.modal().await["custom_id"].as_str().unwrap().to_owned();
    let sent = home.discord.submit("general", "ana", &form, &fields);
    let text = sent.response().await.text;
    assert!(text.contains("(performance)"), "{text}");
    bot.stop().await;
}

#[tokio::test]
async fn only_servers_that_are_trusted_may_edit_the_bot() {
    let home = Home::new().await;
    let other = home.discord.create_guild("Elsewhere", "ben");
    let elsewhere = home.discord.channel_in(other, "general").id;
    let general = home.discord.channel_in(home.discord.home(), "general").id;
    let proposal = || json!({ "file": "prompts/a.md", "description": "x", "content": "y" });
    let propose = |channel, who| home.discord.slash(channel, who, "edit propose", proposal());

    // In several servers, none is trusted unless it is named.
    let bot = home.start();
    home.until_listening(1).await;
    home.until("both servers", |all| (guilds(all) == 2).then_some(())).await;
    let refused = propose(Ref::from(general), "ana").await.response().await;
    assert!(refused.text.contains("discord.trusted_guilds"), "{}", refused.text);
    bot.stop().await;

    let mut settings = home.settings();
    settings.trusted_guilds = [GuildId(home.discord.home().0)].into();
    let bot = home.start_with(settings);
    home.until_listening(2).await;
    let refused = propose(Ref::from(elsewhere), "ben").await.response().await;
    assert!(refused.ephemeral && refused.text.contains("discord.trusted_guilds"), "{refused:?}");
    let proposed = propose(Ref::from(general), "ana").await.response().await;
    assert!(proposed.text.contains("is checked"), "{}", proposed.text);
    bot.stop().await;
}

fn guilds(all: &[Recorded]) -> usize {
    all.iter().filter(|it| it.event.type_name() == "guild.observed").count()
}

#[tokio::test]
async fn an_answer_gets_there_though_the_word_before_it_was_lost() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    home.discord.hostile(Hostile::AnswerLost);
    let asked = json!({ "text": "take your time" });
    let asked = home.discord.slash("general", "ben", "ask", asked).await;
    asked.acknowledged().await;
    home.gate.add_permits(1);
    assert_eq!(asked.response().await.text, "You said: take your time");

    // Every try to say that we think comes through, and none is heard of.
    for _ in 0..3 {
        home.discord.hostile(Hostile::AnswerLost);
    }
    let asked = home.discord.slash("general", "ben", "ask", json!({ "text": "hm?" })).await;
    assert_eq!(asked.response().await.text, "You said: hm?");
    bot.stop().await;
}

#[tokio::test]
async fn what_one_may_not_do_is_said_in_private_and_plain_words() {
    let home = Home::new().await;
    let bot = home.start();
    let proposal = json!({ "file": "prompts/a.md", "description": "x", "content": "y" });
    let refused = home.discord.slash("general", "cleo", "edit propose", proposal).await;
    let refused = refused.response().await;
    assert!(refused.ephemeral);
    assert!(refused.text.contains("propose:self-edit"), "{}", refused.text);

    let nonsense = json!({ "id": "nonsense" });
    let refused = home.discord.slash("general", "ana", "edit rollback", nonsense).await;
    let refused = refused.response().await;
    assert!(refused.ephemeral && refused.text.contains("not the id of an edit"), "{refused:?}");

    let failed = home.until("the failure in the log", |all| {
        all.iter().find_map(|it| match &it.event {
            Event::Channel(_, ChannelEvent::InteractionAnswered { success, error, .. }) => {
                Some((*success, error.clone()))
            }
            _ => None,
        })
    });
    let (success, error) = failed.await;
    assert!(!success && error.unwrap().contains("propose:self-edit"));
    bot.stop().await;
}

#[tokio::test]
async fn nothing_secret_reaches_the_log() {
    let home = Home::new().await;
    let bot = home.start();
    let asked = home.discord.slash("general", "ben", "ask", json!({ "text": "hm?" })).await;
    asked.response().await;
    home.until("the answer in the log", |all| {
        all.iter().any(|it| it.event.type_name() == "channel.interaction_answered").then_some(())
    })
    .await;
    bot.stop().await;
    let token = home.discord.token();
    for commit in home.journal.log().read_all(0, 1_000).await.unwrap() {
        let text = String::from_utf8_lossy(&commit.body).into_owned();
        assert!(!text.contains(&token) && !text.contains("interaction-"), "{text}");
    }
}
