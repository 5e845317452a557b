//! What was measured, as a table to read or as lines of JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::figure::{Digits, Figure};

/// What a row has to reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At least so many times what stands beside it; where nothing does, so much itself.
    AtLeast(f64),
    /// At most so many times what stands beside it; where nothing does, so much itself.
    AtMost(f64),
    /// Only shown.
    Open,
    /// As much as what stands beside it, up to such a part of it.
    Within(f64),
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: Figure,
    pub(crate) beside: Option<Beside>,
    pub(crate) goal: Goal,
}

#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) name: String,
    pub(crate) figure: Figure,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, measured: Figure) -> Self {
        Self { what: what.into(), measured, beside: None, goal: Goal::Open }
    }

    pub(crate) fn beside(mut self, name: impl Into<String>, figure: Figure) -> Self {
        self.beside = Some(Beside { name: name.into(), figure });
        self
    }

    pub(crate) fn reaching(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    pub(crate) fn ratio(&self) -> Option<f64> {
        self.beside.as_ref().map(|it| self.measured.value / it.figure.value)
    }

    /// None where nothing has to be reached.
    pub(crate) fn reached(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeast(least) => Some(self.ratio().unwrap_or(self.measured.value) >= least),
            Goal::AtMost(most) => Some(self.ratio().unwrap_or(self.measured.value) <= most),
            Goal::Open => None,
            Goal::Within(part) => {
                Some(self.ratio().is_some_and(|ratio| (1.0 - ratio).abs() <= part))
            }
        }
    }

    /// A goal is told as the figure is, unless it is a ratio.
    fn bound(&self, bound: f64) -> String {
        if self.beside.is_some() {
            return Digits(bound).to_string();
        }
        Figure { value: bound, p50_us: None, p99_us: None, ..self.measured }.to_string()
    }

    fn cells(&self) -> [String; 6] {
        let beside = self.beside.as_ref().map(|it| format!("{} {}", it.name, it.figure));
        let goal = match self.goal {
            Goal::AtLeast(least) => format!("≥ {}", self.bound(least)),
            Goal::AtMost(most) => format!("≤ {}", self.bound(most)),
            Goal::Open => String::new(),
            Goal::Within(part) => format!("1 ± {}", Digits(part)),
        };
        let reached = self.reached().map_or("", |it| if it { "yes" } else { "NO" });
        [
            self.what.clone(),
            self.measured.to_string(),
            beside.unwrap_or_default(),
            self.ratio().map(|it| Digits(it).to_string()).unwrap_or_default(),
            goal,
            reached.to_owned(),
        ]
    }
}

/// A table in Markdown, so that it can be pasted as it is.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["what", "measured", "beside", "ratio", "must reach", "ok?"].map(str::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<_> = (0..6)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();

    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, &width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for &width in &widths {
                let _ = write!(text, "| {} ", "-".repeat(width));
            }
            text.push_str("|\n");
        }
    }
    text
}

pub(crate) fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        for row in rows {
            let mut line = serde_json::to_value(row)?;
            line["ratio"] = row.ratio().into();
            line["reached"] = row.reached().into();
            writeln!(out, "{line}")?;
        }
    } else {
        writeln!(out, "{}", table(rows))?;
    }
    Ok(())
}
