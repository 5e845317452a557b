//! Waiting for a state, never for a while.

use super::{
    handle::DiscordSimulator,
    traffic::Request,
    world::{Message, Ref, World},
};

impl DiscordSimulator {
    pub async fn wait_until_connected(&self) {
        self.wait("a bot to connect", |world| (world.sessions.connected() > 0).then_some(())).await;
    }

    /// Until sessions have been resumed so many times.
    pub async fn wait_for_resume(&self, times: usize) {
        let resumed = |world: &World| (world.sessions.resumed() >= times).then_some(());
        self.wait("the bot to resume", resumed).await;
    }

    pub async fn wait_until_disconnected(&self) {
        let gone = |world: &World| (world.sessions.connected() == 0).then_some(());
        self.wait("the bot to disconnect", gone).await;
    }

    /// The first message of a channel that is like this.
    pub async fn wait_for_message(
        &self,
        channel: impl Into<Ref>,
        like: impl Fn(&Message) -> bool,
    ) -> Message {
        let channel = self.channel(channel);
        let what = format!("a message in {}", channel.name);
        self.wait(&what, |world| {
            world.channels.get(&channel.id)?.messages.values().find(|it| like(it)).cloned()
        })
        .await
    }

    /// The first message between one person and the bot that is like this.
    pub async fn wait_for_direct_message(
        &self,
        user: impl Into<Ref>,
        like: impl Fn(&Message) -> bool,
    ) -> Message {
        let user = self.user(user).id;
        let channel = self.act(|world| Ok(world.direct_channel(user)));
        self.wait_for_message(channel, like).await
    }

    /// The first request that is like this.
    pub async fn wait_for_request(&self, like: impl Fn(&Request) -> bool) -> Request {
        let find = |world: &World| world.traffic.requests.iter().find(|it| like(it)).cloned();
        self.wait("a request", find).await
    }

    /// The first request that is like this and came after so many others.
    pub async fn wait_for_request_after(
        &self,
        others: usize,
        like: impl Fn(&Request) -> bool,
    ) -> Request {
        let find =
            |world: &World| world.traffic.requests.iter().skip(others).find(|it| like(it)).cloned();
        self.wait("a request", find).await
    }

    pub(super) async fn wait_for_command(&self, channel: &Ref, path: &str) {
        let what = format!("the bot to connect and register /{path}");
        self.wait(&what, |world| world.can_call(channel, path).then_some(())).await;
    }

    async fn wait<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> T {
        self.state.wait(what, look).await.unwrap_or_else(|why| panic!("{why}"))
    }
}
