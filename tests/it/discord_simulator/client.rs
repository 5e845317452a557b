//! An unmodified serenity client, pointed at the simulator.

use std::{sync::Arc, time::Duration};

use serenity::{
    all::{
        ChannelId, Client, Command, CommandOptionType, Context, CreateCommand, CreateCommandOption,
        Event, GatewayIntents, Http, RawEventHandler,
    },
    async_trait,
    client::ClientBuilder,
    http::{HttpBuilder, HttpError},
};
use tests::simulators::discord::{DiscordSimulator, Snowflake};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

use super::answer;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A serenity client that writes down everything it hears.
pub(super) struct Bot {
    channels: Vec<(String, Snowflake)>,
    pub(super) http: Arc<Http>,
    heard: Mutex<mpsc::UnboundedReceiver<Event>>,
    running: JoinHandle<()>,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Bot {
    pub(super) async fn connect(discord: &DiscordSimulator, intents: GatewayIntents) -> Self {
        let (told, heard) = mpsc::unbounded_channel();
        let mut client = client(discord, &discord.token(), intents, Ears(told)).await;
        let http = Arc::clone(&client.http);
        let running = tokio::spawn(async move {
            client.start().await.expect("the gateway takes this client");
        });
        let channels = ["general", "help"];
        let channels = channels.map(|name| (name.to_owned(), discord.channel(name).id)).to_vec();
        Self { channels, http, heard: Mutex::new(heard), running }
    }

    pub(super) fn channel(&self, name: &str) -> ChannelId {
        let found = self.channels.iter().find(|(known, _)| known == name);
        ChannelId::new(found.expect("one of the channels").1.0)
    }

    pub(super) async fn registers_its_commands(&self, discord: &DiscordSimulator) {
        discord.wait_until_connected().await;
        self.http.set_application_id(discord.bot().0.into());
        let text = CommandOptionType::String;
        let option = CreateCommandOption::new(text, "description", "What").required(true);
        let propose =
            CreateCommandOption::new(CommandOptionType::SubCommand, "propose", "Suggest an edit")
                .add_sub_option(option);
        let topic = CreateCommandOption::new(text, "topic", "What about").set_autocomplete(true);
        let commands = vec![
            CreateCommand::new("ask").description("Ask me").add_option(topic.required(true)),
            CreateCommand::new("status").description("How it is going"),
            CreateCommand::new("edit").description("Edits").add_option(propose),
        ];
        Command::set_global_commands(&self.http, commands)
            .await
            .expect("Discord takes the commands");
    }

    /// The next event that is like this, and none before it that serenity does not know.
    pub(super) async fn hears(&self, like: impl Fn(&Event) -> bool) -> Event {
        let event = self.next(|event| matches!(event, Event::Unknown(_)) || like(event)).await;
        assert!(like(&event), "serenity does not know {event:?}");
        event
    }

    pub(super) async fn hears_unknown(&self, kind: &str) {
        let event = self.next(|event| matches!(event, Event::Unknown(_))).await;
        let Event::Unknown(event) = event else { unreachable!() };
        assert_eq!(event.kind, kind);
    }

    async fn next(&self, like: impl Fn(&Event) -> bool) -> Event {
        let mut heard = self.heard.lock().await;
        let next = timeout(PATIENCE, async {
            loop {
                let event = heard.recv().await.expect("the client is still there");
                if like(&event) {
                    return event;
                }
            }
        });
        next.await.expect("an event that serenity hears")
    }

    /// The next message, which has to be this one: none lost, none twice.
    pub(super) async fn hears_message(&self, id: Snowflake) -> String {
        let event = self.hears(|event| matches!(event, Event::MessageCreate(_))).await;
        let Event::MessageCreate(create) = event else { unreachable!() };
        assert_eq!(create.message.id.get(), id.0);
        create.message.content.clone()
    }
}

pub(super) struct Ears(mpsc::UnboundedSender<Event>);

impl Ears {
    pub(super) fn deaf() -> Self {
        Self(mpsc::unbounded_channel().0)
    }
}

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, ctx: Context, event: Event) {
        if let Event::InteractionCreate(create) = &event {
            answer::interaction(&ctx, &create.interaction).await.expect("Discord takes the answer");
        }
        // The test may have heard enough.
        drop(self.0.send(event));
    }
}

pub(super) async fn client(
    discord: &DiscordSimulator,
    token: &str,
    intents: GatewayIntents,
    ears: Ears,
) -> Client {
    let builder = ClientBuilder::new_with_http(http(discord, token), intents);
    let client = builder.raw_event_handler(ears).await.expect("a client");
    *client.ws_url.lock().await = discord.gateway_url();
    client
}

pub(super) fn http(discord: &DiscordSimulator, token: &str) -> Http {
    HttpBuilder::new(token).proxy(discord.url()).ratelimiter_disabled(true).build()
}

pub(super) fn status<T: std::fmt::Debug>(answer: serenity::Result<T>) -> u16 {
    match answer.expect_err("a refusal") {
        serenity::Error::Http(error) => error.status_code().expect("an answer").as_u16(),
        other => panic!("not an answer of Discord: {other}"),
    }
}

pub(super) fn refusal<T: std::fmt::Debug>(answer: serenity::Result<T>) -> (u16, isize) {
    match answer.expect_err("a refusal") {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(it)) => {
            (it.status_code.as_u16(), it.error.code)
        }
        other => panic!("not a refusal of Discord: {other}"),
    }
}
