//! Importing recorded chat: each fact once, however often and in whatever state a file comes.

mod crashes;
mod damage;
mod files;
mod jobs;
mod repeats;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use commands::CommandError;
use commands::discord::Observations;
use commands::discord::imports::{ImportReport, Imports, Progress};
use commands::ports::Caller;
use domain::discord::{Channel, ChannelEvent, Guild, GuildEvent};
use domain::identity::{Permission, Permissions};
use domain::kernel::{
    Actor, Cause, ChannelId, Event, Expected, GuildId, Recorded, Source, StreamId,
};
use serde_json::{Value, json};
use tests::embedded::Embedded;
use uuid::Uuid;

const LIGHTHOUSE: GuildId = GuildId(301_000_000_000_000_001);
const UBUNTU: ChannelId = ChannelId(1_004_022_893_340_648_333);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/exports").join(name)
}

fn imports(platform: &Embedded) -> Imports {
    Imports { observations: observations(platform) }
}

fn observations(platform: &Embedded) -> Observations {
    Observations {
        channels: platform.executors.channels.clone(),
        guilds: platform.executors.guilds.clone(),
        journal: platform.journal.clone(),
    }
}

fn importer() -> Caller {
    let actor = Actor::api_key(Uuid::now_v7().to_string());
    let cause = Cause::asked(actor, Uuid::now_v7(), Source::Api);
    let permissions = Permissions::of(&[Permission::ImportHistory]);
    Caller::new(cause, permissions, [].into())
}

async fn import(platform: &Embedded, path: &Path) -> Result<ImportReport, CommandError> {
    let silent: Progress = Arc::new(|_| ());
    imports(platform).import(&importer(), "export.json", path, &silent).await
}

/// Everything in a channel's stream.
async fn channel(platform: &Embedded, id: ChannelId) -> Vec<Recorded> {
    let stream = StreamId::of::<Channel>(&id);
    platform.journal.read_stream(&stream, Expected::New, usize::MAX).await.expect("the channel")
}

async fn facts(platform: &Embedded, id: ChannelId) -> Vec<ChannelEvent> {
    let told = |recorded: Recorded| match recorded.event {
        Event::Channel(_, event) => event,
        other => panic!("{other:?} in a channel"),
    };
    channel(platform, id).await.into_iter().map(told).collect()
}

async fn guild(platform: &Embedded, id: GuildId) -> Vec<GuildEvent> {
    let stream = StreamId::of::<Guild>(&id);
    let read = platform.journal.read_stream(&stream, Expected::New, usize::MAX).await;
    let told = |recorded: Recorded| match recorded.event {
        Event::Guild(_, event) => event,
        other => panic!("{other:?} in a server"),
    };
    read.expect("the server").into_iter().map(told).collect()
}

async fn head(platform: &Embedded) -> u64 {
    platform.journal.log().head().await.expect("the head")
}

/// The id of a message said so many seconds after the beginning of 2024.
fn id_at(second: u64) -> u64 {
    (1_704_067_200_000 - 1_420_070_400_000 + second * 1_000) << 22
}

/// An export of the messages said in these seconds of 2024, by three people.
fn export(channel: ChannelId, seconds: impl IntoIterator<Item = u64>) -> Value {
    let message = |second: u64| {
        let id = id_at(second);
        json!({
            "id": id.to_string(),
            "type": "Default",
            "timestamp": domain::discord::happened_at(domain::kernel::MessageId(id)),
            "content": format!("message {second}"),
            "author": { "id": (7 + second % 3).to_string(), "name": "Ana" },
        })
    };
    let messages: Vec<_> = seconds.into_iter().map(message).collect();
    json!({
        "guild": { "id": LIGHTHOUSE, "name": "The Lighthouse" },
        "channel": { "id": channel, "type": "GuildTextChat", "name": "hall" },
        "messageCount": messages.len(),
        "messages": messages,
    })
}

fn write(path: &Path, export: &Value) {
    std::fs::write(path, export.to_string()).expect("the file can be written");
}
