//! The bot on the stand-in Discord: what is seen is recorded once, whatever goes wrong.

mod answers;
mod edits;
mod gaps;
mod home;
mod install;
mod policies;
mod posts;
mod presence;
mod rehearse;
mod slash;
mod slow_log;
mod stand_ins;
mod suggest;

use std::time::Duration;

use domain::discord::{ChannelEvent, GuildEvent};
use domain::kernel::{Actor, Event, Recorded, Source};
use tests::simulators::discord::{DiscordSimulator, Hostile};

use home::{Home, each_once, said};

#[tokio::test]
async fn what_people_do_is_recorded_with_its_doer() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;

    let discord = &home.discord;
    let hello = discord.say("general", "ana", "hello there");
    discord.edit("general", hello, "hello everybody");
    discord.react("general", hello, "ben", "👍");
    discord.unreact("general", hello, "ben", "👍");
    discord.delete("general", hello);
    let dora = discord.join("Scriptorium", "dora");
    discord.leave("Scriptorium", dora);

    let ana = Actor::discord(discord.user("ana").id);
    let ben = Actor::discord(discord.user("ben").id);
    for (event, actor) in [
        ("channel.message_created", &ana),
        ("channel.message_edited", &ana),
        ("channel.reaction_added", &ben),
        ("channel.reaction_removed", &ben),
        ("channel.message_deleted", &Actor::system("discord")),
        ("guild.member_left", &Actor::discord(dora)),
    ] {
        let seen = home.until(event, |all| with_type(all, event).last().copied().cloned()).await;
        assert_eq!((&seen.actor, seen.source), (actor, Source::Discord), "{event}");
    }
    let all = home.events().await;
    let order: Vec<_> = all.iter().filter_map(|it| in_channel(it)).collect();
    let text = |event: &ChannelEvent| event.as_ref().to_owned();
    let order: Vec<_> = order.into_iter().map(text).filter(|it| it != "caught_up").collect();
    let expected = ["created", "edited"].map(|it| format!("message_{it}"));
    assert_eq!(order[..2], expected);
    assert_eq!(order[2..], ["reaction_added", "reaction_removed", "message_deleted"]);

    let home_guild = all.iter().find_map(|it| match &it.event {
        Event::Guild(_, GuildEvent::Observed { name, member_count }) => {
            Some((name.clone(), *member_count))
        }
        _ => None,
    });
    assert_eq!(home_guild, Some(("Scriptorium".to_owned(), 4)));
    assert_eq!(with_type(&all, "guild.channel_observed").len(), 3);
    // Discord shows the bot itself, and who joins later.
    assert_eq!(with_type(&all, "guild.member_joined").len(), 2);
    bot.stop().await;
}

#[tokio::test]
async fn what_speaks_to_the_bot_is_answered_once() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;

    let discord = &home.discord;
    discord.say("general", "ana", "not for you");
    let asked = discord.say("general", "ana", &format!("<@{}> good morning", discord.bot()));
    let answer = discord.wait_for_message("general", |it| it.content.starts_with("You said")).await;
    assert_eq!(answer.reply_to, Some(asked));
    discord.say_in_dm("ben", "psst");
    discord.wait_for_direct_message("ben", |it| it.content == "You said: psst").await;

    // The bot's own words are recorded, and not answered.
    let own = home.until_said(answer.id).await;
    let own = said(&own).unwrap();
    assert!(own.bot && !own.to_bot);
    bot.stop().await;
    assert_eq!(discord.messages("general").len(), 3);
    assert_eq!(discord.direct_messages("ben").len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_loses_and_doubles_nothing() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;

    let mut said = vec![home.discord.say("general", "ana", "before")];
    home.until_said(said[0]).await;
    for round in 0..3 {
        home.discord.drop_connections();
        said.push(home.discord.say("general", "ana", &format!("during {round}")));
        home.until_said(*said.last().unwrap()).await;
    }
    assert_eq!(home.said_in("general").await, said);
    assert_eq!(home.discord.sessions_opened(), 1);
    bot.stop().await;
}

