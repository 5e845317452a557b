//! `/events` and `/audit`: the log, as it is and as people read it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::kernel::{Actor, ERASED, Journal, Origin, Personal};
use futures_util::Stream;
use poem::Body;
use poem_openapi::param::Query;
use poem_openapi::payload::Binary;
use poem_openapi::types::{Any, ToJSON as _};
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::Generation;
use projections::audit::{self, trail};
use projections::identity::actors;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::page::default_limit;
use crate::request;
use crate::views::Views;

/// How many entries an export reads at once.
const PAGE: u64 = 500;

pub(crate) struct AuditApi {
    pub(crate) journal: Journal,
    pub(crate) views: Views,
}

#[derive(Object)]
struct EventPage {
    /// In the form of CloudEvents 1.0.
    events: Vec<Any<Value>>,
    /// Where the next page starts; null when there is nothing more for now.
    next_after: Option<u64>,
    /// The newest commit of the log.
    head: u64,
}

#[derive(Object)]
struct AuditPage {
    entries: Vec<AuditEntry>,
    /// Where the next page starts; null when there is nothing more for now.
    next_after: Option<u64>,
}

#[derive(ApiResponse)]
enum AuditExport {
    /// One entry a line, in the form of `/audit`; the last line is `{"next_after": …}`, and is missing
    /// when the export broke off.
    #[oai(status = 200, content_type = "application/x-ndjson")]
    Lines(Binary<Body>),
}

/// Who did what to what, when and why.
#[derive(Object)]
struct AuditEntry {
    position: u64,
    id: Uuid,
    timestamp: String,
    actor: ActorView,
    /// The type of the event, as `edit.approved`.
    action: String,
    target_type: String,
    target_id: String,
    #[oai(skip_serializing_if_is_none)]
    server_id: Option<String>,
    details: Any<Value>,
    /// From where the request came, where it came over HTTP.
    #[oai(skip_serializing_if_is_none)]
    ip_address: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    user_agent: Option<String>,
    correlation_id: Uuid,
    /// The event that led to it, as `position.index`.
    #[oai(skip_serializing_if_is_none)]
    causation_id: Option<String>,
}

/// Who did it.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Actor")]
pub(crate) struct ActorView {
    /// `ai`, `api_key`, `discord`, `system` or `user`.
    kind: String,
    id: String,
    /// As far as anybody told.
    name: Option<String>,
}

impl ActorView {
    pub(crate) fn of(actor: &Actor, names: &HashMap<Actor, String>) -> Self {
        let kind = actor.kind.as_ref().to_owned();
        Self { kind, id: actor.id.clone(), name: names.get(actor).cloned() }
    }
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Audit")]
impl AuditApi {
    /// Read the event log
    ///
    /// Oldest first, in whole commits, so a page may be a little longer than its limit.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    async fn events(
        &self,
        _may: May<needs::ReadAudit>,
        /// Start after this commit.
        #[oai(default, validator(maximum(value = "9007199254740991")))]
        after: Query<u64>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        /// Only this stream, as `edit.<id>`.
        #[oai(validator(max_length = 200, pattern = "^[^.]+[.].+$"))]
        stream: Query<Option<String>>,
        /// Only this type, as `edit.approved`, or all of one kind, as `edit.*`.
        #[oai(name = "type", validator(min_length = 1, max_length = 100))]
        kind: Query<Option<String>>,
    ) -> Result<Found<EventPage>> {
        let mut filter = trail::Filter::default();
        if let Some(stream) = stream.0 {
            let parts = stream.split_once('.');
            let wrong = || ApiError::field("stream", "must be a type, a full stop and an id");
            let (kind, id) = parts.ok_or_else(wrong)?;
            (filter.target_type, filter.target_id) = (Some(kind.to_owned()), Some(id.to_owned()));
        }
        if let Some(kind) = kind.0 {
            match kind.strip_suffix(".*") {
                Some(all) if filter.target_type.as_deref().is_none_or(|it| it == all) => {
                    filter.target_type = Some(all.to_owned());
                }
                _ => filter.action = Some(kind),
            }
        }
        let live = self.views.live()?;
        let (db, head) = (live.db(), self.journal.log().head().await?);
        let (limit, after) = (limit.0.into(), after.0);
        let page = trail::page(db, &self.journal, &filter, after, limit).await;
        let (entries, next_after) = page.map_err(|error| ApiError::unavailable(&error))?;
        let events = entries.iter().map(|entry| Any(entry.recorded.to_cloud_event())).collect();
        Ok(Found::of(EventPage { events, next_after, head }))
    }

    /// Read the audit trail
    ///
    /// Oldest first, in whole commits, so a page may be a little longer than its limit.
    #[oai(path = "/audit", method = "get", operation_id = "listAudit")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    async fn audit(
        &self,
        _may: May<needs::ReadAudit>,
        /// Only what this actor did.
        #[oai(validator(min_length = 1, max_length = 128))]
        user_id: Query<Option<String>>,
        /// Only this action, as `edit.approved`.
        #[oai(validator(min_length = 1, max_length = 100))]
        action: Query<Option<String>>,
        /// Only what was done to things of this type, as `edit`.
        #[oai(validator(min_length = 1, max_length = 100))]
        target_type: Query<Option<String>>,
        /// Only what was done to the thing with this id.
        #[oai(validator(min_length = 1, max_length = 200))]
        target_id: Query<Option<String>>,
        /// Only from this moment on.
        from: Query<Option<DateTime<Utc>>>,
        /// Only before this moment.
        to: Query<Option<DateTime<Utc>>>,
        /// Start after this commit.
        #[oai(default, validator(maximum(value = "9007199254740991")))]
        after: Query<u64>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Found<AuditPage>> {
        let filter = trail::Filter {
            user_id: user_id.0,
            action: action.0,
            target_type: target_type.0,
            target_id: target_id.0,
            from: from.0,
            to: to.0,
        };
        let live = self.views.live()?;
        let (db, limit, after) = (live.db(), limit.0.into(), after.0);
        let page = trail::page(db, &self.journal, &filter, after, limit).await;
        let (found, next_after) = page.map_err(|error| ApiError::unavailable(&error))?;
        let names = actors::names(db, found.iter().map(|entry| &entry.recorded.actor)).await?;
        let entries = found.iter().map(|entry| shown(entry, &names)).collect();
        Ok(Found::of(AuditPage { entries, next_after }))
    }

