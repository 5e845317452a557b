//! The Discord simulator, judged by an unmodified serenity client.

mod answer;
mod client;

use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{
    ChannelId, CreateMessage, EditMessage, Event, GatewayIntents, GetMessages, GuildId, MessageId,
    Nonce, UserId,
};
use tests::simulators::discord::{DiscordSimulator, Hostile, Message};
use tokio::time::timeout;

use client::{Bot, Ears, PATIENCE, client, http, refusal, status};

#[tokio::test]
async fn a_client_is_told_who_it_is_and_where() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;

    let ready = bot.hears(|event| matches!(event, Event::Ready(_))).await;
    let Event::Ready(ready) = ready else { unreachable!() };
    assert_eq!(ready.ready.user.id.get(), discord.bot().0);
    assert_eq!(ready.ready.guilds.len(), 1);
    assert!(ready.ready.guilds[0].unavailable);

    let guild = bot.hears(|event| matches!(event, Event::GuildCreate(_))).await;
    let Event::GuildCreate(guild) = guild else { unreachable!() };
    assert_eq!(guild.guild.name, "Scriptorium");
    assert_eq!(guild.guild.channels.len(), 3);
    assert_eq!(guild.guild.members.len(), 4);
}

#[tokio::test]
async fn what_people_say_edit_and_delete_is_heard() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    discord.wait_until_connected().await;

    let id = discord.say("general", "ben", "good morning");
    assert_eq!(bot.hears_message(id).await, "good morning");
    discord.edit("general", id, "good evening");
    bot.hears(|event| match event {
        Event::MessageUpdate(update) => update.content.as_deref() == Some("good evening"),
        _ => false,
    })
    .await;
    discord.react("general", id, "cleo", "👍");
    bot.hears(|event| matches!(event, Event::ReactionAdd(_))).await;
    discord.unreact("general", id, "cleo", "👍");
    bot.hears(|event| matches!(event, Event::ReactionRemove(_))).await;
    discord.delete("general", id);
    bot.hears(|event| matches!(event, Event::MessageDelete(_))).await;

    let dora = discord.join("Scriptorium", "dora");
    bot.hears(|event| matches!(event, Event::GuildMemberAdd(_))).await;
    discord.leave("Scriptorium", dora);
    bot.hears(|event| matches!(event, Event::GuildMemberRemove(_))).await;
    let guild = discord.create_guild("Annex", "ben");
    bot.hears(|event| matches!(event, Event::GuildCreate(it) if it.guild.name == "Annex")).await;
    discord.leave_guild(guild);
    bot.hears(|event| matches!(event, Event::GuildDelete(_))).await;
}

#[tokio::test]
async fn without_the_intent_only_what_concerns_the_bot_can_be_read() {
    let discord = DiscordSimulator::builder().without_privileged_intents().start().await.unwrap();
    let bot = Bot::connect(&discord, GatewayIntents::non_privileged()).await;
    discord.wait_until_connected().await;

    let secret = discord.say("general", "ben", "between us");
    assert_eq!(bot.hears_message(secret).await, "");
    let named = discord.say("general", "ben", &format!("<@{}> hello", discord.bot()));
    assert!(bot.hears_message(named).await.ends_with("hello"));
    let direct = discord.say_in_dm("ben", "psst");
    assert_eq!(bot.hears_message(direct).await, "psst");

    let page = bot.channel("general").messages(&bot.http, GetMessages::new()).await.unwrap();
    assert_eq!(page[1].content, "");
}

#[tokio::test]
async fn a_wrong_token_and_unapproved_intents_are_refused() {
    let discord = DiscordSimulator::builder().without_privileged_intents().start().await.unwrap();
    for (token, intents, refusal) in [
        ("a.wrong.one", GatewayIntents::empty(), "invalid authentication"),
        (&*discord.token(), GatewayIntents::MESSAGE_CONTENT, "Disallowed gateway intents"),
    ] {
        let mut client = client(&discord, token, intents, Ears::deaf()).await;
        let error = timeout(PATIENCE, client.start()).await.unwrap().unwrap_err();
        assert!(error.to_string().contains(refusal), "{error}");
    }
    let http = http(&discord, "a.wrong.one");
    assert!(status(http.get_current_user().await) == 401);
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_without_loss() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    discord.wait_until_connected().await;

    for round in 0..3 {
        let before = discord.say("general", "ana", &format!("before {round}"));
        bot.hears_message(before).await;
        match round {
            1 => discord.ask_for_reconnect(),
            _ => discord.drop_connections(),
        }
        let during = discord.say("general", "ana", &format!("during {round}"));
        assert_eq!(bot.hears_message(during).await, format!("during {round}"));
    }
    assert_eq!(discord.sessions_opened(), 1);
    assert!(discord.sessions_resumed() >= 3);
}

