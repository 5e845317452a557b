//! How fast and how steadily the platform answers, over time.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};

/// How wide a point of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Granularity {
    Day,
    Hour,
    Minute,
}

impl Granularity {
    /// In minutes.
    pub fn minutes(self) -> i64 {
        match self {
            Self::Day => 1_440,
            Self::Hour => 60,
            Self::Minute => 1,
        }
    }
}

/// The processes of one deployment together, over one minute, hour or day.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Where it begins.
    pub at: DateTime<Utc>,
    /// The mean over all requests, in milliseconds; 0 without requests.
    pub response_ms: f64,
    /// Of all processes, the mean over the minutes.
    pub memory_mb: f64,
    /// Percent of one core, of all processes, the mean over the minutes.
    pub cpu_percent: f64,
    /// Of all processes, the mean over the minutes.
    pub connections: f64,
}

/// All of a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub requests: u64,
    pub errors: u64,
    /// The mean over all requests, in milliseconds; 0 without requests.
    pub avg_response_ms: f64,
    /// Of the minutes that had requests.
    pub max_response_ms: f64,
    /// Of the minutes that had requests.
    pub min_response_ms: f64,
    /// The share of minutes in which a process lived, since the first one ever did.
    pub uptime_percent: f64,
}

impl Summary {
    /// Errors per request, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        ratio(self.errors, self.requests)
    }
}

#[derive(FromQueryResult)]
struct PointRow {
    bucket: i64,
    response_ms: Option<f64>,
    memory_mb: f64,
    cpu_percent: f64,
    connections: f64,
}

#[derive(FromQueryResult)]
struct SummaryRow {
    requests: Option<i64>,
    errors: Option<i64>,
    average: Option<f64>,
    maximum: Option<f64>,
    minimum: Option<f64>,
    minutes: i64,
}

#[derive(FromQueryResult)]
struct FirstRow {
    first: Option<i64>,
}

/// Minutes first, over all processes; then buckets of minutes.
const SERIES: &str = "SELECT minute / $3 AS bucket,
        SUM(time) / NULLIF(SUM(requests), 0) AS response_ms, AVG(memory_mb) AS memory_mb,
        AVG(cpu_percent) AS cpu_percent, AVG(connections) AS connections
    FROM (
        SELECT minute, SUM(response_ms * requests) AS time,
            CAST(SUM(requests) AS DOUBLE PRECISION) AS requests, SUM(memory_mb) AS memory_mb,
            SUM(cpu_percent) AS cpu_percent,
            CAST(SUM(connections) AS DOUBLE PRECISION) AS connections
        FROM analytics_samples WHERE minute >= $1 AND minute < $2 GROUP BY minute
    ) AS minutes
    GROUP BY minute / $3 ORDER BY bucket";

const SUMMARY: &str = "SELECT CAST(SUM(requests) AS BIGINT) AS requests,
        CAST(SUM(errors) AS BIGINT) AS errors,
        SUM(response_ms * requests) / NULLIF(CAST(SUM(requests) AS DOUBLE PRECISION), 0) AS average,
        MAX(CASE WHEN requests > 0 THEN response_ms END) AS maximum,
        MIN(CASE WHEN requests > 0 THEN response_ms END) AS minimum,
        COUNT(DISTINCT minute) AS minutes
    FROM analytics_samples WHERE minute >= $1 AND minute < $2";

const FIRST: &str = "SELECT MIN(minute) AS first FROM analytics_samples";

/// The points of a span, oldest first; where no process lived, there is none.
pub async fn series(
    db: &impl ConnectionTrait,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    granularity: Granularity,
) -> Result<Vec<Point>, DbErr> {
    let width = granularity.minutes();
    let values = [minute(from).into(), end_minute(to).into(), width.into()];
    let find = Statement::from_sql_and_values(db.get_database_backend(), SERIES, values);
    let rows = db.query_all_raw(find).await?;
    rows.iter()
        .map(|row| {
            let row = PointRow::from_query_result(row, "")?;
            Ok(Point {
                at: DateTime::from_timestamp(row.bucket * width * 60, 0).unwrap_or_default(),
                response_ms: row.response_ms.unwrap_or(0.0),
                memory_mb: row.memory_mb,
                cpu_percent: row.cpu_percent,
                connections: row.connections,
            })
        })
        .collect()
}

/// Everything of a span at once.
pub async fn summary(
    db: &impl ConnectionTrait,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Summary, DbErr> {
    let backend = db.get_database_backend();
    let find = Statement::from_sql_and_values(
        backend,
        SUMMARY,
        [minute(from).into(), end_minute(to).into()],
    );
    let row = db.query_one_raw(find).await?;
    let row = row.map(|row| SummaryRow::from_query_result(&row, "")).transpose()?;
    let first = db.query_one_raw(Statement::from_string(backend, FIRST)).await?;
    let first = first.map(|row| FirstRow::from_query_result(&row, "")).transpose()?;
    let begin = first.and_then(|row| row.first).map(|first| first.max(minute(from)));
    // The present minute is not over, so it has no sample yet.
    let expected = begin.map_or(0, |begin| (minute(to) - begin).max(0));

    let row = row.as_ref();
    let number = |value: Option<i64>| value.unwrap_or(0).cast_unsigned();
    let lived = row.map_or(0, |row| row.minutes.min(expected));
    Ok(Summary {
        requests: number(row.and_then(|row| row.requests)),
        errors: number(row.and_then(|row| row.errors)),
        avg_response_ms: row.and_then(|row| row.average).unwrap_or(0.0),
        max_response_ms: row.and_then(|row| row.maximum).unwrap_or(0.0),
        min_response_ms: row.and_then(|row| row.minimum).unwrap_or(0.0),
        uptime_percent: if expected == 0 {
            100.0
        } else {
            100.0 * ratio(lived.cast_unsigned(), expected.cast_unsigned())
        },
    })
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// The minute after the last one of a span.
fn end_minute(to: DateTime<Utc>) -> i64 {
    (to.timestamp_millis() + 59_999).div_euclid(60_000)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
