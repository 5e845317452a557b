//! What was missed is recorded once, even when an import has brought what is newer.

use std::time::Duration;

use domain::discord::{ChannelEvent, Message};
use domain::kernel::{Actor, Cause, ChannelId, DiscordUserId, MessageId, Person, Personal, Source};
use tests::simulators::discord::Snowflake;
use uuid::Uuid;

use super::home::{Home, each_once};

/// More than a channel remembers.
const NEWER: u64 = 4_100;

#[tokio::test]
async fn a_gap_is_filled_after_an_import_of_newer_messages() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let mut said = vec![home.discord.say("general", "ana", "before")];
    home.until_said(said[0]).await;
    bot.stop().await;

    // More than one page of REST; the import holds some of them, and many that came later.
    for number in 0..230 {
        said.push(home.discord.say("general", "ben", &format!("missed {number}")));
    }
    let asked = format!("<@{}> are you there?", home.discord.bot());
    said.push(home.discord.say("general", "ana", &asked));
    let last = said.last().unwrap().0;
    let newer: Vec<_> = (1..=NEWER).map(|n| Snowflake(last + n)).collect();
    let imported: Vec<_> = said[100..150].iter().chain(&newer).copied().collect();
    import(&home, &imported).await;

    let bot = home.start();
    home.until_said(Snowflake(last)).await;
    let answer = home.discord.wait_for_message("general", |it| it.content.starts_with("You said"));
    said.push(answer.await.id);
    said.push(home.discord.say("general", "ana", "after"));
    home.until_said(*said.last().unwrap()).await;
    home.until_said(said[said.len() - 2]).await;
    bot.stop().await;

    let mut recorded = home.said_in("general").await;
    each_once(&recorded);
    recorded.sort_unstable();
    said.extend(newer);
    said.sort_unstable();
    assert_eq!(recorded, said);
}

/// More than is recorded live while something older is missing.
const LONG: usize = 1_000;

#[tokio::test]
async fn a_gap_that_takes_long_to_fill_loses_nothing_that_is_said_meanwhile() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let general = |text: &str| home.discord.say("general", "ana", text);
    let mut said = vec![general("before")];
    home.until_said(said[0]).await;

    home.discord.rate_limit_next(usize::MAX, Duration::from_millis(100));
    home.discord.forget_sessions();
    said.push(general("missed"));
    home.until_listening(2).await;
    for round in 0..LONG / 200 {
        said.extend((0..200).map(|number| general(&format!("live {round} {number}"))));
        home.until_said(*said.last().unwrap()).await;
    }
    said.extend((0..100).map(|number| general(&format!("later {number}"))));
    home.discord.react("general", said[0], "ben", "👍");
    home.until("the reaction, which comes last", |all| {
        all.iter().any(|it| it.event.type_name() == "channel.reaction_added").then_some(())
    })
    .await;
    assert!(home.said_in("general").await.len() < said.len());

    home.discord.rate_limit_next(0, Duration::ZERO);
    home.until_said(*said.last().unwrap()).await;
    bot.stop().await;
    let mut recorded = home.said_in("general").await;
    each_once(&recorded);
    recorded.sort_unstable();
    assert_eq!(recorded, said);
}

/// As `palimpsest import` does it.
async fn import(home: &Home, ids: &[Snowflake]) {
    let channel = ChannelId(home.discord.channel("general").id.0);
    let cause = Cause::asked(Actor::system("test"), Uuid::now_v7(), Source::Import);
    let ben = Person::discord(7);
    let facts = ids.iter().map(|id| {
        ChannelEvent::MessageCreated(Message {
            id: MessageId(id.0),
            guild: None,
            author: DiscordUserId(7),
            author_name: Personal::of(ben.clone(), "ben".into()),
            bot: false,
            content: Personal::of(ben.clone(), "imported".into()),
            length: 8,
            reply_to: None,
            attachments: None,
            to_bot: false,
        })
    });
    let mut import = home.observations().begin_import(channel).await.expect("a channel");
    import.record(&cause, facts.collect()).await.expect("an import");
}
