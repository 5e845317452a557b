//! The bot obeys: it leaves, comes back, and says why it cannot come.

use std::sync::Arc;

use commands::Executors;
use commands::lifecycle::Lifecycle;
use commands::ports::Snapshots;
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
async fn why_it_cannot_come_is_told_and_a_restart_makes_it_try_again() {
    let discord = DiscordSimulator::builder().without_privileged_intents().start().await.unwrap();
    let home = Home::on(discord).await;
    let mut settings = home.settings();
    settings.token = "a.wrong.one".to_owned();
    let bot = home.start_with(settings);
    home.until_gone("DISCORD_BOT_TOKEN", 1).await;
    bot.stop().await;

    let bot = home.start();
    home.until_gone("Message Content Intent", 1).await;
    home.until_gone("discord.privileged_intents", 1).await;
    // Somebody listens, and it is tried again.
    let tried = home.discord.requests().len();
    bot.lifecycle.restart(&operator(), true, "try again".to_owned()).await.unwrap();
    home.discord.wait_for_request_after(tried, |it| it.path == "/gateway").await;
    bot.stop().await;

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
    let bot = home.start_with(settings);
    home.until_gone("does not belong", 1).await;
    bot.stop().await;
    assert_eq!(home.discord.sessions_opened(), 0);
}

#[tokio::test]
async fn a_bot_that_was_killed_is_recorded_as_gone() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    bot.kill();
    // By the next one …
    let bot = home.start();
    home.until_listening(2).await;
    home.until_gone("did not end properly", 1).await;
    bot.kill();
    // … or by one that has no token.
    let watching = home.watch_absence();
    home.until_gone("did not end properly", 2).await;
    watching.await.unwrap();

    let presence: Vec<_> = home
        .events()
        .await
        .into_iter()
        .filter_map(|it| match it.event {
            Event::Bot(_, event) => Some(event.as_ref().to_owned()),
            _ => None,
        })
        .collect();
    let (there, gone) = ("connected", "disconnected");
    assert_eq!(presence, [there, gone, there, gone]);
}

#[tokio::test]
async fn one_that_was_killed_and_should_be_away_is_recorded_as_gone() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    bot.kill();
    of_another_process(&home).shutdown(&operator(), true, "night".to_owned()).await.unwrap();
    let bot = home.start();
    home.until_gone("did not end properly", 1).await;
    bot.stop().await;
}

/// The lifecycle as another process sees it, which lives on.
fn of_another_process(home: &Home) -> Lifecycle {
    let snapshots: Arc<dyn Snapshots> = home.store.clone();
    let executors = Executors::new(&home.journal, &snapshots);
    Lifecycle {
        bots: executors.bots.clone(),
        clock: home.journal.clock().clone(),
        processes: executors.processes.clone(),
        settings: executors.settings.clone(),
    }
}