#[tokio::test]
async fn a_lost_session_is_made_up_for() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let mut said = vec![home.discord.say("general", "ana", "before")];
    home.until_said(said[0]).await;

    home.discord.forget_sessions();
    // More than one page of REST, in a channel that was silent as well.
    for number in 0..230 {
        said.push(home.discord.say("general", "ben", &format!("missed {number}")));
    }
    let asked = format!("<@{}> are you there?", home.discord.bot());
    said.push(home.discord.say("general", "ana", &asked));
    let help = home.discord.say("help", "cleo", "nobody hears me");
    home.until_listening(2).await;
    said.push(home.discord.say("general", "ana", "welcome back"));

    home.until_said(*said.last().unwrap()).await;
    let missed = home.until_said(said[5]).await;
    assert_eq!(missed.source, Source::Import);
    assert_eq!(home.until_said(help).await.source, Source::Import);
    let answer = home.discord.wait_for_message("general", |it| it.content.starts_with("You said"));
    let answer = answer.await;
    home.until_said(answer.id).await;

    let mut recorded = home.said_in("general").await;
    each_once(&recorded);
    recorded.sort_unstable();
    said.push(answer.id);
    assert_eq!(recorded, said);
    bot.stop().await;
}

#[tokio::test]
async fn what_was_said_while_the_bot_was_away_is_recorded_and_lately_asked_answered() {
    let home = Home::new().await;
    let old = home.discord.say("general", "ana", "long before the bot came");
    let bot = home.start();
    home.until_listening(1).await;
    let before = home.discord.say("general", "ana", "before");
    home.until_said(before).await;
    home.discord.say_in_dm("ben", "hello");
    home.discord.wait_for_direct_message("ben", |it| it.content == "You said: hello").await;
    bot.stop().await;

    let missed = home.discord.say("general", "ben", "where is it?");
    let asked = format!("<@{}> where are you?", home.discord.bot());
    let asked = home.discord.say("general", "ben", &asked);
    let bot = home.start();
    assert_eq!(home.until_said(missed).await.source, Source::Import);
    assert_eq!(home.until_said(asked).await.source, Source::Discord);
    let answer = home.discord.wait_for_message("general", |it| it.reply_to == Some(asked)).await;
    home.until_said(answer.id).await;
    bot.stop().await;

    // A channel's past from before the bot came is not imported.
    let recorded = home.said_in("general").await;
    assert_eq!(recorded, [before, missed, asked, answer.id]);
    assert!(!recorded.contains(&old));
}

#[tokio::test]
async fn a_question_that_is_too_old_is_not_answered_any_more() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let before = home.discord.say("general", "ana", "before");
    home.until_said(before).await;
    bot.stop().await;

    let asked = format!("<@{}> where are you?", home.discord.bot());
    let asked = home.discord.say("general", "ben", &asked);
    let mut settings = home.settings();
    settings.answer_within = Duration::ZERO;
    let bot = home.start_with(settings);
    assert_eq!(home.until_said(asked).await.source, Source::Import);
    bot.stop().await;
    assert_eq!(home.discord.messages("general").len(), 2);
}

#[tokio::test]
async fn killed_at_any_moment_it_records_each_message_once() {
    let home = Home::new().await;
    let first = home.start();
    home.until_listening(1).await;
    let mut everything = vec![home.discord.say("general", "ana", "first")];
    home.until_said(everything[0]).await;
    first.kill();

    for round in 0..5 {
        for number in 0..40 {
            let text = format!("{round} {number}");
            everything.push(home.discord.say("general", "ana", &text));
        }
        let bot = home.start();
        // At another place in the middle each time.
        let some = everything[everything.len() - 40 + round * 8];
        home.until_said(some).await;
        for number in 0..10 {
            let text = format!("{round} live {number}");
            everything.push(home.discord.say("general", "ben", &text));
        }
        bot.kill();
    }
    let bot = home.start();
    home.until_said(*everything.last().unwrap()).await;
    bot.stop().await;

    let mut recorded = home.said_in("general").await;
    each_once(&recorded);
    recorded.sort_unstable();
    assert_eq!(recorded, everything);
}

#[tokio::test]
async fn a_slow_log_loses_nothing_and_the_gateway_goes_on() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let mut said = vec![home.discord.say("general", "ana", "before")];
    home.until_said(said[0]).await;

    // Far more than waits in memory.
    home.hold_up.send_replace(true);
    for number in 0..700 {
        said.push(home.discord.say("general", "ben", &format!("flood {number}")));
    }
    home.discord.drop_connections();
    home.discord.wait_for_resume(1).await;
    home.hold_up.send_replace(false);
    home.until("everything", |all| {
        let there = all.iter().filter_map(home::said).count();
        (there >= said.len()).then_some(())
    })
    .await;
    said.push(home.discord.say("general", "ana", "after"));
    home.until_said(*said.last().unwrap()).await;
    bot.stop().await;

    let mut recorded = home.said_in("general").await;
    each_once(&recorded);
    recorded.sort_unstable();
    assert_eq!(recorded, said);
}

