//! Appends to a log until it is killed, and says what was acknowledged: one line per commit, its
//! position and its command.
//!
//! `append-forever sqlite FILE` or `append-forever jetstream URL STREAM PREFIX`

use std::env;
use std::io::{self, Write};
use std::sync::Arc;

use adapters::jetstream_log::{JetStreamLog, Options};
use adapters::sqlite_log::SqliteLog;
use anyhow::{Context, bail};
use domain::kernel::{EventLog, Expected};
use tests::commits::{Body, after, commit_of_size, stream};

/// How many streams are written at the same time.
const WRITERS: usize = 8;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let log: Arc<dyn EventLog> = match arguments[..] {
        ["sqlite", file] => Arc::new(SqliteLog::open(file)?),
        ["jetstream", url, stream, prefix] => {
            let (stream, prefix) = (stream.into(), prefix.into());
            let options = Options { stream, prefix, ..Options::default() };
            Arc::new(JetStreamLog::connect(url, options).await?)
        }
        _ => bail!("append-forever sqlite FILE | jetstream URL STREAM PREFIX"),
    };
    let writers = (0..WRITERS).map(|number| tokio::spawn(write(Arc::clone(&log), number)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    Ok(())
}

async fn write(log: Arc<dyn EventLog>, number: usize) -> anyhow::Result<()> {
    let stream = stream(&format!("writer.{number}"));
    let stored = log.read_stream(&stream, Expected::New, usize::MAX).await?;
    let mut expected = match stored.last() {
        Some(last) => after(Body::of(last).version, last.position),
        None => Expected::New,
    };
    loop {
        let size = 200 + usize::try_from(expected.version() % 7)? * 3000;
        let append = commit_of_size(&stream, expected, size);
        let command = append.command;
        let position = log.append(append).await.context("a commit is acknowledged")?.position();
        writeln!(io::stdout().lock(), "{position} {command}")?;
        expected = after(expected.version() + 1, position);
    }
}
