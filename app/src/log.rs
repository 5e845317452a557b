//! `palimpsest log`: look at the log, or move it.

use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use commands::transfer::{Importer, export};
use domain::kernel::{ChainHash, Journal};
use futures_util::StreamExt;
use serde_json::json;

use crate::progress::bar;

/// How many commits are read at once.
const PAGE: usize = 1_000;

/// Writes the log to a file, or to the standard output for `-`.
pub(crate) async fn export_to(
    journal: &Journal,
    file: &Path,
    after: u64,
    open: bool,
    json: bool,
) -> anyhow::Result<()> {
    ensure!(!json || file != Path::new("-"), "--json needs a file: the log goes to the output");
    let head = journal.log().head().await?;
    let progress = bar(head, "commits");
    let part = part_of(file)?;
    let mut output = BufWriter::new(output(part.as_deref())?);
    let written = if open {
        let mut position = after;
        loop {
            let (events, last) = journal.read_all(position, PAGE).await?;
            if events.is_empty() && last == position {
                break position;
            }
            for recorded in events {
                writeln!(output, "{}", recorded.to_cloud_event())?;
            }
            position = last;
            progress.set_position(position);
        }
    } else {
        let chain = chain_at(journal, after).await?;
        let write = |line: &str, position: u64| {
            progress.set_position(position);
            writeln!(output, "{line}")
        };
        export(journal.log().as_ref(), after, chain, write).await?.0
    };
    output.flush()?;
    drop(output);
    if let Some(part) = part {
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(&part, file)?;
    }
    progress.finish_and_clear();
    if json {
        writeln!(std::io::stdout(), "{}", json!({ "position": written, "file": file }))?;
    }
    eprintln!("Exported the log up to commit {written}.");
    Ok(())
}

/// The chain's value at a position.
async fn chain_at(journal: &Journal, position: u64) -> anyhow::Result<ChainHash> {
    let (mut chain, mut at) = (ChainHash::default(), 0);
    while at < position {
        let page = journal.log().read_all(at, PAGE).await?;
        if page.is_empty() {
            bail!("the log ends at commit {at}, before {position}");
        }
        for commit in page.iter().take_while(|commit| commit.position <= position) {
            (chain, at) = (chain.next(&commit.body), commit.position);
        }
    }
    Ok(chain)
}

/// Fills an empty log from a file, or from the standard input for `-`.
pub(crate) async fn import_from(journal: &Journal, file: &Path, json: bool) -> anyhow::Result<()> {
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = std::fs::File::open(file);
        Box::new(std::io::BufReader::new(opened.with_context(|| file.display().to_string())?))
    };
    let progress = indicatif::ProgressBar::new_spinner();
    let mut importer = Importer::into(journal.log().as_ref()).await?;
    let mut line = String::new();
    let mut lines = 0u64;
    while input.read_line(&mut line)? > 0 {
        importer.take(line.trim_end()).await?;
        line.clear();
        lines += 1;
        if lines.is_multiple_of(1_000) {
            progress.set_message(format!("{lines} commits"));
            progress.tick();
        }
    }
    let (position, chain) = importer.finish().await?;
    progress.finish_and_clear();
    if json {
        let answer = json!({ "position": position, "chain": chain.to_string() });
        writeln!(std::io::stdout(), "{answer}")?;
    }
    eprintln!("The log holds {position} commits now; its chain ends in {chain}.");
    Ok(())
}

/// Writes the newest events, and goes on when asked to.
pub(crate) async fn tail(journal: &Journal, lines: u64, follow: bool) -> anyhow::Result<()> {
    let head = journal.log().head().await?;
    let mut position = head.saturating_sub(lines);
    let mut newest = Vec::new();
    while position < head {
        let (events, last) = journal.read_all(position, PAGE).await?;
        if last == position {
            break;
        }
        newest.extend(events);
        position = last;
    }
    let keep = usize::try_from(lines).unwrap_or(usize::MAX);
    let mut output = std::io::stdout();
    for recorded in newest.iter().skip(newest.len().saturating_sub(keep)) {
        writeln!(output, "{}", recorded.to_cloud_event())?;
    }
    if !follow {
        return Ok(());
    }
    let mut pages = journal.follow(position, ChainHash::default());
    while let Some(page) = pages.next().await {
        for recorded in page?.events {
            writeln!(output, "{}", recorded.to_cloud_event())?;
        }
        output.flush()?;
    }
    Ok(())
}

/// Where a file grows until it is whole; none for the standard output. Nothing is overwritten.
fn part_of(file: &Path) -> anyhow::Result<Option<PathBuf>> {
    if file == Path::new("-") {
        return Ok(None);
    }
    ensure!(!file.exists(), "{} is there already; name another file", file.display());
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    Ok(Some(part.into()))
}

fn output(part: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(part) = part else { return Ok(Box::new(std::io::stdout().lock())) };
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What an export that broke off has left begins anew.
    let made = options.write(true).create(true).truncate(true).open(part);
    Ok(Box::new(made.with_context(|| format!("{} cannot be made", part.display()))?))
}