#[tokio::test]
async fn a_forgotten_session_begins_anew_and_rest_still_shows_what_was_missed() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    discord.wait_until_connected().await;
    discord.forget_sessions();
    let missed = discord.say("general", "ana", "nobody is here");
    discord.wait_until_connected().await;
    assert_eq!(discord.sessions_opened(), 2);

    let heard = discord.say("general", "ana", "welcome back");
    bot.hears_message(heard).await;
    let after = GetMessages::new().after(MessageId::new(missed.0 - 1)).limit(1);
    let page = bot.channel("general").messages(&bot.http, after).await.unwrap();
    assert_eq!(page[0].content, "nobody is here");
}

#[tokio::test]
async fn pages_come_newest_first_and_after_means_next() {
    let discord = DiscordSimulator::start().await;
    let ids: Vec<u64> = (0..7).map(|n| discord.say("help", "ben", &format!("{n}")).0).collect();
    let bot = http(&discord, &discord.token());
    let channel = ChannelId::new(discord.channel("help").id.0);
    let page = async |page: GetMessages| {
        let page = channel.messages(&bot, page).await.unwrap();
        page.into_iter().map(|it| it.content).collect::<String>()
    };
    let id = |n: usize| MessageId::new(ids[n]);

    assert_eq!(page(GetMessages::new()).await, "6543210");
    assert_eq!(page(GetMessages::new().limit(2)).await, "65");
    assert_eq!(page(GetMessages::new().before(id(5)).limit(2)).await, "43");
    assert_eq!(page(GetMessages::new().after(id(1)).limit(2)).await, "32");
    assert_eq!(page(GetMessages::new().around(id(3)).limit(4)).await, "4321");
}

#[tokio::test]
async fn a_send_with_the_same_nonce_is_one_message() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    discord.wait_until_connected().await;
    let send = || {
        let nonce = Nonce::String("once-and-only-once".to_owned());
        let message = CreateMessage::new().content("hello").nonce(nonce).enforce_nonce(true);
        bot.channel("general").send_message(&bot.http, message)
    };

    let (first, again) = (send().await.unwrap(), send().await.unwrap());
    assert_eq!(first.id, again.id);
    assert_eq!(discord.messages("general").len(), 1);
    discord.advance(Duration::from_mins(10));
    assert_ne!(send().await.unwrap().id, first.id);

    let edited = first.channel_id.edit_message(
        &bot.http,
        first.id,
        EditMessage::new().content("hello again"),
    );
    edited.await.unwrap();
    first.react(&bot.http, '🎉').await.unwrap();
    let there: &Message = &discord.messages("general")[0];
    assert_eq!((&*there.content, &*there.reactions[0].emoji), ("hello again", "🎉"));
    first.delete(&bot.http).await.unwrap();
    assert_eq!(discord.messages("general").len(), 1);
}

#[tokio::test]
async fn refusals_have_discords_own_shape() {
    let discord = DiscordSimulator::start().await;
    let bot = http(&discord, &discord.token());
    let general = ChannelId::new(discord.channel("general").id.0);

    // serenity itself refuses long messages; the raw call does not.
    let long = json!({ "content": "x".repeat(2001) });
    let too_long = bot.send_message(general, Vec::new(), &long).await;
    assert_eq!(refusal(too_long), (400, 50035));
    let nowhere = ChannelId::new(1).say(&bot, "hello").await;
    assert_eq!(refusal(nowhere), (404, 10003));
    let id = discord.say("general", "ana", "mine");
    let edit = EditMessage::new().content("yours");
    let not_own = general.edit_message(&bot, MessageId::new(id.0), edit).await;
    assert_eq!(refusal(not_own), (403, 50005));
    discord.rate_limit_next(1, Duration::from_millis(1500));
    assert_eq!(status(general.say(&bot, "hello").await), 429);
    discord.outage(true);
    general.say(&bot, "hello").await.expect_err("nobody is there");
    discord.outage(false);
    general.say(&bot, "hello").await.unwrap();
}

