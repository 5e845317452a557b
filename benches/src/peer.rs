//! The peer, in a program of its own: `cqrs-es` with `postgres-es` on the PostgreSQL of this run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::built;
use crate::figure::{Figure, Unit};

/// Built once, then asked case by case.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    binary: PathBuf,
    database: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    conflicts: u64,
}

impl Peer {
    pub(crate) async fn build() -> Result<Self> {
        let binary = built::release("peer/Cargo.toml", "peer").await?;
        Ok(Self { binary, database: tests::services::postgres_url() })
    }

    /// The rate of one case, and how many conflicts surfaced meanwhile.
    pub(crate) async fn run(&self, case: &str, span: Duration) -> Result<(Figure, u64)> {
        let mut command = Command::new(&self.binary);
        command.arg(&self.database).arg("--seconds").arg(span.as_secs_f64().to_string()).arg(case);
        let output = command.stderr(std::process::Stdio::inherit()).output().await?;
        ensure!(output.status.success(), "the peer failed at {case}");
        let line: Line = serde_json::from_slice(&output.stdout)?;
        let figure = Figure {
            value: line.per_second,
            unit: Unit::PerSecond,
            p50_us: Some(line.p50_us),
            p99_us: Some(line.p99_us),
        };
        Ok((figure, line.conflicts))
    }
}
