//! `/security/alerts`: what somebody should look at.

use std::collections::HashMap;

use commands::identity::Alerts;
use domain::kernel::{Actor, AlertId};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use projections::Slice;
use projections::identity::{actors, alerts};
use uuid::Uuid;

use crate::Tag;
use crate::answer::{Found, Result, Written};
use crate::audit::ActorView;
use crate::auth::{May, needs};
use crate::page::{Pagination, default_limit};
use crate::request;
use crate::views::Views;

pub(crate) struct AlertsApi {
    pub(crate) alerts: Alerts,
    pub(crate) views: Views,
}

/// What was noticed.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum AlertKind {
    ImpossibleTravel,
    ManyAccounts,
    ManyFailures,
    NewPlace,
    TokenReused,
}

#[derive(Object)]
struct AlertList {
    alerts: Vec<AlertView>,
    pagination: Pagination,
}

/// Something about security that a person should look at.
#[derive(Object)]
#[oai(rename = "Alert")]
struct AlertView {
    id: Uuid,
    /// `impossible_travel`, `many_accounts`, `many_failures`, `new_place` or `token_reused`.
    kind: String,
    /// Whose account it is about; null where it is about an address.
    user_id: Option<Uuid>,
    /// In words; `[erased]` once the user was erased.
    details: String,
    raised_at: String,
    /// What became of the mail to the user: `delivered`, `failed` or `unknown`; null when none was sent.
    mailed: Option<String>,
    acknowledged_at: Option<String>,
    acknowledged_by: Option<ActorView>,
}

#[derive(Object)]
struct AlertAcknowledged {
    id: Uuid,
    acknowledged: bool,
}

#[OpenApi(prefix_path = "/api/v1/security", tag = "Tag::Audit")]
impl AlertsApi {
    /// List the alerts about security
    ///
    /// Newest first.
    #[oai(path = "/alerts", method = "get", operation_id = "listAlerts")]
    async fn list(
        &self,
        _may: May<needs::ReadAudit>,
        kind: Query<Option<AlertKind>>,
        /// Only those that somebody looked at, or only the others.
        acknowledged: Query<Option<bool>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        #[oai(default, validator(maximum(value = "1000000000")))] offset: Query<u32>,
    ) -> Result<Found<AlertList>> {
        let slice = Slice { limit: limit.0.into(), offset: offset.0.into() };
        let kind = kind.0.map(|kind| word(kind).to_owned());
        let filter = alerts::Filter { kind, acknowledged: acknowledged.0 };
        let live = self.views.live()?;
        let page = alerts::list(live.db(), &filter, slice).await?;
        let pagination = Pagination::over(&page, slice);
        let actors: Vec<Actor> = page.items.iter().filter_map(acknowledger).collect();
        let names = actors::names(live.db(), &actors).await?;
        let alerts = page.items.into_iter().map(|row| shown(row, &names)).collect();
        Ok(Found::of(AlertList { alerts, pagination }))
    }

    /// Say that somebody looked at an alert
    #[oai(
        path = "/alerts/:alert_id/acknowledge",
        method = "post",
        operation_id = "acknowledgeAlert"
    )]
    async fn acknowledge(
        &self,
        may: May<needs::ManageUser>,
        alert_id: Path<Uuid>,
    ) -> Result<Written<AlertAcknowledged>> {
        let id = AlertId(alert_id.0);
        let position = self.alerts.acknowledge(&may.caller, id).await?;
        Ok(Written::at(position, AlertAcknowledged { id: id.0, acknowledged: true }))
    }
}

fn word(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::ImpossibleTravel => "impossible_travel",
        AlertKind::ManyAccounts => "many_accounts",
        AlertKind::ManyFailures => "many_failures",
        AlertKind::NewPlace => "new_place",
        AlertKind::TokenReused => "token_reused",
    }
}

fn acknowledger(row: &alerts::Model) -> Option<Actor> {
    let kind = row.acknowledged_by_kind.as_deref()?.parse().ok()?;
    Some(Actor { kind, id: row.acknowledged_by_id.clone()? })
}

fn shown(row: alerts::Model, names: &HashMap<Actor, String>) -> AlertView {
    let acknowledged_by = acknowledger(&row).map(|actor| ActorView::of(&actor, names));
    AlertView {
        id: row.id,
        kind: row.kind,
        user_id: row.user_id,
        details: row.details,
        raised_at: request::shown(row.raised_at.0),
        mailed: row.mailed,
        acknowledged_at: row.acknowledged_at.map(|at| request::shown(at.0)),
        acknowledged_by,
    }
}
