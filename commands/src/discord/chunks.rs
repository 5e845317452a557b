//! Cuts many facts into commits that the log takes.

use domain::discord::{Attachment, ChannelEvent, GuildEvent, Message};
use domain::kernel::{MAX_COMMIT_BYTES, Personal};

/// How many facts go into one commit, at most.
const FACTS_PER_COMMIT: usize = 200;

/// How many bytes they may come to; the rest is for the envelope and for what is only estimated.
const BYTES_PER_COMMIT: usize = MAX_COMMIT_BYTES / 4 * 3;

/// What a fact takes in a commit besides its texts: ids, keys, the box around what is sealed.
const BARE: usize = 600;

/// A fact that can be weighed.
pub(super) trait Weighed {
    /// About how many bytes it takes in a commit, rather too many than too few.
    fn weight(&self) -> usize;
}

impl Weighed for ChannelEvent {
    fn weight(&self) -> usize {
        match self {
            Self::MessageCreated(Message { author_name, content, attachments, .. }) => {
                let files = attachments.as_ref().and_then(Personal::clear);
                let files = files.into_iter().flatten().map(file);
                BARE + sealed(text(author_name) + text(content) + files.sum::<usize>())
            }
            Self::MessageEdited { content, .. } => BARE + sealed(text(content)),
            Self::InteractionReceived { user_name, options, .. } => {
                let options = options.clear().map_or(0, |options| options.to_string().len());
                BARE + sealed(text(user_name) + options)
            }
            Self::InteractionAnswered { error, .. } => {
                BARE + error.as_ref().map_or(0, |it| escaped(it))
            }
            Self::ReactionAdded { emoji, .. } | Self::ReactionRemoved { emoji, .. } => {
                BARE + escaped(emoji)
            }
            Self::CaughtUp { .. } | Self::MessageDeleted { .. } => BARE,
        }
    }
}

impl Weighed for GuildEvent {
    fn weight(&self) -> usize {
        match self {
            Self::ChannelObserved(channel) => BARE + escaped(&channel.name),
            Self::MemberJoined { name, .. } => BARE + sealed(text(name)),
            Self::MemberUpdated { name, roles, .. } => {
                let roles = roles.iter().map(|role| escaped(role) + 3);
                BARE + sealed(text(name)) + roles.sum::<usize>()
            }
            Self::Observed { name, .. } => BARE + escaped(name),
            Self::ChannelDeleted { .. } | Self::Left | Self::MemberLeft { .. } => BARE,
        }
    }
}

/// The facts in order, as many per commit as it takes.
pub(super) fn chunks<T: Weighed>(facts: Vec<T>) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for fact in facts {
        let weight = fact.weight();
        match chunks.last_mut() {
            Some(last) if last.len() < FACTS_PER_COMMIT && bytes + weight <= BYTES_PER_COMMIT => {
                bytes += weight;
                last.push(fact);
            }
            _ => {
                bytes = weight;
                chunks.push(vec![fact]);
            }
        }
    }
    chunks
}

fn text(text: &Personal<String>) -> usize {
    text.clear().map_or(0, |text| escaped(text))
}

fn file(Attachment { name, url, .. }: &Attachment) -> usize {
    escaped(name) + escaped(url) + 60
}

/// In JSON.
fn escaped(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

/// In base64.
fn sealed(bytes: usize) -> usize {
    bytes / 3 * 4 + 4
}

#[cfg(test)]
mod tests {
    use domain::kernel::{MessageId, Person};

    use super::*;

    #[test]
    fn a_commit_is_full_by_number_or_by_size() {
        let deleted = |id| ChannelEvent::MessageDeleted { id: MessageId(id) };
        let sizes: Vec<_> = chunks((0..450).map(deleted).collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 200, 50]);

        let long = "\u{1}".repeat(4_000);
        let edited = |id| ChannelEvent::MessageEdited {
            id: MessageId(id),
            edited_at: chrono::DateTime::UNIX_EPOCH,
            content: Personal::of(Person::discord(7), long.clone()),
            length: 4_000,
        };
        let sizes: Vec<_> = chunks((0..20).map(edited).collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [12, 8]);
    }
}
