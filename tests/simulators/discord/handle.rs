//! The simulator in a test's hands: set things going, look at what happened.

use std::{io, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::{
    asked::Interaction,
    builder::Builder,
    faults::Hostile,
    snowflake::Snowflake,
    state::State,
    traffic::{Request, Violation},
    world::{Channel, Guild, Message, Ref, User, World},
};

/// A Discord that runs until it is dropped. Violations that nobody has read fail the test then.
pub struct DiscordSimulator {
    pub(super) state: Arc<State>,
    server: JoinHandle<io::Result<()>>,
}

/// What an act comes to, or why it cannot be done.
type Acted<T> = Result<T, String>;

impl DiscordSimulator {
    /// One guild, *Scriptorium*, with the channels `general`, `help` and `off-topic`, the
    /// members `ana` (its owner), `ben` and `cleo`, and the bot.
    pub async fn start() -> Self {
        Self::builder().start().await.expect("a free port on this machine")
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn new(state: Arc<State>, server: JoinHandle<io::Result<()>>) -> Self {
        Self { state, server }
    }

    /// What to use in place of `https://discord.com`.
    pub fn url(&self) -> String {
        format!("http://{}", self.state.address)
    }

    /// What `GET /gateway` answers.
    pub fn gateway_url(&self) -> String {
        format!("ws://{}/gateway", self.state.address)
    }

    pub fn token(&self) -> String {
        self.state.read(|world| world.application.token.clone())
    }

    // Who and what is here.

    pub fn bot(&self) -> Snowflake {
        self.state.read(World::bot)
    }

    pub fn guild(&self, named: impl Into<Ref>) -> Guild {
        self.look(|world| world.guild(&named.into()).cloned())
    }

    /// The guild that was there from the beginning.
    pub fn home(&self) -> Snowflake {
        self.look(|world| world.guilds.keys().next().copied().ok_or("no guild is left".into()))
    }

    pub fn channel(&self, named: impl Into<Ref>) -> Channel {
        self.look(|world| world.channel(&named.into()).cloned())
    }

    /// A channel of one guild: names may be taken more than once.
    pub fn channel_in(&self, guild: impl Into<Ref>, name: &str) -> Channel {
        let guild = self.guild(guild).id;
        self.look(|world| {
            let mut channels = world.channels.values();
            let found = channels.find(|it| it.guild == Some(guild) && it.name == name);
            found.cloned().ok_or_else(|| format!("there is no channel {name} in {guild}"))
        })
    }

    pub fn user(&self, named: impl Into<Ref>) -> User {
        self.look(|world| world.user(&named.into()).cloned())
    }

    /// Everything in a channel, the oldest first.
    pub fn messages(&self, channel: impl Into<Ref>) -> Vec<Message> {
        self.channel(channel).messages.into_values().collect()
    }

    /// Everything between one person and the bot.
    pub fn direct_messages(&self, user: impl Into<Ref>) -> Vec<Message> {
        let user = self.user(user).id;
        let channel = self.act(|world| Ok(world.direct_channel(user)));
        self.messages(channel)
    }

    // What people do.

    pub fn say(&self, channel: impl Into<Ref>, user: impl Into<Ref>, text: &str) -> Snowflake {
        self.act(|world| world.say(&channel.into(), &user.into(), text))
    }

    pub fn reply(&self, to: &Message, user: impl Into<Ref>, text: &str) -> Snowflake {
        let channel = Ref::Id(to.channel);
        self.act(|world| world.say_in_reply(&channel, &user.into(), text, Some(to.id)))
    }

    pub fn say_in_dm(&self, user: impl Into<Ref>, text: &str) -> Snowflake {
        self.act(|world| world.say_in_dm(&user.into(), text))
    }

    pub fn edit(&self, channel: impl Into<Ref>, message: Snowflake, text: &str) {
        self.act(|world| world.edit(&channel.into(), message, text));
    }

    pub fn delete(&self, channel: impl Into<Ref>, message: Snowflake) {
        self.act(|world| world.delete(&channel.into(), message));
    }

    pub fn react(
        &self,
        channel: impl Into<Ref>,
        message: Snowflake,
        user: impl Into<Ref>,
        emoji: &str,
    ) {
        self.act(|world| {
            let (channel, user) =
                (world.channel(&channel.into())?.id, world.user(&user.into())?.id);
            world.react(channel, message, user, emoji);
            Ok(())
        });
    }

    pub fn unreact(
        &self,
        channel: impl Into<Ref>,
        message: Snowflake,
        user: impl Into<Ref>,
        emoji: &str,
    ) {
        self.act(|world| {
            let (channel, user) =
                (world.channel(&channel.into())?.id, world.user(&user.into())?.id);
            world.unreact(channel, message, user, emoji);
            Ok(())
        });
    }

    /// A moderator takes all reactions of a message away, or all with this emoji.
    pub fn unreact_all(&self, channel: impl Into<Ref>, message: Snowflake, emoji: Option<&str>) {
        self.act(|world| {
            let channel = world.channel(&channel.into())?.id;
            world.unreact_all(channel, message, emoji);
            Ok(())
        });
    }

    /// Somebody joins a guild, new to this Discord or not.
    pub fn join(&self, guild: impl Into<Ref>, name: &str) -> Snowflake {
        self.act(|world| world.join(&guild.into(), name))
    }

    pub fn leave(&self, guild: impl Into<Ref>, user: impl Into<Ref>) {
        self.act(|world| world.leave(&guild.into(), &user.into()));
    }

    /// A guild is made, with a channel `general`, and the bot is invited.
    pub fn create_guild(&self, name: &str, owner: impl Into<Ref>) -> Snowflake {
        self.act(|world| world.create_guild(name, &owner.into()))
    }

    /// The bot is thrown out.
    pub fn leave_guild(&self, guild: impl Into<Ref>) {
        let bot = self.bot();
        self.leave(guild, bot);
    }

    pub fn create_role(&self, guild: impl Into<Ref>, name: &str, permissions: u64) -> Snowflake {
        self.act(|world| world.create_role(&guild.into(), name, permissions))
    }

    /// An administrator gives a role by hand.
    pub fn grant(&self, guild: impl Into<Ref>, user: impl Into<Ref>, role: Snowflake) {
        self.act(|world| world.grant(&guild.into(), &user.into(), role));
    }

    /// A member calls a slash command, `edit propose` say, once the bot has registered it.
    pub async fn slash(
        &self,
        channel: impl Into<Ref>,
        user: impl Into<Ref>,
        path: &str,
        options: Value,
    ) -> Interaction {
        let (channel, user) = (channel.into(), user.into());
        self.wait_for_command(&channel, path).await;
        self.asked(|world| world.slash((&channel, &user), path, &options))
    }

    /// A member uses a command on a message, “Why?” say, once the bot has registered it.
    pub async fn use_on(&self, message: &Message, user: impl Into<Ref>, name: &str) -> Interaction {
        let (channel, user) = (Ref::Id(message.channel), user.into());
        self.wait_for_command(&channel, name).await;
        self.asked(|world| world.use_on((&channel, &user), name, message.id))
    }

    /// A member is typing the option `focused` of a slash command.
    pub async fn autocomplete(
        &self,
        channel: impl Into<Ref>,
        user: impl Into<Ref>,
        path: &str,
        options: Value,
        focused: &str,
    ) -> Interaction {
        let (channel, user) = (channel.into(), user.into());
        self.wait_for_command(&channel, path).await;
        self.asked(|world| world.autocomplete((&channel, &user), path, &options, focused))
    }

    /// A member presses a button of a message.
    pub fn press(&self, user: impl Into<Ref>, message: &Message, custom_id: &str) -> Interaction {
        self.select(user, message, custom_id, &[])
    }

    /// A member picks from a list in a message.
    pub fn select(
        &self,
        user: impl Into<Ref>,
        message: &Message,
        custom_id: &str,
        values: &[&str],
    ) -> Interaction {
        let channel = Ref::Id(message.channel);
        self.asked(|world| world.press(&user.into(), (&channel, message.id), custom_id, values))
    }

    /// A member sends in a form.
    pub fn submit(
        &self,
        channel: impl Into<Ref>,
        user: impl Into<Ref>,
        custom_id: &str,
        fields: &[(&str, &str)],
    ) -> Interaction {
        self.asked(|world| world.submit((&channel.into(), &user.into()), None, custom_id, fields))
    }

    /// A member sends in a form that a button of this message led to.
    pub fn submit_on(
        &self,
        user: impl Into<Ref>,
        message: &Message,
        custom_id: &str,
        fields: &[(&str, &str)],
    ) -> Interaction {
        let (channel, pressed) = (Ref::Id(message.channel), Some(message.id));
        self.asked(|world| world.submit((&channel, &user.into()), pressed, custom_id, fields))
    }

    // What goes wrong.

    /// Break every gateway connection, without a word. The sessions can be resumed.
    pub fn drop_connections(&self) {
        self.act(|world| {
            world.sessions.hang_up();
            Ok(())
        });
    }

    /// Ask every client to connect again.
    pub fn ask_for_reconnect(&self) {
        self.act(|world| {
            world.sessions.ask_for_reconnect();
            Ok(())
        });
    }

    /// Forget the sessions: nothing can be resumed, clients have to identify themselves anew.
    pub fn forget_sessions(&self) {
        self.act(|world| {
            world.sessions.forget();
            Ok(())
        });
    }

    /// Discord is down: connections break, requests get 503, until it is up again.
    pub fn outage(&self, down: bool) {
        self.act(|world| {
            world.faults.outage = down;
            Ok(())
        });
        if down {
            self.state.sockets.cut_all();
        }
    }

    /// The gateway keeps its connections, but hears and says nothing: heartbeats go unanswered.
    pub fn freeze_gateway(&self, frozen: bool) {
        self.act(|world| {
            world.faults.frozen = frozen;
            Ok(())
        });
    }

    /// The next requests are answered 429.
    pub fn rate_limit_next(&self, requests: usize, retry_after: Duration) {
        self.act(|world| {
            world.faults.limit(requests, retry_after);
            Ok(())
        });
    }

    /// The next answer that this fits is a bad one.
    pub fn hostile(&self, hostile: Hostile) {
        self.act(|world| {
            world.faults.arm(hostile);
            Ok(())
        });
    }

    /// Move the simulator's clock ahead: nonces are forgotten, interactions grow too old.
    pub fn advance(&self, by: Duration) {
        self.act(|world| {
            world.clock.advance(by);
            Ok(())
        });
    }

    // What happened.

    /// Every request of the bot, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.state.read(|world| world.traffic.requests.clone())
    }

    /// Everything that Discord's document does not allow. Whoever asks has read it.
    pub fn violations(&self) -> Vec<Violation> {
        self.state.change(|world| world.traffic.read_violations())
    }

    /// How many sessions have been opened by identifying.
    pub fn sessions_opened(&self) -> usize {
        self.state.read(|world| world.sessions.opened())
    }

    /// How often a session has been resumed.
    pub fn sessions_resumed(&self) -> usize {
        self.state.read(|world| world.sessions.resumed())
    }

    /// The slash commands as the bot has registered them, global or for one guild.
    pub fn commands(&self, guild: Option<Snowflake>) -> Vec<Value> {
        let commands = |world: &World| world.application.commands.get(&guild).cloned();
        self.state.read(commands).unwrap_or_default()
    }

    fn look<T>(&self, look: impl FnOnce(&World) -> Acted<T>) -> T {
        self.state.read(look).unwrap_or_else(|why| panic!("{why}"))
    }

    pub(super) fn act<T>(&self, act: impl FnOnce(&mut World) -> Acted<T>) -> T {
        self.state.change(act).unwrap_or_else(|why| panic!("{why}"))
    }

    fn asked(&self, act: impl FnOnce(&mut World) -> Acted<Snowflake>) -> Interaction {
        Interaction { id: self.act(act), state: Arc::clone(&self.state) }
    }
}

impl Drop for DiscordSimulator {
    fn drop(&mut self) {
        self.server.abort();
        self.state.sockets.cut_all();
        let unread: Vec<String> = self.state.read(|world| {
            world.traffic.unread_violations().iter().map(ToString::to_string).collect()
        });
        let fine = unread.is_empty() || std::thread::panicking();
        assert!(fine, "the bot broke Discord's document:\n{}", unread.join("\n"));
    }
}
