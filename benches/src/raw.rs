//! The raw limits of the machine: F for what waits for the disk, D for what decodes.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::figure::Figure;
use crate::measure::{Bench, repeat};
use crate::table::Row;

const F_SPAN: Duration = Duration::from_millis(700);

/// F: 500 bytes appended to a file and on disk by fdatasync, per second.
pub(crate) fn f() -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.path().join("f"))?;
    let record = [b'f'; 500];
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < F_SPAN {
        let begun = Instant::now();
        file.write_all(&record)?;
        file.sync_data()?;
        latencies.push(begun.elapsed());
    }
    Ok(Figure::rate_of(latencies, started.elapsed()))
}

/// An envelope of about 340 bytes, as event stores commonly keep one.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    id: Uuid,
    stream: String,
    version: u64,
    recorded_at: DateTime<Utc>,
    actor: String,
    correlation: Uuid,
    event: Happened,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
enum Happened {
    Closed { reason: String },
    Opened { title: String, by: u64 },
    Said { author: u64, text: String, length: u32 },
}

#[derive(Debug, Default)]
struct Folded {
    version: u64,
    letters: u64,
    open: bool,
}

/// D: typed decoding and folding into a map, events per second on one core.
pub(crate) fn d(span: Duration) -> Result<Figure> {
    let stored: Vec<_> = (0..20_000_u64).map(envelope).collect::<Result<_, _>>()?;
    let mut states: HashMap<String, Folded> = HashMap::new();
    repeat(span, || {
        for bytes in &stored {
            let envelope: Envelope = serde_json::from_slice(bytes)?;
            let state = states.entry(envelope.stream).or_default();
            state.version = envelope.version;
            match envelope.event {
                Happened::Closed { reason } => state.open = reason.is_empty(),
                Happened::Opened { title, by } => state.open = !title.is_empty() && by > 0,
                Happened::Said { text, length, .. } => {
                    state.letters += u64::from(length).max(text.len() as u64);
                }
            }
        }
        black_box(&states);
        Ok(stored.len())
    })
}

fn envelope(number: u64) -> Result<Vec<u8>, serde_json::Error> {
    let event = match number % 10 {
        0 => Happened::Opened { title: format!("conversation {number}"), by: number + 1 },
        9 => Happened::Closed { reason: "said goodbye".to_owned() },
        _ => Happened::Said {
            author: 80_351_110_224_678_912 + number % 100,
            text: format!("{number}: what was written still shows"),
            length: 36,
        },
    };
    serde_json::to_vec(&Envelope {
        id: Uuid::from_u128(u128::from(number) << 64),
        stream: format!("ev.main.conversation.{:06}", number / 10),
        version: number % 10,
        recorded_at: DateTime::UNIX_EPOCH + Duration::from_millis(1_760_000_000_000 + number),
        actor: format!("discord:{}", 80_351_110_224_678_912 + number % 100),
        correlation: Uuid::from_u128(u128::from(number)),
        event,
    })
}

pub(crate) fn show_f() -> Result<Vec<Row>> {
    Ok(vec![Row::new("F: 500-byte append + fdatasync", f()?)])
}

pub(crate) fn show_d(bench: Bench) -> Result<Vec<Row>> {
    let size = envelope(12_345)?.len();
    Ok(vec![Row::new(format!("D: decode and fold an envelope of {size} bytes"), d(bench.span)?)])
}
