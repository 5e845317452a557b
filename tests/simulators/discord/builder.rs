//! How a Discord is set up before the bot meets it.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use poem::{EndpointExt, Route, Server, get, post};
use tokio::net::TcpListener;

use super::{
    control,
    faults::Faults,
    gateway,
    handle::DiscordSimulator,
    interactions::Interactions,
    oauth, rest,
    sessions::Sessions,
    snowflake::{Clock, Snowflake},
    sockets::{Door, Sockets},
    state::State,
    traffic::Traffic,
    world::{Application, User, World},
};

const BOT: Snowflake = Snowflake(1_100_000_000_000_000_001);

/// Shaped as a bot's token, and of no use anywhere else.
const TOKEN: &str = "MTEwMDAwMDAwMDAwMDAwMDAwMQ.simulated.not-a-secret";

/// One guild with three channels and three members; the first member owns it.
pub struct Builder {
    address: SocketAddr,
    channels: Vec<String>,
    guild: String,
    heartbeat: Duration,
    interaction_deadline: Duration,
    members: Vec<String>,
    privileged: bool,
    token: String,
}

impl Default for Builder {
    fn default() -> Self {
        let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            channels: names(["general", "help", "off-topic"]),
            guild: "Scriptorium".to_owned(),
            heartbeat: Duration::from_millis(41_250),
            interaction_deadline: Duration::from_secs(3),
            members: names(["ana", "ben", "cleo"]),
            privileged: true,
            token: TOKEN.to_owned(),
        }
    }
}

impl Builder {
    /// Where to listen; a free port of this machine if not said.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    #[must_use]
    pub fn channels<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { channels: names.into_iter().map(str::to_owned).collect(), ..self }
    }

    #[must_use]
    pub fn guild(self, name: &str) -> Self {
        Self { guild: name.to_owned(), ..self }
    }

    /// How often a client has to show that it is alive.
    #[must_use]
    pub fn heartbeat(self, every: Duration) -> Self {
        Self { heartbeat: every, ..self }
    }

    /// How long the bot has for its first answer to an interaction.
    #[must_use]
    pub fn interaction_deadline(self, deadline: Duration) -> Self {
        Self { interaction_deadline: deadline, ..self }
    }

    /// The members besides the bot; the first owns the guild.
    #[must_use]
    pub fn members<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { members: names.into_iter().map(str::to_owned).collect(), ..self }
    }

    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self }
    }

    /// A bot that Discord has not approved: asking for members, presences or the content of
    /// messages is refused.
    #[must_use]
    pub fn without_privileged_intents(self) -> Self {
        Self { privileged: false, ..self }
    }

    pub async fn start(self) -> io::Result<DiscordSimulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let sockets = Sockets::default();
        let world = self.world();
        let state = Arc::new(State::new(world, address, sockets.clone()));
        let routes = Route::new()
            .at("/gateway", get(gateway::connect))
            .at("/resume", get(gateway::connect))
            .at("/_sim/:act", control::obey)
            .at("/api/v10/oauth2/token", post(oauth::token))
            .at("/*any", rest::answer)
            .data(Arc::clone(&state));
        let server = Server::new_with_acceptor(Door { listener, sockets }).run(routes);
        Ok(DiscordSimulator::new(state, tokio::spawn(server)))
    }

    fn world(self) -> World {
        let mut world = World {
            agreements: Vec::new(),
            application: Application {
                id: BOT,
                token: self.token,
                privileged: self.privileged,
                commands: BTreeMap::new(),
            },
            channels: BTreeMap::new(),
            clock: Clock::default(),
            faults: Faults::default(),
            guilds: BTreeMap::new(),
            heartbeat: self.heartbeat,
            interactions: Interactions::new(self.interaction_deadline),
            sessions: Sessions::default(),
            traffic: Traffic::default(),
            users: BTreeMap::new(),
        };
        world.users.insert(BOT, User { id: BOT, name: "palimpsest".to_owned(), bot: true });
        let members: Vec<_> = self.members.iter().map(|name| world.add_user(name)).collect();
        let guild = world.found_guild(&self.guild, members.first().copied().unwrap_or(BOT));
        for user in members.into_iter().skip(1).chain([BOT]) {
            world.add_member(guild, user);
        }
        for name in self.channels {
            world.add_channel(Some(guild), name, None);
        }
        world
    }
}
