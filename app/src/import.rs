//! `palimpsest import`: what others recorded, through the API of the server.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use commands::discord::imports::{Finding, ImportReport};
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::remote::{Patience, Remote, data, pause};

/// How much of a file is sent at once.
const PIECE: usize = 256 * 1024;

/// How the import of one file ended.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// `done`, `failed` …
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    report: ImportReport,
}

/// Imports files in the JSON form of DiscordChatExporter, one after the other, and tells how it
/// went: for people, or as one JSON object a file. A file that cannot be imported does not stop
/// the next one, and a record that cannot be read does not stop its file.
pub(crate) async fn discord_export(
    server: &Remote,
    files: &[PathBuf],
    json: bool,
) -> anyhow::Result<()> {
    let (mut failed, mut bad) = (0, 0);
    for path in files {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let bar = if json { ProgressBar::hidden() } else { bar(&file) };
        let outcome = import(server, &file, path, &bar).await?;
        bar.finish_and_clear();
        failed += usize::from(outcome.status != "done");
        bad += outcome.report.bad_records;
        tell(&mut io::stdout().lock(), &outcome, json)?;
    }
    ensure!(failed == 0, "{failed} of {} files could not be imported", files.len());
    ensure!(bad == 0, "{} could not be read; the others were imported", many(bad, "record"));
    Ok(())
}

fn failed(file: &str, reason: String) -> Outcome {
    let report = ImportReport { file: file.to_owned(), ..ImportReport::default() };
    Outcome { status: "failed".into(), error: Some(reason), report }
}

/// Uploads the file, and asks until it is imported.
async fn import(
    server: &Remote,
    file: &str,
    path: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<Outcome> {
    let started = loop {
        let Upload { body, length } = match Upload::of(path, bar).await {
            Ok(upload) => upload,
            Err(error) => return Ok(failed(file, format!("it cannot be read: {error}"))),
        };
        let name: String = file.chars().take(200).collect();
        let request = server.request(Method::POST, "/imports").query(&[("name", name)]);
        let request = request.header(CONTENT_TYPE, "application/json");
        let sent = request.header(CONTENT_LENGTH, length).body(body).send().await;
        let answer = sent.context("the server cannot be reached")?;
        match pause(&answer) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => match data(answer).await {
                Ok(started) => break started,
                Err(refused) => return Ok(failed(file, refused.to_string())),
            },
        }
    };
    let id = started["import_id"].as_str().context("the server names no import")?.to_owned();

    let mut patience = Patience::new();
    loop {
        let sent = server.request(Method::GET, &format!("/imports/{id}")).send().await;
        let answer = sent.context("the server cannot be reached")?;
        if let Some(pause) = pause(&answer) {
            tokio::time::sleep(pause).await;
            continue;
        }
        if answer.status() == StatusCode::NOT_FOUND {
            let reason = "the server was restarted meanwhile and knows nothing of it any more; \
                          import it again, and what is there already is not added twice";
            return Ok(failed(file, reason.to_owned()));
        }
        let outcome: Outcome = serde_json::from_value(data(answer).await?)
            .context("the server tells of the import in another form than is known here")?;
        show(bar, &outcome.report);
        if !matches!(&*outcome.status, "queued" | "running") {
            return Ok(outcome);
        }
        patience.wait().await;
    }
}

/// A file on its way to the server.
struct Upload {
    body: Body,
    length: u64,
}

impl Upload {
    async fn of(path: &Path, bar: &ProgressBar) -> io::Result<Self> {
        let file = File::open(path).await?;
        let length = file.metadata().await?.len();
        bar.set_length(length);
        bar.set_position(0);
        bar.set_message("on its way to the server");
        let pieces = stream::try_unfold((file, bar.clone()), |(mut file, bar)| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            bar.inc(read as u64);
            Ok::<_, io::Error>((read > 0).then_some((piece, (file, bar))))
        });
        Ok(Self { body: Body::wrap_stream(pieces), length })
    }
}

/// On the terminal, if there is one.
fn bar(file: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{prefix} {bar:30} {bytes}/{total_bytes} {eta} left, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(file.to_owned());
    bar
}

fn show(bar: &ProgressBar, report: &ImportReport) {
    bar.set_length(report.total_bytes);
    bar.set_position(report.bytes);
    bar.set_message(counts(report));
}

fn counts(report: &ImportReport) -> String {
    let ImportReport { messages, new, known, edits, reactions, .. } = report;
    let mut text = format!("{}, {new} new, {known} known", many(*messages, "message"));
    for (count, thing) in [(*edits, "edit"), (*reactions, "reaction")] {
        if count > 0 {
            text += &format!(", {}", many(count, thing));
        }
    }
    text
}

fn many(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

fn tell(out: &mut impl Write, outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string(outcome)?)?;
        return Ok(());
    }
    let Outcome { status, error, report } = outcome;
    match (status.as_str(), error) {
        ("done", _) => writeln!(out, "{}: {}", report.file, counts(report))?,
        (_, Some(error)) => writeln!(out, "{}: not imported: {error}", report.file)?,
        (status, None) => {
            writeln!(out, "{}: {status} after {}; import it again", report.file, counts(report))?;
        }
    }
    for finding in report.bad.iter().chain(&report.notes) {
        writeln!(out, "  {}", place_and_reason(finding))?;
    }
    let more = report.bad_records.saturating_sub(report.bad.len() as u64);
    if more > 0 {
        let records = many(more, "more record");
        writeln!(out, "  and {records} that could not be read")?;
    }
    if report.anonymous_reactions > 0 {
        let left_out = many(report.anonymous_reactions, "reaction");
        writeln!(out, "  {left_out} left out: the export does not say whose they are")?;
    }
    Ok(())
}

fn place_and_reason(Finding { line, record, reason, .. }: &Finding) -> String {
    match record {
        Some(record) => format!("line {line}, record {record}: {reason}"),
        None => format!("line {line}: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn people_read_what_was_found_and_where() {
        let finding =
            |record, reason: &str| Finding { line: 3, offset: 40, record, reason: reason.into() };
        let report = ImportReport {
            file: "hall.json".into(),
            messages: 6,
            new: 4,
            known: 2,
            reactions: 1,
            bad_records: 3,
            bad: vec![finding(Some(2), "it has no id")],
            notes: vec![finding(None, "the file is cut")],
            anonymous_reactions: 5,
            ..ImportReport::default()
        };
        let done = Outcome { status: "done".into(), error: None, report };
        let mut out = Vec::new();
        tell(&mut out, &done, false).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "hall.json: 6 messages, 4 new, 2 known, 1 reaction\n  \
             line 3, record 2: it has no id\n  \
             line 3: the file is cut\n  \
             and 2 more records that could not be read\n  \
             5 reactions left out: the export does not say whose they are\n"
        );
    }

    #[test]
    fn machines_read_one_object_a_file() {
        let no = failed("x.json", "it is empty".into());
        let mut out = Vec::new();
        tell(&mut out, &no, true).unwrap();
        let read: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&read["status"], &read["error"]), (&"failed".into(), &"it is empty".into()));
        assert_eq!((&read["file"], &read["new"]), (&"x.json".into(), &0.into()));
    }
}