#[tokio::test]
async fn events_that_serenity_cannot_read_are_recorded_or_passed_over() {
    let home = Home::new().await;
    home.discord.hostile(Hostile::GuildWithoutStages);
    let bot = home.start();
    home.until_listening(1).await;
    home.until("the guild", |all| with_type(all, "guild.observed").first().map(|_| ())).await;

    home.discord.hostile(Hostile::MessageEventWithoutMentions);
    let id = home.discord.say("general", "ana", "hello");
    home.until_said(id).await;
    home.discord.hostile(Hostile::ReactionWithoutBurst);
    home.discord.react("general", id, "ben", "👍");
    home.until("a reaction", |all| with_type(all, "channel.reaction_added").first().map(|_| ()))
        .await;
    home.discord.hostile(Hostile::MemberUpdateWithoutJoinTime);
    let scribes = home.discord.create_role("Scriptorium", "scribes", 0);
    home.discord.grant("Scriptorium", "ben", scribes);
    home.until("an update", |all| with_type(all, "guild.member_updated").first().map(|_| ())).await;
    bot.stop().await;
}

#[tokio::test]
async fn reactions_that_are_all_taken_away_are_gone() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let discord = &home.discord;
    let (one, two) = (discord.say("general", "ana", "one"), discord.say("general", "ana", "two"));
    for (message, who, emoji) in
        [(one, "ana", "👍"), (one, "ben", "👍"), (one, "ben", "👀"), (two, "cleo", "👍")]
    {
        discord.react("general", message, who, emoji);
    }
    let removed = |all: &[Recorded]| with_type(all, "channel.reaction_removed").len();
    discord.unreact_all("general", one, Some("👍"));
    home.until("two gone", |all| (removed(all) == 2).then_some(())).await;
    discord.unreact_all("general", one, None);
    home.until("three gone", |all| (removed(all) == 3).then_some(())).await;
    discord.unreact_all("general", two, None);
    home.until("four gone", |all| (removed(all) == 4).then_some(())).await;
    bot.stop().await;
}

#[tokio::test]
async fn who_left_while_the_bot_was_away_is_recorded_as_gone_once() {
    let home = Home::new().await;
    let bot = home.start();
    home.until_listening(1).await;
    let dora = home.discord.join("Scriptorium", "dora");
    let emil = home.discord.join("Scriptorium", "emil");
    home.until("both", |all| (with_type(all, "guild.member_joined").len() >= 3).then_some(()))
        .await;
    bot.stop().await;
    home.discord.leave("Scriptorium", dora);

    for sessions in 2..4 {
        let bot = home.start();
        home.until_listening(sessions).await;
        home.until("her absence", |all| with_type(all, "guild.member_left").first().map(|_| ()))
            .await;
        // What comes later in the same lane.
        home.discord.join("Scriptorium", &format!("guest {sessions}"));
        let joined = sessions + 2;
        home.until("a guest", |all| {
            (with_type(all, "guild.member_joined").len() >= joined).then_some(())
        })
        .await;
        bot.stop().await;
    }
    let all = home.events().await;
    let left: Vec<_> = with_type(&all, "guild.member_left").iter().map(|it| &it.event).collect();
    assert!(
        matches!(left[..], [Event::Guild(_, GuildEvent::MemberLeft { user })] if user.0 == dora.0),
        "{left:?}, and not {emil}"
    );
}

#[tokio::test]
async fn an_outage_of_discord_is_survived() {
    let beat = Duration::from_millis(200);
    let discord = DiscordSimulator::builder().heartbeat(beat).start().await.unwrap();
    let home = Home::on(discord).await;
    let mut settings = home.settings();
    settings.patience = Duration::from_millis(500);
    let bot = home.start_with(settings);
    home.until_listening(1).await;
    let before = home.discord.say("general", "ana", "before");
    home.until_said(before).await;

    home.discord.outage(true);
    home.until("absence", |all| with_type(all, "bot.disconnected").first().map(|_| ())).await;
    let during = home.discord.say("general", "ana", "during");
    home.discord.outage(false);
    home.until_said(during).await;
    home.until_listening(2).await;
    bot.stop().await;
    assert_eq!(home.said_in("general").await, [before, during]);
}

fn with_type<'a>(all: &'a [Recorded], wanted: &str) -> Vec<&'a Recorded> {
    all.iter().filter(|it| it.event.type_name() == wanted).collect()
}

fn in_channel(recorded: &Recorded) -> Option<&ChannelEvent> {
    match &recorded.event {
        Event::Channel(_, event) => Some(event),
        _ => None,
    }
}
