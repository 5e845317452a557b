//! The whole platform is killed in the middle of everything: what it acknowledged is there once,
//! and nothing is half there. And rebuilding what was lost has no effects.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::simulators::discord::{DiscordSimulator, Message};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::installation::{Installation, Running, export, word};

const PATIENCE: Duration = Duration::from_secs(60);

const ROUNDS: u64 = 20;

/// How many messages are acknowledged in all rounds, at least: one by one of two in each round that
/// comes to work, and by both in every other.
const ACKNOWLEDGED: usize = 24;

/// How many messages each round imports: a few commits.
const IMPORTED: u64 = 600;

/// The longest life of a process once it is at work, in milliseconds.
const LONGEST: u64 = 700;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_on_sqlite() {
    survive_kills(&Installation::embedded(), 0x5EED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_on_jetstream() {
    survive_kills(&Installation::on_jetstream(), 0xCAFE).await;
}

async fn survive_kills(place: &Installation, seed: u64) {
    let mut random = Random(seed);
    let talkers = ["ana", "ben"].map(Talker::new);
    for round in 1..=ROUNDS {
        let life = Duration::from_millis(random.below(LONGEST));
        if dies_young(round) {
            place.start_and_kill(life);
            continue;
        }
        let running = place.start();
        let work = async {
            tokio::join!(
                import(&running, round),
                replay(&running),
                talkers[0].talk(&running, usize::MAX),
                talkers[1].talk(&running, usize::MAX),
            )
        };
        // There is something to lose in every round: what was said in it and acknowledged.
        let heard = async {
            let [ana, ben] = [&talkers[0], &talkers[1]].map(|it| it.heard.notified());
            if round % 2 == 0 {
                tokio::join!(ana, ben);
            } else {
                tokio::select! { () = ana => {}, () = ben => {} }
            }
        };
        let moment = async {
            timeout(PATIENCE, heard).await.expect("an acknowledgement");
            timeout(life, std::future::pending::<()>()).await
        };
        tokio::select! {
            _ = work => panic!("people talk for ever"),
            _ = moment => running.kill(),
        }
    }

    let said: usize = talkers.iter().map(Talker::said).sum();
    assert!(said >= ACKNOWLEDGED, "only {said} messages were acknowledged");
    let running = place.start();
    for talker in &talkers {
        talker.talk(&running, 1).await;
        talker.was_heard_once(&running).await;
    }
    for channel in (1..=ROUNDS).filter(|round| !dies_young(*round)) {
        let first = running.import(export(channel, IMPORTED)).await;
        let (new, known) = (first["new"].as_u64().unwrap(), first["known"].as_u64().unwrap());
        assert_eq!((word(&first, "status"), new + known), ("done", IMPORTED), "{first}");
        let again = running.import(export(channel, IMPORTED)).await;
        assert_eq!((&again["new"], &again["known"]), (&json!(0), &json!(IMPORTED)), "{again}");
        let path = format!("/history?channel_id={channel}&limit=1");
        running.until(&path, |it| it["pagination"]["total"] == json!(IMPORTED)).await;
    }
    let replayed = place.run(&["replay", "--check", "--json"]);
    let replayed: Value = serde_json::from_str(&replayed).unwrap();
    assert_eq!(replayed["differences"], json!([]), "{replayed}");
    running.kill();
    let verdict: Value = serde_json::from_str(&place.run(&["verify", "--json"])).unwrap();
    assert_eq!(verdict["faults"], json!([]), "{verdict}");
}

/// Whether the process of this round is killed while it starts.
fn dies_young(round: u64) -> bool {
    round % 5 == 3
}

/// Begins an import; it goes on in the background until it is done or killed.
async fn import(running: &Running, round: u64) {
    let upload = running.request(Method::POST, "/imports").body(export(round, IMPORTED));
    running.ask(upload.header("content-type", "application/octet-stream")).await;
}

async fn replay(running: &Running) {
    running.ask(running.request(Method::POST, "/replays").json(&json!({ "check": true }))).await;
}

/// Says one thing after the other. What was not acknowledged is said again under the same key.
struct Talker {
    name: &'static str,
    /// What the bot answered to each.
    answers: Mutex<BTreeMap<usize, Value>>,
    /// Told of each new answer.
    heard: Notify,
}

impl Talker {
    fn new(name: &'static str) -> Self {
        Self { name, answers: Mutex::default(), heard: Notify::new() }
    }

    async fn talk(&self, running: &Running, times: usize) {
        let last = self.answers.lock().unwrap().last_key_value().map(|(n, it)| (*n, it.clone()));
        if let Some((n, answer)) = &last {
            let Some(again) = self.say(running, *n).await else { return };
            assert_eq!(again, *answer, "a repeat gets the same answer");
        }
        let next = last.map_or(1, |(n, _)| n + 1);
        for n in (next..).take(times) {
            let Some(answer) = self.say(running, n).await else { return };
            self.answers.lock().unwrap().insert(n, answer);
            self.heard.notify_waiters();
        }
    }

    async fn say(&self, running: &Running, n: usize) -> Option<Value> {
        let said = json!({ "message": format!("word {n}"), "userId": self.name, "channelId": "c" });
        let request = running.request(Method::POST, "/conversational/message").json(&said);
        running.ask(request.header("idempotency-key", format!("{}-{n}", self.name))).await
    }

    /// How much was acknowledged.
    fn said(&self) -> usize {
        self.answers.lock().unwrap().len()
    }

    async fn was_heard_once(&self, running: &Running) {
        let said = self.said();
        let (mut by_user, mut by_bot) = (Vec::new(), 0);
        while by_user.len() < said {
            let offset = by_user.len() + by_bot;
            let path =
                format!("/conversational/conversation/{}:c?limit=100&offset={offset}", self.name);
            let page = running.until(&path, |it| it["messageCount"] == json!(2 * said)).await;
            let messages = page["messages"].as_array().unwrap();
            assert!(!messages.is_empty(), "{} of {said} are there", by_user.len());
            for message in messages {
                match word(message, "role") {
                    "user" => by_user.push(word(message, "content").to_owned()),
                    _ => by_bot += 1,
                }
            }
        }
        let expected: Vec<_> = (1..=said).map(|n| format!("word {n}")).collect();
        assert_eq!(by_user, expected, "each once, in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_has_no_effects() {
    let discord = DiscordSimulator::start().await;
    let place = Installation::embedded().with(&discord);
    let running = place.start();
    // The first views take a moment.
    running.until_ready_is(|status, _| status == 200).await;
    discord.wait_until_connected().await;
    discord.say("help", "ben", "not for the bot");
    greet(&discord).await;
    let views = what_is_shown(&running, 1).await;
    let before = posts(&discord).len();

    place.run(&["replay", "--check"]);
    running.kill();
    discord.wait_until_disconnected().await;
    assert!(place.lose_the_views() > 0);
    let running = place.start();
    discord.wait_until_connected().await;
    // Until the views are built again, questions are answered 503.
    running.until_ready_is(|status, _| status == 200).await;
    assert_eq!(what_is_shown(&running, 1).await, views);
    place.run(&["replay", "--check"]);

    // Reactors take events in order: when the next is answered, all before it are done with.
    greet(&discord).await;
    what_is_shown(&running, 2).await;
    assert_eq!(posts(&discord).len(), before + 1, "{:?}", posts(&discord));
    let by_bot = |it: &&Message| it.author == discord.bot();
    assert_eq!(discord.messages("general").iter().filter(by_bot).count(), 2);
}

/// Ana greets the bot, and it answers.
async fn greet(discord: &DiscordSimulator) {
    let hello = discord.say("general", "ana", &format!("<@{}> hello", discord.bot()));
    let answer = discord.wait_for_message("general", |it| it.reply_to == Some(hello)).await;
    assert!(answer.content.starts_with("Hello"), "{}", answer.content);
}

/// What the read models show, once so many greetings and their answers are there.
async fn what_is_shown(running: &Running, greetings: usize) -> Value {
    let said = |it: &Value| it["pagination"]["total"] == json!(1 + 2 * greetings);
    let history = running.until("/history", said).await;
    let list = "/conversational/conversations";
    let answered = |it: &Value| it["conversations"][0]["messageCount"] == json!(2 * greetings);
    json!([history, running.until(list, answered).await])
}

/// The bodies of what the bot wrote.
fn posts(discord: &DiscordSimulator) -> Vec<Value> {
    let requests = discord.requests().into_iter();
    let posts = requests.filter(|it| it.method == "POST" && it.path.ends_with("/messages"));
    posts.filter_map(|it| it.body).collect()
}

/// The same numbers in every run: what fails can be repeated.
struct Random(u64);

impl Random {
    /// A number below this one; splitmix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
