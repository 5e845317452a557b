//! Messages to Discord: exactly one in the channel in the end, whatever is lost on the way.

use std::sync::Arc;
use std::time::Duration;

use adapters::SystemClock;
use adapters::discord_rest::DiscordRest;
use chrono::{DateTime, TimeDelta, Utc};
use commands::ports::{Discord as _, Post, TryLater};
use domain::kernel::Outcome;
use domain::kernel::{ChannelId, Clock, MessageId};
use tests::simulators::discord::{DiscordSimulator, Hostile, Snowflake};

#[tokio::test]
async fn a_post_pings_nobody_and_answers_its_message() {
    let discord = DiscordSimulator::start().await;
    let asked = discord.say("general", "ana", "hello?");
    let text = format!("hello <@{}> @everyone", discord.user("ben").id);
    let post = Post { text, ..answer(&discord, Some(asked)) };

    let outcome = rest(&discord).post(&post).await.unwrap();
    let sent = &discord.messages("general")[1];
    assert_eq!(outcome, Outcome::Delivered { outside_id: sent.id.to_string() });
    assert_eq!(
        (sent.reply_to, sent.pings.is_empty(), sent.mention_everyone),
        (Some(asked), true, false)
    );
}

#[tokio::test]
async fn an_answer_that_is_lost_or_odd_leaves_one_message() {
    for hostile in [
        Hostile::AnswerLost,
        Hostile::MessageWithoutMentions,
        Hostile::NullContent,
        Hostile::NumbersAsText,
        Hostile::RequestLost,
        Hostile::ServerError,
    ] {
        let discord = DiscordSimulator::start().await;
        let asked = discord.say("general", "ana", "hello?");
        discord.hostile(hostile);
        let outcome = until_settled(&rest(&discord), &answer(&discord, Some(asked))).await;
        let there = discord.messages("general");
        assert_eq!(there.len(), 2, "{hostile:?}");
        assert_eq!(outcome, Outcome::Delivered { outside_id: there[1].id.to_string() });
    }
}

#[tokio::test]
async fn a_post_that_is_repeated_late_is_found_instead_of_sent_again() {
    let discord = DiscordSimulator::start().await;
    let asked = discord.say("general", "ana", "hello?");
    let post = answer(&discord, Some(asked));
    let first = until_settled(&rest(&discord), &post).await;
    for number in 0..130 {
        discord.say("general", "ben", &format!("chatter {number}"));
    }
    // Discord has forgotten the nonce by then.
    discord.advance(Duration::from_hours(1));
    let late = DiscordRest::new(Some(&discord.url()), &discord.token(), Arc::new(Late)).unwrap();
    assert_eq!(until_settled(&late, &post).await, first);
    assert_eq!(discord.messages("general").len(), 132);

    // What was never sent is sent, however late.
    let other = Post { text: "sorry, I was away".to_owned(), ..post };
    let other = Post { nonce: "0123456789abcdef".to_owned(), ..other };
    until_settled(&late, &other).await;
    assert_eq!(discord.messages("general").len(), 133);
}

#[tokio::test]
async fn equal_messages_are_told_apart() {
    for hostile in [Hostile::AnswerLost, Hostile::RequestLost] {
        let discord = DiscordSimulator::start().await;
        let there = || discord.messages("general");
        let first = answer(&discord, None);
        let named = |nonce: &str| Post { nonce: nonce.to_owned(), ..first.clone() };
        let second = named("second");
        let rest = rest(&discord);
        let one = until_settled(&rest, &first).await;
        discord.hostile(hostile);
        let two = until_settled(&rest, &second).await;
        assert_ne!(one, two);
        assert_eq!(there().len(), 2, "{hostile:?}");

        // Another process remembers none of them, and Discord has forgotten the nonces.
        discord.advance(Duration::from_hours(1));
        let late =
            || DiscordRest::new(Some(&discord.url()), &discord.token(), Arc::new(Late)).unwrap();
        let rest = late();
        assert_eq!(until_settled(&rest, &first).await, one);
        assert_eq!(until_settled(&rest, &second).await, two);
        until_settled(&rest, &named("third")).await;
        assert_eq!(there().len(), 3);
        // What is known to be others, and what was there before it was asked for, is not it.
        let taken = there().iter().map(|it| MessageId(it.id.0)).collect();
        until_settled(&late(), &Post { taken, ..named("fourth") }).await;
        assert_eq!(there().len(), 4);
        let not_before = SystemClock.now() + TimeDelta::minutes(50);
        let taken = there().iter().skip(2).map(|it| MessageId(it.id.0)).collect();
        until_settled(&late(), &Post { not_before, taken, ..named("fifth") }).await;
        assert_eq!(there().len(), 5);
    }
}

