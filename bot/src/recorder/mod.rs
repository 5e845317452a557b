//! Routes what the gateway says into the log: a lane for each channel and each server. Lanes keep
//! their order and run beside each other; the router never waits for any. Messages have a bounded
//! room and are read again when it is full; what cannot be read again always finds a place.

mod gap;
mod import;
mod lane;
pub(crate) mod presence;
mod tools;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::discord::GuildEvent;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::gateway::{self, ChannelNews, GuildNews, Heard, OpenChannel, Welcome};
use gap::Gap;
use lane::{Item, Lane};
use presence::Word;
use tools::count;
pub(crate) use tools::{Tools, seen_live};

/// How many messages of one channel may wait.
const QUEUE: usize = 256;

/// What is not the recorder's business.
pub(crate) trait Hooks: Send {
    /// `guilds` are the servers that the bot is in.
    fn interaction(&mut self, data: Value, guilds: &BTreeSet<GuildId>);
    fn welcome(&mut self, welcome: &Welcome);
}

/// See the module.
pub(crate) struct Recorder<H> {
    hooks: H,
    channels: HashMap<ChannelId, ChannelLane>,
    guilds: HashMap<GuildId, mpsc::UnboundedSender<GuildNews>>,
    /// The servers that the bot is in.
    present: BTreeSet<GuildId>,
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
    queue: mpsc::UnboundedSender<Item>,
    /// How many more messages may wait.
    room: Arc<Semaphore>,
}

impl<H: Hooks> Recorder<H> {
    pub(crate) fn new(
        hooks: H,
        tools: Arc<Tools>,
        presence: mpsc::Sender<Word>,
        lanes: TaskTracker,
    ) -> Self {
        let (channels, guilds, present) = (HashMap::new(), HashMap::new(), BTreeSet::new());
        let (welcome, absent) = (None, false);
        Self { hooks, channels, guilds, present, lanes, presence, welcome, absent, tools }
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
                    if kind == "READY" {
                        tracing::warn!(
                            "Discord's welcome cannot be read: presence is not recorded"
                        );
                    }
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
                self.guild_news(GuildNews::of(guild, GuildEvent::ChannelDeleted { id: channel }));
            }
            Heard::Guild(news) => self.guild_news(news),
            Heard::Interaction(data) => self.hooks.interaction(*data, &self.present),
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
        let lane = &self.channels[&lane];
        // Messages are read again when there is no room for them; the rest would be lost.
        let room = match news.message {
            Some(_) => {
                let rooms = [&lane.room, &self.tools.room].map(Arc::clone);
                let taken: Result<Vec<_>, _> =
                    rooms.into_iter().map(Semaphore::try_acquire_owned).collect();
                let Ok(taken) = taken else {
                    count("missed");
                    lane.gap.open();
                    return lane.gap.fill(None);
                };
                taken
            }
            None => vec![],
        };
        // A lane ends only when everything does.
        let _ = lane.queue.send((news, room));
    }

    fn guild_news(&mut self, news: GuildNews) {
        let guild = news.guild;
        if news.facts.contains(&GuildEvent::Left) {
            self.present.remove(&guild);
        } else if news.anew {
            self.present.insert(guild);
        }
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
            let (queue, work) = mpsc::unbounded_channel();
            let me = self.welcome.as_ref().map_or(DiscordUserId(0), |it| it.me);
            self.lanes.spawn(guild_lane(Arc::clone(&self.tools), me, work));
            queue
        });
        // A lane ends only when everything does.
        let _ = lane.send(news);
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
            let (queue, work) = mpsc::unbounded_channel();
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
            let room = Arc::new(Semaphore::new(QUEUE));
            ChannelLane { direct: guild.is_none(), gap, queue, room }
        });
        channel
    }
}

async fn guild_lane(
    tools: Arc<Tools>,
    me: DiscordUserId,
    mut work: mpsc::UnboundedReceiver<GuildNews>,
) {
    while let Some(GuildNews { guild, by, mut facts, unwatched, .. }) = work.recv().await {
        let cause = seen_live(by);
        if unwatched {
            let left = tools.gone(guild, me).await;
            facts.extend(left.into_iter().map(|user| GuildEvent::MemberLeft { user }));
        }
        let Some(recorded) = tools.record_guild(&cause, guild, facts).await else { continue };
        count(if recorded.new > 0 { "recorded" } else { "repeated" });
    }
}
