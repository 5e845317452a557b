//! `/sessions`: where somebody is signed in.

use commands::identity::accounts::Accounts;
use domain::kernel::SessionId;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::Slice;
use projections::identity::sessions;
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::auth::{May, needs};
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct SessionsApi {
    pub(crate) accounts: Accounts,
    pub(crate) views: Views,
}

/// Somebody being signed in somewhere.
#[derive(Object)]
struct SessionView {
    id: Uuid,
    /// Whether it is the one of this request.
    current: bool,
    /// How it began: `password`, `totp`, `passkey`, `o_auth`, `backup_code`.
    methods: Vec<String>,
    /// From where it began.
    ip_address: Option<String>,
    /// On what, in words: `Firefox on Linux`.
    device: String,
    user_agent: Option<String>,
    started_at: String,
    last_refreshed_at: String,
    expires_at: String,
    ended_at: Option<String>,
    /// Why it is over.
    ending: Option<String>,
}

#[derive(Object)]
struct SessionList {
    sessions: Vec<SessionView>,
    pagination: Pagination,
}

#[derive(Object)]
struct SessionsEnded {
    ended: u64,
}

#[OpenApi(prefix_path = "/api/v1/sessions", tag = "Tag::Identity")]
impl SessionsApi {
    /// List one's own sessions
    ///
    /// The newest first; those that are good still, or all.
    #[oai(path = "/", method = "get", operation_id = "listSessions")]
    async fn list(
        &self,
        may: May<needs::ReadProfile>,
        /// Those that are over too: the list of sign-ins.
        #[oai(default)]
        ended: Query<bool>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<SessionList>> {
        let signed = may.caller.signed()?;
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let alive = (!ended.0).then(request::now);
        let page = sessions::of_user(self.views.live()?.db(), signed.user, alive, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let current = signed.session;
        let sessions = page.items.into_iter().map(|row| SessionView::of(row, current)).collect();
        Ok(Found::of(SessionList { sessions, pagination }))
    }

    /// End a session
    ///
    /// One's own, or anybody's with the permission `manage:user`.
    #[oai(path = "/:session_id", method = "delete", operation_id = "endSession")]
    async fn end(
        &self,
        may: May<needs::WriteProfile>,
        session_id: Path<Uuid>,
    ) -> Result<Written<SessionsEnded>> {
        let id = SessionId(session_id.0);
        let position = self.accounts.end_session(&may.caller, id).await?;
        Ok(Written::at(position, SessionsEnded { ended: 1 }))
    }

    /// End all of one's own sessions but this one
    #[oai(path = "/", method = "delete", operation_id = "endOtherSessions")]
    async fn end_others(&self, may: May<needs::WriteProfile>) -> Result<Written<SessionsEnded>> {
        let (ended, position) = self.accounts.end_other_sessions(&may.caller).await?;
        Ok(Written::at(position, SessionsEnded { ended }))
    }
}

impl SessionView {
    fn of(row: sessions::Model, current: SessionId) -> Self {
        Self {
            current: row.id == current.0,
            id: row.id,
            methods: serde_json::from_str(&row.methods).unwrap_or_default(),
            device: device(row.user_agent.as_deref().unwrap_or_default()),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            started_at: request::shown(row.started_at.0),
            last_refreshed_at: request::shown(row.refreshed_at.0),
            expires_at: request::shown(row.expires_at.0),
            ended_at: row.ended_at.map(|at| request::shown(at.0)),
            ending: row.ending,
        }
    }
}

/// What a client calls itself, in words that people know.
fn device(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
        ("python", "Python"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "an unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn devices_are_told_in_words() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(device(firefox), "Firefox on Linux");
        assert_eq!(device("curl/8.5.0"), "curl");
        assert_eq!(device(""), "an unknown device");
    }
}
