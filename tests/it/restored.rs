//! An earlier log, or another one, is put in the place of the log: it is noticed and said, a replay
//! always works, no effect is repeated, and what is new gets its reaction.

use async_nats::jetstream::{self, stream::Stream};
use reqwest::Method;
use serde_json::json;
use tests::services::nats_url;
use tests::simulators::discord::DiscordSimulator;

use crate::installation::{Installation, Running, word};

/// What is logged when reactors move.
const MOVED: &str = "does not hold the commit that this reactor was at";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_log_is_noticed_at_the_start_and_replayed_through_the_server() {
    let discord = DiscordSimulator::start().await;
    let place = Installation::embedded().with(&discord);
    let backup = tempfile::tempdir().unwrap();
    let running = place.start();
    discord.wait_until_connected().await;
    greet(&discord, "first").await;
    say(&running, "before").await;
    end(running, &discord).await;
    place.copy_log(backup.path());

    let running = place.start();
    discord.wait_until_connected().await;
    greet(&discord, "second").await;
    for n in 0..40 {
        say(&running, &format!("lost {n}")).await;
    }
    end(running, &discord).await;
    let posted = posts(&discord);
    place.put_back_log(backup.path());

    let said = place.run_in_vain(&["doctor", "--json"]);
    assert!(said.contains("the log is not the one these views were built from"), "{said}");
    assert!(said.contains("palimpsest replay") && said.contains("deliver_answers"), "{said}");

    let running = place.start();
    stands_still(&running, "it ends at commit").await;
    place.run(&["replay"]);
    running.until_ready_is(|status, _| status == 200).await;
    assert!(place.logged("the projector stands still"));
    assert!(place.logged(MOVED));
    say(&running, "after").await;
    assert_eq!(told(&running).await, ["before", "after"]);
    place.run(&["replay", "--check"]);

    discord.wait_until_connected().await;
    greet(&discord, "third").await;
    assert_eq!(posts(&discord), posted + 1, "what was answered is not answered again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_log_is_replayed_without_a_server() {
    let place = Installation::embedded();
    let backup = tempfile::tempdir().unwrap();
    let running = place.start();
    say(&running, "before").await;
    running.kill();
    place.copy_log(backup.path());
    let running = place.start();
    // Enough for a snapshot, which the earlier log knows nothing of.
    for n in 0..110 {
        say(&running, &format!("lost {n}")).await;
    }
    running.kill();
    place.put_back_log(backup.path());

    let said = place.run_in_vain(&["replay", "--check"]);
    assert!(said.contains("the log is not the one these views were built from"), "{said}");
    place.run(&["replay"]);
    let running = place.start();
    running.until_ready_is(|status, _| status == 200).await;
    say(&running, "after").await;
    assert_eq!(told(&running).await, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_another_history_is_noticed() {
    let place = Installation::embedded();
    let other = tempfile::tempdir().unwrap();
    let running = place.start();
    say(&running, "before").await;
    running.end();
    let twin = place.twin();
    let running = twin.start();
    for n in 0..20 {
        say(&running, &format!("there {n}")).await;
    }
    running.end();
    twin.copy_log(other.path());
    let running = place.start();
    say(&running, "here").await;
    running.end();
    place.put_back_log(other.path());

    let running = place.start();
    stands_still(&running, "is another one").await;
    assert!(place.logged(MOVED));
    place.run(&["replay"]);
    running.until_ready_is(|status, _| status == 200).await;
    say(&running, "after").await;
    let told = told(&running).await;
    assert_eq!((told.len(), told[0].as_str(), told[21].as_str()), (22, "before", "after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_log_is_noticed_while_the_server_runs() {
    let discord = DiscordSimulator::start().await;
    let place = Installation::on_jetstream().with(&discord);
    let running = place.start();
    discord.wait_until_connected().await;
    greet(&discord, "first").await;
    say(&running, "before").await;
    let kept = head(&running).await;
    for n in 0..110 {
        say(&running, &format!("lost {n}")).await;
    }
    let posted = posts(&discord);
    cut(&place.variable("PALIMPSEST_JETSTREAM__STREAM"), kept).await;

    stands_still(&running, "it ends at commit").await;
    place.run(&["replay"]);
    running.until_ready_is(|status, _| status == 200).await;
    for noticed in ["an earlier log was put in the place of this one", MOVED] {
        running.until("/views", |_| place.logged(noticed)).await;
    }
    say(&running, "after").await;
    assert_eq!(told(&running).await, ["before", "after"]);
    greet(&discord, "second").await;
    assert_eq!(posts(&discord), posted + 1);
}

/// Ends a process, and waits until Discord has noticed.
async fn end(running: Running, discord: &DiscordSimulator) {
    running.end();
    discord.wait_until_disconnected().await;
}

/// Not ready, and why; the alarm says the same.
async fn stands_still(running: &Running, why: &str) {
    let body = running.until_ready_is(|status, _| status == 503).await;
    let body = if word(&body, "reason").contains(why) {
        body
    } else {
        running.until_ready_is(|_, body| word(body, "reason").contains(why)).await
    };
    assert_eq!((word(&body, "status"), word(&body, "component")), ("not_ready", "views"), "{body}");
    assert!(word(&body, "reason").contains("palimpsest replay"), "{body}");
    running.until("/views", |it| word(it, "alarm").contains(why)).await;
}

/// Ana says something to the bot over HTTP, and is answered.
async fn say(running: &Running, text: &str) {
    let said = json!({ "message": text, "userId": "ana", "channelId": "c" });
    let request = running.request(Method::POST, "/conversational/message").json(&said);
    running.ask(request).await.expect("an answer");
}

/// What Ana said, as the read models show it.
async fn told(running: &Running) -> Vec<String> {
    let mut told = Vec::new();
    let mut offset = 0;
    loop {
        let path = format!("/conversational/conversation/ana:c?limit=100&offset={offset}");
        let page = running.ask(running.request(Method::GET, &path)).await.expect("an answer");
        let messages = page["messages"].as_array().unwrap();
        if messages.is_empty() {
            return told;
        }
        offset += messages.len();
        let by_user = messages.iter().filter(|it| word(it, "role") == "user");
        told.extend(by_user.map(|it| word(it, "content").to_owned()));
    }
}

async fn head(running: &Running) -> u64 {
    let views = running.ask(running.request(Method::GET, "/views")).await.expect("an answer");
    views["head"].as_u64().unwrap()
}

/// Ana greets the bot, and it answers.
async fn greet(discord: &DiscordSimulator, word: &str) {
    let hello = discord.say("general", "ana", &format!("<@{}> hello {word}", discord.bot()));
    discord.wait_for_message("general", |it| it.reply_to == Some(hello)).await;
}

/// How often the bot wrote.
fn posts(discord: &DiscordSimulator) -> usize {
    let requests = discord.requests().into_iter();
    requests.filter(|it| it.method == "POST" && it.path.ends_with("/messages")).count()
}

/// Makes the log's stream anew, with its first commits only: as a restored backup has them.
async fn cut(stream: &str, kept: u64) {
    let client = async_nats::connect(nats_url()).await.unwrap();
    let context = jetstream::new(client);
    let mut old: Stream = context.get_stream(stream).await.unwrap();
    let config = old.info().await.unwrap().config.clone();
    let mut commits = Vec::new();
    for position in 1..=kept {
        commits.push(old.get_raw_message(position).await.unwrap());
    }
    context.delete_stream(stream).await.unwrap();
    context.create_stream(config).await.unwrap();
    for commit in commits {
        let sent = context.publish_with_headers(commit.subject, commit.headers, commit.payload);
        sent.await.unwrap().await.unwrap();
    }
}