#[tokio::test]
async fn too_many_requests_and_outages_are_waited_for() {
    let discord = DiscordSimulator::start().await;
    let asked = discord.say("general", "ana", "hello?");
    let (rest, post) = (rest(&discord), answer(&discord, Some(asked)));

    discord.rate_limit_next(1, Duration::from_millis(1_500));
    let TryLater { after, .. } = rest.post(&post).await.unwrap_err();
    assert_eq!(after, Some(Duration::from_millis(1_500)));
    // Until then, nothing is asked there.
    let asked = discord.requests().len();
    let TryLater { after, .. } = rest.post(&post).await.unwrap_err();
    assert!(after.is_some_and(|after| after <= Duration::from_millis(1_500)));
    assert_eq!(discord.requests().len(), asked);

    let rest = self::rest(&discord);
    discord.outage(true);
    rest.post(&post).await.unwrap_err();
    discord.outage(false);
    until_settled(&rest, &post).await;
    assert_eq!(discord.messages("general").len(), 2);

    let url = discord.url();
    let gone = DiscordRest::new(Some(&url), &discord.token(), Arc::new(SystemClock)).unwrap();
    drop(discord);
    gone.post(&post).await.unwrap_err();
}

#[tokio::test]
async fn a_wrong_token_can_be_mended() {
    let discord = DiscordSimulator::start().await;
    let post = answer(&discord, Some(discord.say("general", "ana", "hello?")));
    let wrong = DiscordRest::new(Some(&discord.url()), "", Arc::new(SystemClock)).unwrap();
    let TryLater { reason, .. } = wrong.post(&post).await.unwrap_err();
    assert!(reason.contains("DISCORD_BOT_TOKEN"), "{reason}");
}

#[tokio::test]
async fn what_discord_strips_is_no_difference() {
    let discord = DiscordSimulator::start().await;
    let post = answer(&discord, Some(discord.say("general", "ana", "hello?")));
    let post = Post { text: "good morning \n".to_owned(), ..post };
    until_settled(&rest(&discord), &post).await;
    discord.advance(Duration::from_hours(1));
    let late = DiscordRest::new(Some(&discord.url()), &discord.token(), Arc::new(Late)).unwrap();
    until_settled(&late, &post).await;
    assert_eq!(discord.messages("general").len(), 2);
}

#[tokio::test]
async fn what_discord_refuses_has_failed() {
    let discord = DiscordSimulator::start().await;
    let nowhere = Post { channel: ChannelId(5), ..answer(&discord, None) };
    // There is nothing to look at either.
    let Outcome::Failed { reason } = rest(&discord).post(&nowhere).await.unwrap() else {
        panic!("an unknown channel takes nothing");
    };
    assert!(reason.contains("Unknown Channel"), "{reason}");
}

/// Tries until it is known what became of it, as the reactor does.
async fn until_settled(rest: &DiscordRest, post: &Post) -> Outcome {
    for _ in 0..5 {
        if let Ok(outcome) = rest.post(post).await {
            return outcome;
        }
    }
    panic!("five tries and no outcome");
}

fn rest(discord: &DiscordSimulator) -> DiscordRest {
    let rest = DiscordRest::new(Some(&discord.url()), &discord.token(), Arc::new(SystemClock));
    rest.expect("a client")
}

fn answer(discord: &DiscordSimulator, to: Option<Snowflake>) -> Post {
    Post {
        channel: ChannelId(discord.channel("general").id.0),
        text: "good morning".to_owned(),
        reply_to: to.map(|id| MessageId(id.0)),
        pings: None,
        nonce: "0123456789abcdef01234567".to_owned(),
        not_before: SystemClock.now(),
        taken: Vec::new(),
    }
}

/// The machine's clock, an hour later.
struct Late;

impl Clock for Late {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::hours(1)
    }
}
