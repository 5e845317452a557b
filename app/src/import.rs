//! `palimpsest import`: what others recorded, through the API of the server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Body, Method};
use serde_json::Value;

use crate::progress::bar;
use crate::remote::Remote;

/// How often the server is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// Imports files in the JSON form of DiscordChatExporter, one after the other. Records that
/// cannot be read are told with their line; the others are kept.
pub async fn discord_export(
    remote: &Remote,
    files: &[PathBuf],
    as_json: bool,
) -> anyhow::Result<()> {
    let mut bad = 0;
    for file in files {
        let ended = import(remote, file).await.with_context(|| file.display().to_string())?;
        bad += ended["bad_records"].as_u64().unwrap_or_default();
        if as_json {
            writeln!(std::io::stdout(), "{ended}")?;
        } else {
            report(file, &ended);
        }
        let error = ended["error"].as_str();
        ensure!(error.is_none(), "{}: {}", file.display(), error.unwrap_or_default());
    }
    ensure!(bad == 0, "{bad} records could not be read; the others were imported");
    Ok(())
}

async fn import(remote: &Remote, file: &Path) -> anyhow::Result<Value> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let (started, size) = loop {
        let opened = tokio::fs::File::open(file).await.context("cannot be opened")?;
        let size = opened.metadata().await?.len();
        let upload = remote
            .request(Method::POST, "/imports")
            .query(&[("name", &name)])
            .header("content-type", "application/octet-stream")
            .body(Body::from(opened));
        match remote.ask(upload).await {
            // Many files are more than the limit of requests allows at once.
            Err(error) if error.to_string().contains("RATE_LIMIT_EXCEEDED") => {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            answer => break (answer?, size),
        }
    };
    let id = started["import_id"].as_str().context("the server named no import")?.to_owned();

    let progress = bar(size, "bytes");
    loop {
        let state = remote.get(&format!("/imports/{id}")).await?;
        progress.set_position(state["bytes"].as_u64().unwrap_or_default());
        match state["status"].as_str() {
            Some("queued" | "running") => tokio::time::sleep(LOOK).await,
            _ => {
                progress.finish_and_clear();
                return Ok(state);
            }
        }
    }
}

fn report(file: &Path, ended: &Value) {
    let number = |field: &str| ended[field].as_u64().unwrap_or_default();
    eprintln!(
        "{}: {} messages, {} new, {} known, {} records could not be read.",
        file.display(),
        number("messages"),
        number("new"),
        number("known"),
        number("bad_records"),
    );
    for (kind, findings) in [("bad", &ended["bad"]), ("note", &ended["notes"])] {
        for finding in findings.as_array().into_iter().flatten() {
            let reason = finding["reason"].as_str().unwrap_or_default();
            eprintln!("  {kind}: line {}: {reason}", finding["line"]);
        }
    }
}
