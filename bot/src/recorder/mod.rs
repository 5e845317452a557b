//! Routes what the gateway says into the log: a lane for each channel and each server. Lanes keep
//! their order, run beside each other and hold bounded queues; the router never waits for any.

mod gap;
mod import;
mod lane;
pub(crate) mod presence;
mod tools;

use std::collections::HashMap;
use std::sync::Arc;

use domain::discord::GuildEvent;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::gateway::{self, ChannelNews, GuildNews, Heard, OpenChannel, Welcome};
use gap::Gap;
use lane::{Item, Lane};
use presence::Word;
use tools::count;
pub(crate) use tools::{Tools, seen_live};

/// How many facts of one channel or server may wait.
const QUEUE: usize = 256;

/// What is not the recorder's business.
pub(crate) trait Hooks: Send {
    fn interaction(&mut self, data: Value);
    fn welcome(&mut self, welcome: &Welcome);
}

/// See the module.
pub(crate) struct Recorder<H> {
    hooks: H,
    channels: HashMap<ChannelId, ChannelLane>,
    guilds: HashMap<GuildId, mpsc::Sender<GuildNews>>,
    lanes: TaskTracker,
    presence: mpsc::Sender<Word>,
    /// Who we are, since the gateway said so.
    welcome: Option<Welcome>,
    absent: bool,
    tools: Arc<Tools>,
}

struct ChannelLane {
    direct: bool,
    gap: Arc<Gap>,
    queue: mpsc::Sender<Item>,
}

impl<H: Hooks> Recorder<H> {
    pub(crate) fn new(
        hooks: H,
        tools: Arc<Tools>,
        presence: mpsc::Sender<Word>,
        lanes: TaskTracker,
    ) -> Self {
        let (channels, guilds) = (HashMap::new(), HashMap::new());
        Self { hooks, channels, guilds, lanes, presence, welcome: None, absent: false, tools }
    }

    /// Takes words until there are no more.
    pub(crate) async fn run(
        mut self,
        mut words: mpsc::Receiver<gateway::Word>,
        mut direct: mpsc::Receiver<ChannelId>,
    ) {
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.take(word),
                    None => return,
                },
                Some(channel) = direct.recv() => self.read_direct(channel),
            }
        }
    }

    fn take(&mut self, word: gateway::Word) {
        let heard = match word {
            gateway::Word::Absent => Heard::Absent,
            gateway::Word::Missed => Heard::Missed,
            gateway::Word::Event(event) => {
                let Some((kind, data)) = gateway::raw(*event) else { return count("unreadable") };
                let me = self.welcome.as_ref().map_or(DiscordUserId(0), |it| it.me);
                let Some(heard) = gateway::heard(&kind, data, me) else {
                    tracing::debug!(event = kind, "an event cannot be read");
                    return count("unreadable");
                };
                heard
            }
        };
        self.hear(heard);
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Absent => {
                self.absent = true;
                self.tell(Word::Gone("the connection was lost".to_owned()));
            }
            Heard::Channel(news) => self.channel_news(news),
            Heard::ChannelGone(guild, channel) => {
                self.channels.remove(&channel);
                let facts = vec![GuildEvent::ChannelDeleted { id: channel }];
                self.guild_news(GuildNews { guild, by: None, facts, open: vec![], anew: false });
            }
            Heard::Guild(news) => self.guild_news(news),
            Heard::Interaction(data) => self.hooks.interaction(*data),
            Heard::Missed => {
                count("missed");
                for lane in self.channels.values() {
                    lane.gap.open();
                    lane.gap.fill(None);
                }
            }
            Heard::Nothing => count("ignored"),
            Heard::Ready(welcome) => self.ready(welcome),
            Heard::Resumed => {
                if std::mem::take(&mut self.absent) {
                    self.here();
                }
            }
        }
    }

    /// A new session: what was said since the old one ended is missing everywhere. Servers are
    /// read when they come up, because only then what is new there comes live.
    fn ready(&mut self, welcome: Welcome) {
        for lane in self.channels.values() {
            lane.gap.open();
            if lane.direct {
                lane.gap.fill(None);
            }
        }
        if self.welcome.is_some() && !self.absent {
            self.tell(Word::Gone("the session was lost".to_owned()));
        }
        self.absent = false;
        self.hooks.welcome(&welcome);
        self.welcome = Some(welcome);
        self.here();
    }

    fn here(&self) {
        if let Some(Welcome { name, guilds, .. }) = &self.welcome {
            self.tell(Word::Here { name: name.clone(), guilds: *guilds });
        }
    }

    fn tell(&self, word: Word) {
        if self.presence.try_send(word).is_err() {
            tracing::warn!("the bot's presence changes faster than it is recorded");
        }
    }

    fn channel_news(&mut self, news: ChannelNews) {
        // What was said just now comes live: what is missing, if anything, is older.
        let before = news.message.map(|id| MessageId(id.0.saturating_sub(1)));
        let lane = self.lane(news.channel, news.guild, before);
        let room = Arc::clone(&self.tools.room).try_acquire_owned();
        let sent = room
            .map_err(drop)
            .and_then(|room| self.channels[&lane].queue.try_send((news, room)).map_err(drop));
        if sent.is_err() {
            count("missed");
            let gap = &self.channels[&lane].gap;
            gap.open();
            gap.fill(None);
        }
    }

    fn guild_news(&mut self, news: GuildNews) {
        let guild = news.guild;
        for OpenChannel { id, newest } in &news.open {
            let known = self.channels.contains_key(id);
            let lane = self.lane(*id, Some(guild), Some(*newest));
            let gap = &self.channels[&lane].gap;
            if known && news.anew {
                gap.open();
                gap.fill(Some(*newest));
            }
        }
        let lane = self.guilds.entry(guild).or_insert_with(|| {
            let (queue, work) = mpsc::channel(QUEUE);
            self.lanes.spawn(guild_lane(Arc::clone(&self.tools), work));
            queue
        });
        if lane.try_send(news).is_err() {
            tracing::warn!(guild.id = %guild, "a server's events come faster than they are recorded");
            count("missed");
        }
    }

    /// A direct conversation of earlier days: Discord does not list them.
    fn read_direct(&mut self, channel: ChannelId) {
        self.lane(channel, None, None);
    }

    fn lane(
        &mut self,
        channel: ChannelId,
        guild: Option<GuildId>,
        newest: Option<MessageId>,
    ) -> ChannelId {
        self.channels.entry(channel).or_insert_with(|| {
            let (queue, work) = mpsc::channel(QUEUE);
            let gap = Arc::new(Gap::new(newest.unwrap_or(MessageId(u64::MAX))));
            let lane = Lane {
                channel,
                guild,
                me: self.welcome.as_ref().map_or(DiscordUserId(0), |it| it.me),
                start: newest,
                gap: Arc::clone(&gap),
                queue: work,
                tools: Arc::clone(&self.tools),
            };
            self.lanes.spawn(lane.run());
            ChannelLane { direct: guild.is_none(), gap, queue }
        });
        channel
    }
}

async fn guild_lane(tools: Arc<Tools>, mut work: mpsc::Receiver<GuildNews>) {
    while let Some(GuildNews { guild, by, facts, .. }) = work.recv().await {
        let cause = seen_live(by);
        let Some(recorded) = tools.record_guild(&cause, guild, facts).await else { continue };
        count(if recorded.new > 0 { "recorded" } else { "repeated" });
    }
}