#[tokio::test]
async fn guilds_members_and_roles_are_served() {
    let discord = DiscordSimulator::start().await;
    let bot = http(&discord, &discord.token());
    let home = GuildId::new(discord.home().0);
    let ben = UserId::new(discord.user("ben").id.0);
    let scribes = discord.create_role("Scriptorium", "scribes", 0);

    let guilds = bot.get_guilds(None, None).await.unwrap();
    assert_eq!((guilds.len(), guilds[0].id), (1, home));
    assert_eq!(home.to_partial_guild(&bot).await.unwrap().roles.len(), 2);
    assert_eq!(home.channels(&bot).await.unwrap().len(), 3);
    let first = home.members(&bot, Some(2), None).await.unwrap();
    let rest = home.members(&bot, Some(1000), Some(first[1].user.id)).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 2));
    bot.add_member_role(home, ben, scribes.0.into(), None).await.unwrap();
    assert_eq!(home.member(&bot, ben).await.unwrap().roles.len(), 1);
    bot.remove_member_role(home, ben, scribes.0.into(), None).await.unwrap();
    assert!(home.member(&bot, ben).await.unwrap().roles.is_empty());

    assert_eq!(bot.get_current_application_info().await.unwrap().id.get(), discord.bot().0);
    assert_eq!(bot.get_bot_gateway().await.unwrap().url, discord.gateway_url());
    let direct = ben.create_dm_channel(&bot).await.unwrap();
    direct.say(&bot, "just between us").await.unwrap();
    direct.id.broadcast_typing(&bot).await.unwrap();
    assert_eq!(discord.direct_messages("ben")[0].content, "just between us");
}

#[tokio::test]
async fn interactions_are_answered_at_once_or_after_thinking() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    bot.registers_its_commands(&discord).await;

    let quick = discord.slash("general", "ana", "status", json!({})).await;
    let response = quick.response().await;
    assert_eq!((&*response.text, response.ephemeral, response.deferred), ("up", true, false));
    assert!(discord.messages("general").is_empty(), "only ana sees it");

    let options = json!({ "description": "wave back" });
    let slow = discord.slash("general", "ben", "edit propose", options).await;
    let response = slow.response().await;
    assert_eq!((&*response.text, response.deferred), ("proposed: wave back", true));
    assert_eq!(discord.messages("general")[0].content, "proposed: wave back");
    assert_eq!(slow.followup(0).await.content, "and noted");
}

#[tokio::test]
async fn people_press_buttons_fill_in_forms_and_get_suggestions() {
    let discord = DiscordSimulator::start().await;
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    bot.registers_its_commands(&discord).await;

    discord.slash("general", "ana", "ask", json!({ "topic": "owls" })).await.response().await;
    let asked = discord.wait_for_message("general", |it| !it.components.is_empty()).await;
    let pressed = discord.press("ben", &asked, "more").response().await;
    assert_eq!((&*pressed.text, pressed.message.id), ("more about owls", asked.id));
    let form = discord.press("ben", &asked, "tell").modal().await;
    assert_eq!(form["custom_id"], "story");
    let told = discord.submit("general", "ben", "story", &[("story", "once upon")]);
    assert_eq!(told.response().await.text, "thank you for: once upon");

    let typed = json!({ "topic": "ow" });
    let typing = discord.autocomplete("general", "ana", "ask", typed, "topic").await;
    assert_eq!(typing.choices().await[0]["name"], "owls");
}

#[tokio::test]
async fn events_that_serenity_cannot_parse_arrive_all_the_same() {
    let discord = DiscordSimulator::start().await;
    discord.hostile(Hostile::GuildWithoutStages);
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    bot.hears_unknown("GUILD_CREATE").await;

    discord.hostile(Hostile::MessageEventWithoutMentions);
    let id = discord.say("general", "ana", "hello");
    bot.hears_unknown("MESSAGE_CREATE").await;
    discord.hostile(Hostile::ReactionWithoutBurst);
    discord.react("general", id, "ben", "👍");
    bot.hears_unknown("MESSAGE_REACTION_ADD").await;
    discord.hostile(Hostile::MemberUpdateWithoutJoinTime);
    let scribes = discord.create_role("Scriptorium", "scribes", 0);
    discord.grant("Scriptorium", "ben", scribes);
    bot.hears_unknown("GUILD_MEMBER_UPDATE").await;
}