    /// Export the audit trail
    ///
    /// Oldest first, as JSON lines, up to what the read models show when it begins. The last line says where the
    /// next export goes on.
    #[oai(path = "/audit/export", method = "get", operation_id = "exportAudit")]
    #[expect(clippy::too_many_arguments, reason = "each is a filter of the API")]
    #[expect(clippy::unused_async, reason = "every operation is asynchronous")]
    async fn export(
        &self,
        _may: May<needs::ReadAudit>,
        /// Only what this actor did.
        #[oai(validator(min_length = 1, max_length = 128))]
        user_id: Query<Option<String>>,
        /// Only this action, as `edit.approved`.
        #[oai(validator(min_length = 1, max_length = 100))]
        action: Query<Option<String>>,
        /// Only what was done to things of this type, as `edit`.
        #[oai(validator(min_length = 1, max_length = 100))]
        target_type: Query<Option<String>>,
        /// Only what was done to the thing with this id.
        #[oai(validator(min_length = 1, max_length = 200))]
        target_id: Query<Option<String>>,
        /// Only from this moment on.
        from: Query<Option<DateTime<Utc>>>,
        /// Only before this moment.
        to: Query<Option<DateTime<Utc>>>,
        /// Start after this commit.
        #[oai(default, validator(maximum(value = "9007199254740991")))]
        after: Query<u64>,
    ) -> Result<AuditExport> {
        let filter = trail::Filter {
            user_id: user_id.0,
            action: action.0,
            target_type: target_type.0,
            target_id: target_id.0,
            from: from.0,
            to: to.0,
        };
        let live = self.views.live()?;
        let end = live.standing().borrow().position.max(after.0);
        let journal = self.journal.clone();
        let export = Export { live, journal, filter, after: after.0, end, lines: VecDeque::new() };
        Ok(AuditExport::Lines(Binary(Body::from_bytes_stream(export.stream()))))
    }
}

/// An export under way.
struct Export {
    live: Arc<Generation>,
    journal: Journal,
    filter: trail::Filter,
    /// What was read so far.
    after: u64,
    /// The last commit of this export.
    end: u64,
    lines: VecDeque<Bytes>,
}

impl Export {
    /// The lines, a page at a time: no more than one is in memory.
    fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let request_id = request::id();
        futures_util::stream::try_unfold(Some(self), move |state| async move {
            let Some(mut export) = state else { return Ok(None) };
            while export.lines.is_empty() && export.after < export.end {
                export.read().await.inspect_err(|error| {
                    tracing::warn!(%request_id, %error, "an export of the audit trail broke off");
                })?;
            }
            if let Some(line) = export.lines.pop_front() {
                return Ok(Some((line, Some(export))));
            }
            let last = format!("{}\n", json!({ "next_after": export.end }));
            Ok(Some((Bytes::from(last), None)))
        })
    }

    /// The next page.
    async fn read(&mut self) -> io::Result<()> {
        let db = self.live.db();
        let page = trail::page(db, &self.journal, &self.filter, self.after, PAGE).await;
        let (mut found, next) = page.map_err(io::Error::other)?;
        self.after = next.unwrap_or(self.end);
        found.retain(|entry| entry.recorded.position <= self.end);
        let names = actors::names(db, found.iter().map(|entry| &entry.recorded.actor)).await;
        let names = names.map_err(io::Error::other)?;
        let line = |entry| Bytes::from(format!("{}\n", shown(entry, &names).to_json_string()));
        self.lines = found.iter().map(line).collect();
        Ok(())
    }
}

fn shown(entry: &trail::Entry, names: &HashMap<Actor, String>) -> AuditEntry {
    let trail::Entry { row, recorded } = entry;
    let (ip_address, user_agent) = match recorded.origin.as_deref() {
        Some(Personal::Clear { value: Origin { ip_address, user_agent }, .. }) => {
            (Some(ip_address.clone()), user_agent.clone())
        }
        Some(Personal::Erased { .. }) => (Some(ERASED.to_owned()), Some(ERASED.to_owned())),
        None => (None, None),
    };
    AuditEntry {
        position: recorded.position,
        id: recorded.id,
        timestamp: request::shown(recorded.recorded_at),
        actor: ActorView::of(&recorded.actor, names),
        action: row.action.clone(),
        target_type: row.target_type().to_owned(),
        target_id: row.target_id.clone(),
        server_id: row.server_id.map(|id| id.cast_unsigned().to_string()),
        details: Any(audit::details(recorded)),
        ip_address,
        user_agent,
        correlation_id: recorded.correlation,
        causation_id: recorded.causation.map(|(position, index)| format!("{position}.{index}")),
    }
}
