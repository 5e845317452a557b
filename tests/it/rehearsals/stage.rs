//! A server with behaviors, and a channel in which things happen.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use domain::discord::{ChannelEvent, ChannelFact, GuildEvent, Message};
use domain::kernel::{
    Actor, Cause, ChannelId, DiscordUserId, Event, Expected, GuildId, MessageId, Person, Personal,
    Source, StreamId,
};
use serde_json::{Value, json};
use tests::doors::{Answered, Door};
use uuid::Uuid;

pub(super) const ANA: u64 = 865_175_338_091_066_103;
pub(super) const BEN: u64 = 865_175_338_091_066_104;
pub(super) const BOT: u64 = 865_175_338_091_066_105;
/// The id of the first message: one of 2026.
const FIRST: u64 = 1_456_000_000_000_000_000;
pub(super) const HERE: ChannelId = ChannelId(1_004_022_893_340_648_333);

pub(super) const SERVER: GuildId = GuildId(7);

/// See the module.
pub(super) struct Stage {
    pub(super) door: Door,
    end: tokio::sync::Mutex<Expected>,
    ids: AtomicU64,
}

impl Stage {
    pub(super) async fn with(behaviors: &[(&str, &str)]) -> Self {
        let stage = Self {
            door: Door::open().await,
            end: tokio::sync::Mutex::new(Expected::New),
            ids: AtomicU64::new(FIRST),
        };
        let switch = |on: bool| {
            stage.door.post("/api/v1/self-editing/enable", json!({ "auto_approve": on }))
        };
        switch(true).await;
        let files: Vec<_> = behaviors.iter().map(|(name, source)| (*name, Some(*source))).collect();
        stage.propose(&files).await;
        switch(false).await;
        stage
    }

    /// Files by the name of a behavior, or by their path.
    pub(super) async fn propose(&self, files: &[(&str, Option<&str>)]) -> String {
        let file = |(name, content): &(&str, Option<&str>)| {
            let behavior = || format!("behaviors/{name}.rhai");
            let path = if name.contains('/') { (*name).to_owned() } else { behavior() };
            json!({ "path": path, "content": content })
        };
        let files: Vec<_> = files.iter().map(file).collect();
        let body = json!({ "scope": "features", "description": "Better", "files": files });
        let answer = self.door.post("/api/v1/self-editing/edits", body).await;
        let edit = &answer.body["data"];
        assert!(
            ["applied", "checked"].contains(&edit["status"].as_str().unwrap_or_default()),
            "{}",
            answer.text
        );
        edit["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn ask(&self, edit: &str, range: Value) -> Answered {
        self.door.post(&format!("/api/v1/self-editing/edits/{edit}/rehearse"), range).await
    }

    /// What a rehearsal showed at its end.
    pub(super) async fn rehearse(&self, edit: &str, range: Value) -> Value {
        let begun = self.ask(edit, range).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let path = begun.header("location").to_owned();
        assert!(path.ends_with(begun.body["data"]["rehearsal_id"].as_str().unwrap()));
        loop {
            let shown = self.door.get(&path).await;
            assert_eq!(shown.status, 200, "{}", shown.text);
            if shown.body["data"]["status"] != "running" {
                return shown.body["data"].clone();
            }
        }
    }

    pub(super) async fn say(&self, who: u64, text: &str) -> u64 {
        let of = Person::discord(who);
        let name = if who == ANA { "Ana" } else { "Ben" };
        self.happens(ChannelEvent::MessageCreated(Message {
            id: self.next_id(),
            guild: Some(SERVER),
            author: DiscordUserId(who),
            author_name: Personal::of(of.clone(), name.to_owned()),
            bot: who == BOT,
            content: Personal::of(of, text.to_owned()),
            length: 9,
            reply_to: None,
            attachments: None,
            to_bot: false,
        }))
        .await
    }

    /// Later than any other, as Discord's ids are.
    pub(super) fn next_id(&self) -> MessageId {
        MessageId(self.ids.fetch_add(1 << 22, Ordering::Relaxed))
    }

    /// A time after everything that happened so far, and before all that comes after the next one.
    pub(super) async fn next_moment(&self) -> DateTime<Utc> {
        let clock = self.door.journal.clock();
        let before = clock.now();
        while clock.now() == before {
            tokio::task::yield_now().await;
        }
        clock.now()
    }

    /// The channel is seen on the server.
    pub(super) async fn observe(&self) {
        let fact = ChannelFact { id: HERE, name: "here".into(), kind: "text".into() };
        let event = Event::Guild(SERVER, GuildEvent::ChannelObserved(fact));
        let cause = Cause::asked(Actor::system("bot"), Uuid::now_v7(), Source::Discord);
        let (stream, events) = (event.stream(), [event]);
        let append = self.door.journal.append(&stream, Expected::New, &events, &cause);
        append.await.unwrap().await.unwrap();
    }

    /// One commit of the channel; answers its position.
    pub(super) async fn happens(&self, event: ChannelEvent) -> u64 {
        let event = Event::Channel(HERE, event);
        let mut end = self.end.lock().await;
        let stream: StreamId = event.stream();
        let cause = Cause::asked(Actor::system("bot"), Uuid::now_v7(), Source::Discord);
        let append = self.door.journal.append(&stream, *end, &[event], &cause).await.unwrap();
        let position = append.await.unwrap().position();
        *end = Expected::Exact { version: end.version() + 1, position };
        position
    }

    /// The types of all events.
    pub(super) async fn types(&self) -> Vec<String> {
        let (events, _) = self.door.journal.read_all(0, 1_000).await.unwrap();
        events.iter().map(|it| it.event.type_name()).collect()
    }
}

pub(super) fn responder(phrase: &str, more: &str, how: &str) -> String {
    let powers = if more.is_empty() { "\"reply\"" } else { "\"read_history\", \"reply\"" };
    let head = format!(
        "kind = \"responder\"\ndescription = \"Answers\"\nphrases = [\"{phrase}\"]\npowers = [{powers}]\n{more}"
    );
    script(&head, how)
}

pub(super) fn prefixed(name: &str, how: &str) -> String {
    let head = format!(
        "kind = \"prefix_command\"\nname = \"{name}\"\ndescription = \"x\"\npowers = [\"reply\"]"
    );
    script(&head, how)
}

pub(super) fn script(head: &str, how: &str) -> String {
    format!("/*\n{head}\n*/\n\nfn run(event) {{\n    {how}\n}}\n")
}
