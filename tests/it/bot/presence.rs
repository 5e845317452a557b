//! The bot obeys: it leaves, comes back, and says why it cannot come.

use bot::BotError;
use domain::kernel::Event;
use domain::lifecycle::BotEvent;
use tests::simulators::discord::DiscordSimulator;

use super::home::{Home, operator};

#[tokio::test]
async fn it_leaves_and_comes_back_as_it_is_told() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;

    bot.lifecycle.shutdown(&operator(), false, "night".to_owned()).await.unwrap();
    home.discord.wait_until_disconnected().await;
    let reason = home.until("good-bye", |all| {
        all.iter().find_map(|it| match &it.event {
            Event::Bot(_, BotEvent::Disconnected { reason }) => Some(reason.clone()),
            _ => None,
        })
    });
    assert_eq!(reason.await, "night");

    bot.lifecycle.restart(&operator(), false, "day".to_owned()).await.unwrap();
    home.until_listening(2).await;
    bot.lifecycle.restart(&operator(), true, "again".to_owned()).await.unwrap();
    home.until_listening(3).await;
    let said = home.discord.say("general", "ana", "good morning");
    home.until_said(said).await;
    bot.stop().await;
}

#[tokio::test]
async fn it_stays_away_over_a_restart_of_the_program() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    bot.lifecycle.shutdown(&operator(), false, "holidays".to_owned()).await.unwrap();
    home.discord.wait_until_disconnected().await;
    bot.stop().await;

    let bot = home.start();
    bot.lifecycle.restart(&operator(), false, "back".to_owned()).await.unwrap();
    home.until_listening(2).await;
    bot.stop().await;
    assert_eq!(home.discord.sessions_opened(), 2);
}

#[tokio::test]
async fn a_wrong_token_and_unapproved_intents_are_told_in_plain_words() {
    let discord = DiscordSimulator::builder().without_privileged_intents().start().await.unwrap();
    let home = Home::on(discord).await;
    let mut settings = home.settings();
    settings.token = "a.wrong.one".to_owned();
    let BotError::Fatal(reason) = home.start_with(settings).gave_up().await else {
        panic!("a wrong token is fatal");
    };
    assert!(reason.contains("DISCORD_BOT_TOKEN"), "{reason}");

    let BotError::Fatal(reason) = home.start().gave_up().await else {
        panic!("disallowed intents are fatal");
    };
    assert!(reason.contains("Message Content Intent"), "{reason}");

    let mut settings = home.settings();
    settings.privileged_intents = false;
    let bot = home.start_with(settings);
    home.until_listening(1).await;
    bot.stop().await;
}

#[tokio::test]
async fn a_gateway_elsewhere_is_refused() {
    let home = Home::new().await;
    let mut settings = home.settings();
    settings.gateway_host = Some("gateway.example".to_owned());
    let BotError::Fatal(reason) = home.start_with(settings).gave_up().await else {
        panic!("a gateway elsewhere is fatal");
    };
    assert!(reason.contains("does not belong"), "{reason}");
    assert_eq!(home.discord.sessions_opened(), 0);
}
