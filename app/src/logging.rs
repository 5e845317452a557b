//! The application log: short lines for people on the standard error, one JSON object a line in
//! daily files for `/logs`.

use std::io::IsTerminal;
use std::path::Path;

use anyhow::Context;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::Logging;

/// Repeats what AI providers answer, which may show what was sent to them.
const QUIET: &str = "genai=off";

/// Starts logging into this folder; what is waiting is written when the guard is dropped.
pub(crate) fn start(logging: &Logging, folder: &Path) -> anyhow::Result<WorkerGuard> {
    std::fs::create_dir_all(folder).context("the folder of the application log cannot be made")?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("palimpsest")
        .filename_suffix("ndjson")
        .max_log_files(logging.keep_days.max(1))
        .build(folder)
        .context("the application log cannot be written")?;
    let (files, guard) = tracing_appender::non_blocking(files);
    let filter = || {
        let wrong = || format!("logging.filter “{}” is wrong", logging.filter);
        let quiet = format!("{},{QUIET}", logging.filter);
        EnvFilter::try_new(quiet).with_context(wrong)
    };
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .compact();
    let kept = fmt::layer().json().flatten_event(false).with_writer(files);
    tracing_subscriber::registry()
        .with(shown.with_filter(filter()?))
        .with(kept.with_filter(filter()?))
        .init();
    Ok(guard)
}

/// Warnings on the standard error, for commands that end.
pub(crate) fn start_quietly() {
    let wanted = std::env::var("PALIMPSEST_LOGGING").unwrap_or_default();
    let wanted = if wanted.is_empty() { "warn" } else { &wanted };
    let filter = EnvFilter::try_new(format!("{wanted},{QUIET}"));
    let filter = filter.unwrap_or_else(|_| format!("warn,{QUIET}").into());
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .compact();
    tracing_subscriber::registry().with(shown.with_filter(filter)).init();
}
