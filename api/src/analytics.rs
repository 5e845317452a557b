//! `/analytics`: how much happens, and how well it goes.

use chrono::{DateTime, TimeDelta, Utc};
use commands::lifecycle::Lifecycle;
use domain::kernel::Singleton;
use poem::http::StatusCode;
use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};
use projections::analytics::{days, overview, performance};

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use crate::request;
use crate::views::Views;

/// A longer series is refused.
const MAX_POINTS: i64 = 10_000;

pub(crate) struct AnalyticsApi {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) views: Views,
}

/// The days up to now that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum Period {
    #[oai(rename = "1d")]
    Day,
    #[oai(rename = "30d")]
    Month,
    #[oai(rename = "90d")]
    Quarter,
    #[oai(rename = "7d")]
    Week,
}

#[derive(Object)]
struct Overview {
    period: Period,
    metrics: OverviewMetrics,
}

/// Those that were asked for.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct OverviewMetrics {
    users: Option<UserMetrics>,
    interactions: Option<InteractionMetrics>,
    performance: Option<PerformanceMetrics>,
}

#[derive(Object)]
struct UserMetrics {
    total: u64,
    active: u64,
    new: u64,
}

#[derive(Object)]
struct InteractionMetrics {
    /// Commands and messages.
    total: u64,
    commands: u64,
    messages: u64,
}

#[derive(Object)]
struct PerformanceMetrics {
    /// In milliseconds.
    avg_response_time: f64,
    uptime_percentage: f64,
    /// From 0 to 1.
    error_rate: f64,
}

/// How wide a point of the series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Granularity {
    Day,
    Hour,
    Minute,
}

#[derive(Object)]
struct Performance {
    time_series: Vec<PerformancePoint>,
    summary: PerformanceSummary,
}

#[derive(Object)]
struct PerformancePoint {
    timestamp: String,
    /// In milliseconds.
    response_time: f64,
    /// In megabytes.
    memory_usage: f64,
    /// Percent of one core.
    cpu_usage: f64,
    active_connections: f64,
}

#[derive(Object)]
struct PerformanceSummary {
    avg_response_time: f64,
    max_response_time: f64,
    min_response_time: f64,
    uptime_percentage: f64,
}

#[OpenApi(prefix_path = "/api/v1/analytics", tag = "Tag::Analytics")]
impl AnalyticsApi {
    /// The headline figures of a period
    ///
    /// Not further back than `features.analytics.retention_days`.
    #[oai(path = "/overview", method = "get", operation_id = "getAnalyticsOverview")]
    async fn overview(
        &self,
        _may: May<needs::ReadAnalytics>,
        /// The last 7 days without it.
        period: Query<Option<Period>>,
        /// Only these, with commas between: `users`, `interactions`, `performance`.
        #[oai(validator(max_length = 100, pattern = "^[a-z]+(,[a-z]+)*$"))]
        metrics: Query<Option<String>>,
    ) -> Result<Found<Overview>> {
        let wanted = wanted(metrics.0.as_deref())?;
        let asked = |name: &str| wanted.as_ref().is_none_or(|it| it.contains(&name));
        let period = period.0.unwrap_or(Period::Week);
        let now = request::now();
        let start = overview::Period::from(period).start(now).max(self.earliest().await?);
        let found = overview::overview(self.views.live()?.db(), start, now).await?;
        let users = UserMetrics {
            total: found.users_total,
            active: found.users_active,
            new: found.users_new,
        };
        let interactions = InteractionMetrics {
            total: found.interactions(),
            commands: found.commands,
            messages: found.messages,
        };
        let performance = PerformanceMetrics {
            avg_response_time: found.performance.avg_response_ms,
            uptime_percentage: found.performance.uptime_percent,
            error_rate: found.performance.error_rate(),
        };
        let metrics = OverviewMetrics {
            users: asked("users").then_some(users),
            interactions: asked("interactions").then_some(interactions),
            performance: asked("performance").then_some(performance),
        };
        Ok(Found::of(Overview { period, metrics }))
    }

    /// Performance over time
    ///
    /// Where no process lived, there is no point; nor before `features.analytics.retention_days`.
    #[oai(path = "/performance", method = "get", operation_id = "getAnalyticsPerformance")]
    async fn performance(
        &self,
        _may: May<needs::ReadAnalytics>,
        /// A day before the end without it.
        start_date: Query<Option<DateTime<Utc>>>,
        /// Now without it.
        end_date: Query<Option<DateTime<Utc>>>,
        /// Hours without it.
        granularity: Query<Option<Granularity>>,
    ) -> Result<Found<Performance>> {
        let granularity =
            performance::Granularity::from(granularity.0.unwrap_or(Granularity::Hour));
        let end = end_date.0.unwrap_or_else(request::now);
        let day_before = || end.checked_sub_signed(TimeDelta::days(1)).unwrap_or(end);
        let start = start_date.0.unwrap_or_else(day_before);
        if start > end {
            return Err(ApiError::field("start_date", "must not be after end_date"));
        }
        if (end - start).num_minutes() / granularity.minutes() > MAX_POINTS {
            let reason = format!("the series would have more than {MAX_POINTS} points");
            return Err(ApiError::field("granularity", reason));
        }
        // What has not been yet is no time without a process.
        let end = end.min(request::now());
        let start = start.max(self.earliest().await?);
        let live = self.views.live()?;
        let db = live.db();
        let series = performance::series(db, start, end, granularity).await?;
        let summary = performance::summary(db, start, end).await?;
        let time_series = series.into_iter().map(|point| PerformancePoint {
            timestamp: request::shown(point.at),
            response_time: point.response_ms,
            memory_usage: point.memory_mb,
            cpu_usage: point.cpu_percent,
            active_connections: point.connections,
        });
        let summary = PerformanceSummary {
            avg_response_time: summary.avg_response_ms,
            max_response_time: summary.max_response_ms,
            min_response_time: summary.min_response_ms,
            uptime_percentage: summary.uptime_percent,
        };
        Ok(Found::of(Performance { time_series: time_series.collect(), summary }))
    }
}

impl AnalyticsApi {
    /// How far back one may look; refuses while analytics are switched off.
    async fn earliest(&self) -> Result<DateTime<Utc>> {
        let settings = self.lifecycle.settings.load(&Singleton).await?.aggregate;
        if !settings.analytics_enabled {
            let message = "analytics are switched off; switch them on with PUT /config \
                           {\"features\":{\"analytics\":{\"enabled\":true}}}";
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        }
        let today = days::day(request::now());
        Ok(days::start(today - i64::from(settings.retention_days) + 1))
    }
}

/// The metrics that are asked for; all without a list.
fn wanted(list: Option<&str>) -> Result<Option<Vec<&str>>> {
    const ALL: [&str; 3] = ["users", "interactions", "performance"];
    let Some(list) = list else { return Ok(None) };
    let names: Vec<_> = list.split(',').map(str::trim).collect();
    match names.iter().find(|name| !ALL.contains(name)) {
        Some(_) => Err(ApiError::field("metrics", format!("there are {}", ALL.join(", ")))),
        None => Ok(Some(names)),
    }
}

impl From<Period> for overview::Period {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Month => Self::Month,
            Period::Quarter => Self::Quarter,
            Period::Week => Self::Week,
        }
    }
}

impl From<Granularity> for performance::Granularity {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Day => Self::Day,
            Granularity::Hour => Self::Hour,
            Granularity::Minute => Self::Minute,
        }
    }
}
