//! Reads an export on a thread of its own, some batches ahead of who records them.

use std::fs::File;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::discord::{ChannelEvent, happened_at};
use domain::kernel::{GuildId, MessageId};
use tokio::sync::mpsc;

use super::report::Finding;
use crate::discord::export::{Damage, ExportReader, Part, Place, Told, tell};

/// How many facts are handed over at once: a few full commits.
const BATCH: usize = 1_000;

/// How many batches may wait.
const AHEAD: usize = 4;

/// Some records, read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) facts: Vec<ChannelEvent>,
    pub(super) messages: u64,
    pub(super) anonymous: u64,
    pub(super) misdated: u64,
    pub(super) bad: Vec<Finding>,
    pub(super) notes: Vec<Finding>,
    /// How far the file was read.
    pub(super) bytes: u64,
}

/// The batches of a file, as they are read.
pub(super) fn read_ahead(
    path: &Path,
    guild: Option<GuildId>,
    now: DateTime<Utc>,
) -> mpsc::Receiver<io::Result<Batch>> {
    let (batches, receiver) = mpsc::channel(AHEAD);
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        // Nobody listens any more when the import was stopped: then there is nothing left to do.
        let send = |batch| batches.blocking_send(Ok(batch)).is_ok();
        if let Err(error) = File::open(path).and_then(|file| read(file, guild, now, send)) {
            let _ = batches.blocking_send(Err(error));
        }
    });
    receiver
}

/// Hands over batches until the end, or until somebody says no.
fn read(
    file: impl io::Read,
    guild: Option<GuildId>,
    now: DateTime<Utc>,
    mut send: impl FnMut(Batch) -> bool,
) -> io::Result<()> {
    let mut reader = ExportReader::new(file);
    let mut batch = Batch::default();
    let mut count = None;
    while let Some(part) = reader.next_part()? {
        match part {
            Part::Damage(damage) => batch.bad.push(damage.into()),
            Part::Member { name, json } if name == "messageCount" => count = Some(json.to_owned()),
            Part::Member { .. } => {}
            Part::Record { number, place, json } => match tell(json, guild, now) {
                Ok(told) => batch.add(told, number, place),
                Err(reason) => batch.bad.push(finding(place, Some(number), reason)),
            },
        }
        if batch.facts.len() + batch.bad.len() >= BATCH {
            batch.bytes = reader.place().offset;
            if !send(std::mem::take(&mut batch)) {
                return Ok(());
            }
        }
    }
    let (cut, held) = (reader.is_cut(), reader.records());
    let note = closing_note(cut, count.as_deref(), held);
    batch.notes.extend(note.map(|reason| finding(reader.place(), None, reason)));
    batch.bytes = reader.place().offset;
    send(batch);
    Ok(())
}

/// What the end of the file gives to think about.
fn closing_note(cut: bool, count: Option<&str>, held: u64) -> Option<String> {
    match count {
        _ if cut => Some(format!("the file is cut: it ends after {held} records, without its end")),
        None => Some(format!(
            "the file may be cut: it does not say how many messages it should hold; it holds {held}"
        )),
        Some(count) if count.trim() != held.to_string() => {
            Some(format!("the file says that it holds {count} messages; it holds {held}"))
        }
        Some(_) => None,
    }
}

impl Batch {
    fn add(&mut self, told: Told, number: u64, place: Place) {
        self.messages += 1;
        self.anonymous += told.anonymous;
        if let (Some(said), Some(ChannelEvent::MessageCreated(message))) =
            (told.misdated, told.facts.first())
        {
            self.misdated += 1;
            let reason = misdated(said, message.id);
            self.notes.push(finding(place, Some(number), reason));
        }
        self.facts.extend(told.facts);
    }
}

fn misdated(said: chrono::DateTime<chrono::Utc>, id: MessageId) -> String {
    let (said, id_says) = (said.to_rfc3339(), happened_at(id).to_rfc3339());
    format!("its timestamp is {said}, but its id says {id_says}, which is believed")
}

fn finding(Place { line, offset }: Place, record: Option<u64>, reason: String) -> Finding {
    Finding { line, offset, record, reason }
}

impl From<Damage> for Finding {
    fn from(Damage { place, record, reason }: Damage) -> Self {
        finding(place, record, reason)
    }
}