#[tokio::test]
async fn after_an_outage_or_a_silence_the_client_comes_back() {
    let beat = Duration::from_millis(200);
    let discord = DiscordSimulator::builder().heartbeat(beat).start().await.unwrap();
    let bot = Bot::connect(&discord, GatewayIntents::all()).await;
    discord.wait_until_connected().await;

    discord.freeze_gateway(true);
    discord.wait_until_disconnected().await;
    discord.freeze_gateway(false);
    discord.wait_until_connected().await;
    let heard = discord.say("general", "ana", "are you there?");
    bot.hears_message(heard).await;

    discord.outage(true);
    discord.wait_until_disconnected().await;
    discord.outage(false);
    discord.wait_until_connected().await;
    let heard = discord.say("general", "ana", "and now?");
    bot.hears_message(heard).await;
}

#[tokio::test]
async fn what_the_document_does_not_allow_is_caught() {
    let discord = DiscordSimulator::start().await;
    let general = discord.channel("general").id;
    let bot = reqwest::Client::new();
    let ask = async |method: &str, path: String, body: Value| {
        let request =
            bot.request(method.parse().unwrap(), format!("{}/api/v10{path}", discord.url()));
        let request = request.header("Authorization", format!("Bot {}", discord.token()));
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };

    let send = format!("/channels/{general}/messages");
    let (status, answer) = ask("POST", send.clone(), json!({ "content": 7 })).await;
    assert_eq!((status, &answer["code"]), (400, &json!(50035)));
    assert!(answer["errors"]["content"]["_errors"][0]["message"].is_string(), "{answer}");
    let long_nonce = json!({ "content": "hello", "nonce": "01ARZ3NDEKTSV4RRFFQ69G5FAV" });
    assert_eq!(ask("POST", send, long_nonce).await.0, 400);
    assert_eq!(ask("POST", "/nowhere".to_owned(), json!({})).await.0, 404);
    assert_eq!(ask("PUT", "/gateway".to_owned(), json!({})).await.0, 405);

    let caught: Vec<_> = discord.violations().iter().map(ToString::to_string).collect();
    assert_eq!(caught.len(), 4, "{caught:#?}");
    assert!(caught[0].contains("content: 7 is not of types"), "{caught:#?}");
    assert!(discord.messages("general").is_empty());
}

#[tokio::test]
async fn unread_violations_fail_the_test() {
    let discord = DiscordSimulator::start().await;
    let answer = reqwest::get(discord.url() + "/api/v10/nowhere").await.unwrap();
    assert_eq!(answer.status(), 404);
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(discord)));
    assert!(dropped.is_err());
}

#[tokio::test]
async fn hostile_answers_come_after_the_deed() {
    let discord = DiscordSimulator::start().await;
    let bot = http(&discord, &discord.token());
    let general = ChannelId::new(discord.channel("general").id.0);

    for (sent, hostile) in [
        Hostile::AnswerLost,
        Hostile::MessageWithoutMentions,
        Hostile::NullContent,
        Hostile::NumbersAsText,
    ]
    .into_iter()
    .enumerate()
    {
        discord.hostile(hostile);
        general.say(&bot, "hello").await.expect_err("no answer that serenity takes");
        assert_eq!(discord.messages("general").len(), sent + 1, "{hostile:?}");
    }
    for hostile in [Hostile::RequestLost, Hostile::ServerError] {
        discord.hostile(hostile);
        general.say(&bot, "hello").await.expect_err("no answer");
    }
    assert_eq!(discord.messages("general").len(), 4);
    general.say(&bot, "hello").await.unwrap();
}

#[tokio::test]
async fn a_shell_can_play_along() {
    let discord = DiscordSimulator::start().await;
    let shell = reqwest::Client::new();
    let order = async |act: &str, order: Value| -> Value {
        let url = format!("{}/_sim/{act}", discord.url());
        shell.post(url).json(&order).send().await.unwrap().json().await.unwrap()
    };

    let said = order("say", json!({ "channel": "general", "user": "ana", "text": "hello" })).await;
    assert_eq!(said["id"], json!(discord.messages("general")[0].id));
    let messages = order("messages", json!({ "channel": "general" })).await;
    assert_eq!(messages[0]["text"], "hello");
    assert_eq!(order("violations", json!({})).await, json!([]));
    assert!(order("sing", json!({})).await["error"].is_string());
    assert!(order("say", json!({ "chanel": "general" })).await["error"].is_string());
}
