//! `/logs`: what the process wrote about itself.

mod files;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::page::Pagination;
use crate::request;

pub(crate) struct LogsApi {
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum Level {
    Debug,
    Error,
    Info,
    Warn,
}

#[derive(Object)]
struct LogList {
    logs: Vec<LogEntry>,
    pagination: Pagination,
}

/// One line of the log.
#[derive(Object)]
struct LogEntry {
    timestamp: String,
    level: String,
    message: String,
    context: LogContext,
}

/// Where in the program it was written.
#[derive(Object)]
struct LogContext {
    module: String,
    function: String,
}

#[OpenApi(prefix_path = "/api/v1/logs", tag = "Tag::Logs")]
impl LogsApi {
    /// Read the application's logs
    ///
    /// Newest first. Of very large logs only the newest part is searched.
    #[oai(path = "/", method = "get", operation_id = "listLogs")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    async fn logs(
        &self,
        _may: May<needs::ReadLog>,
        /// Only entries of this level.
        level: Query<Option<Level>>,
        /// Only entries from this moment on.
        start_date: Query<Option<DateTime<Utc>>>,
        /// Only entries up to this moment.
        end_date: Query<Option<DateTime<Utc>>>,
        /// Only entries that hold this text, whatever its case.
        #[oai(validator(min_length = 1, max_length = 200))]
        search: Query<Option<String>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "1000")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<LogList>> {
        let (limit, offset) = (limit.0 as usize, offset.0 as usize);
        let wanted = files::Wanted {
            level: level.0.as_ref().map(Level::word),
            from: start_date.0,
            to: end_date.0,
            search: search.0.map(|text| text.to_lowercase()),
            offset,
            limit,
        };
        let (entries, total) = match self.directory.clone() {
            Some(directory) => {
                let reading = tokio::task::spawn_blocking(move || files::read(&directory, &wanted));
                let read = reading.await.map_err(|error| ApiError::internal(&error))?;
                read.map_err(|error| ApiError::unavailable(&error))?
            }
            None => (Vec::new(), 0),
        };
        let logs = entries.into_iter().map(LogEntry::from).collect();
        Ok(Found::of(LogList { logs, pagination: Pagination::of(total, limit, offset) }))
    }
}

fn default_limit() -> u32 {
    100
}

impl Level {
    fn word(&self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Error => "error",
            Self::Info => "info",
            Self::Warn => "warn",
        }
    }
}

impl From<files::Entry> for LogEntry {
    fn from(entry: files::Entry) -> Self {
        let files::Entry { at, level, message, module, function } = entry;
        let context = LogContext { module, function };
        Self { timestamp: request::shown(at), level, message, context }
    }
}
