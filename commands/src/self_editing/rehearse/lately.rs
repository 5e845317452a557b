//! What was said lately in each channel, as far as a rehearsal has read it.

use std::collections::{HashMap, VecDeque};

use domain::discord::{ChannelEvent, Message, happened_at};
use domain::kernel::{ChannelId, MessageId};

use crate::ports::Line;

/// How much of it is kept, in bytes of text.
const MOST: usize = 32 * 1024 * 1024;

/// Besides its text, a line takes about so much.
const LINE: usize = 128;

/// See the module. A channel in which nothing was said for long is forgotten first.
pub(super) struct Lately {
    /// How many messages of each channel behaviors see at most.
    depth: usize,
    bytes: usize,
    /// Counts what was said, to know what is old.
    now: u64,
    channels: HashMap<ChannelId, Said>,
}

#[derive(Default)]
struct Said {
    at: u64,
    lines: VecDeque<Line>,
}

impl Lately {
    pub(super) fn new(depth: u32) -> Self {
        Self { depth: depth as usize, bytes: 0, now: 0, channels: HashMap::new() }
    }

    /// What the channel holds after this.
    pub(super) fn learn(&mut self, channel: ChannelId, event: &ChannelEvent) {
        if self.depth == 0 {
            return;
        }
        match event {
            ChannelEvent::MessageCreated(message) => self.say(channel, message),
            ChannelEvent::MessageEdited { id, content, .. } => {
                let Some(said) = self.channels.get_mut(&channel) else { return };
                let line = said.lines.iter_mut().rev().find(|it| it.message == *id);
                if let (Some(line), Some(text)) = (line, content.clear()) {
                    self.bytes = self.bytes + text.len() - line.text.len();
                    line.text.clone_from(text);
                }
            }
            ChannelEvent::MessageDeleted { id } => {
                let Some(said) = self.channels.get_mut(&channel) else { return };
                if let Some(at) = said.lines.iter().rposition(|it| it.message == *id)
                    && let Some(gone) = said.lines.remove(at)
                {
                    self.bytes -= size(&gone);
                }
            }
            ChannelEvent::CaughtUp { .. }
            | ChannelEvent::InteractionAnswered { .. }
            | ChannelEvent::InteractionReceived { .. }
            | ChannelEvent::ReactionAdded { .. }
            | ChannelEvent::ReactionRemoved { .. } => {}
        }
    }

    fn say(&mut self, channel: ChannelId, message: &Message) {
        let Some(text) = message.content.clear() else { return };
        let line = Line {
            message: message.id,
            user: message.author,
            name: message.author_name.clear().cloned().unwrap_or_default(),
            text: text.clone(),
            at: happened_at(message.id),
        };
        self.now += 1;
        self.bytes += size(&line);
        let said = self.channels.entry(channel).or_default();
        said.at = self.now;
        // What comes late, after a gap, has its place before the others.
        let later = said.lines.iter().rev().take_while(|it| it.message.0 > line.message.0).count();
        said.lines.insert(said.lines.len() - later, line);
        while said.lines.len() > self.depth
            && let Some(gone) = said.lines.pop_front()
        {
            self.bytes -= size(&gone);
        }
        if self.bytes > MOST {
            self.make_room();
        }
    }

    fn make_room(&mut self) {
        let mut ages: Vec<_> = self.channels.iter().map(|(id, said)| (said.at, *id)).collect();
        ages.sort_unstable();
        for (_, oldest) in ages {
            if self.bytes <= MOST / 2 {
                return;
            }
            if let Some(gone) = self.channels.remove(&oldest) {
                self.bytes -= gone.lines.iter().map(size).sum::<usize>();
            }
        }
    }

    /// What was said in a channel before this message, or at all; oldest first.
    pub(super) fn before(
        &self,
        channel: Option<ChannelId>,
        message: Option<MessageId>,
        most: u32,
    ) -> Vec<Line> {
        let said = channel.and_then(|channel| self.channels.get(&channel));
        let Some(said) = said.filter(|_| most > 0) else { return Vec::new() };
        let earlier = |it: &&Line| message.is_none_or(|message| it.message.0 < message.0);
        let lines = said.lines.iter().rev().filter(earlier).take(most as usize);
        let mut lines: Vec<_> = lines.cloned().collect();
        lines.reverse();
        lines
    }
}

fn size(line: &Line) -> usize {
    line.text.len() + LINE
}

#[cfg(test)]
mod tests {
    use domain::kernel::{DiscordUserId, Person, Personal};

    use super::*;

    const HERE: ChannelId = ChannelId(1);

    #[test]
    fn a_channel_shows_its_newest_messages_as_they_read_by_then() {
        let mut lately = Lately::new(3);
        for id in [1, 2, 3, 5, 4] {
            lately.learn(HERE, &said(id, &format!("text {id}")));
        }
        let texts = |lately: &Lately, before, most| {
            let lines = lately.before(Some(HERE), before, most).into_iter();
            lines.map(|it| it.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&lately, None, 3), ["text 3", "text 4", "text 5"]);
        assert_eq!(texts(&lately, Some(MessageId(5)), 1), ["text 4"]);
        assert!(lately.before(Some(ChannelId(2)), None, 3).is_empty());

        let content = Personal::of(Person::discord(7), "mended".to_owned());
        let edited_at = happened_at(MessageId(9));
        let id = MessageId(3);
        lately.learn(HERE, &ChannelEvent::MessageEdited { id, edited_at, content, length: 6 });
        lately.learn(HERE, &ChannelEvent::MessageDeleted { id: MessageId(4) });
        assert_eq!(texts(&lately, None, 3), ["mended", "text 5"]);
        assert_eq!(lately.bytes, "mendedtext 5".len() + 2 * LINE);
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut lately = Lately::new(100);
        for id in 0..2_000 {
            lately.learn(ChannelId(id), &said(id, &"x".repeat(40_000)));
            assert!(lately.bytes <= MOST);
        }
        assert!(lately.before(Some(ChannelId(0)), None, 1).is_empty());
        assert_eq!(lately.before(Some(ChannelId(1_999)), None, 1).len(), 1);
    }

    fn said(id: u64, text: &str) -> ChannelEvent {
        let of = Person::discord(7);
        ChannelEvent::MessageCreated(Message {
            id: MessageId(id),
            guild: None,
            author: DiscordUserId(7),
            author_name: Personal::of(of.clone(), "Ana".to_owned()),
            bot: false,
            content: Personal::of(of, text.to_owned()),
            length: 6,
            reply_to: None,
            attachments: None,
            to_bot: false,
        })
    }
}
