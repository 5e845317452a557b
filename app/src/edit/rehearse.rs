//! `palimpsest edit rehearse`: what an edit would change of what happened lately.

use std::fmt::Write;

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::args::RehearseArgs;
use super::tell::{items, text};
use super::{path_of, show, whole};
use crate::remote::{Remote, segment};

/// Begins one, and waits for its end.
pub(super) async fn run(remote: &Remote, args: RehearseArgs) -> anyhow::Result<()> {
    let RehearseArgs { id, last, from, to, json } = args;
    let path = path_of(&whole(remote, &id).await?);
    let mut range = json!({});
    for (name, value) in [("last", json!(last)), ("from", json!(from)), ("to", json!(to))] {
        if !value.is_null() {
            range[name] = value;
        }
    }
    let begun = remote.post(&format!("{path}/rehearse"), &range).await?;
    let Some(id) = begun["rehearsal_id"].as_str() else {
        bail!("the server does not name the rehearsal");
    };
    let path = format!("{path}/rehearsals/{}", segment(id));
    let mut pause = crate::remote::Patience::new();
    let report = loop {
        let report = remote.get(&path).await?;
        if report["status"] != "running" {
            break report;
        }
        pause.wait().await;
    };
    ensure!(report["status"] == "done", "the rehearsal failed: {}", text(&report["failure"]));
    show(&report, json, told)
}

fn told(report: &Value) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} events, {} answered otherwise; errors {} before, {} after; {} µs before, {} after; \
         {} steps before, {} after",
        report["events"],
        report["differing"],
        report["errors_before"],
        report["errors_after"],
        report["time_before_us"],
        report["time_after_us"],
        report["operations_before"],
        report["operations_after"],
    );
    for it in items(&report["behaviors"]) {
        let _ = writeln!(out, "{}: {} otherwise", text(&it["behavior"]), it["differing"]);
    }
    for it in items(&report["errors"]) {
        let line = it["line"].as_u64().map(|line| format!(", line {line}")).unwrap_or_default();
        let (behavior, reason) = (text(&it["behavior"]), text(&it["reason"]));
        let (before, after) = (&it["before"], &it["after"]);
        let _ = writeln!(out, "{behavior}{line}: {reason} ({before} before, {after} after)");
    }
    for it in items(&report["examples"]) {
        let event = &it["event"];
        let said = |answer: &Value| match answer {
            Value::String(_) => text(answer).into_owned(),
            _ => "(silence)".to_owned(),
        };
        let _ = writeln!(
            out,
            "\n{} {} {}: {}\n- {}\n+ {}",
            event["position"],
            text(&event["what"]),
            text(&it["behavior"]),
            text(&event["text"]),
            said(&it["before"]),
            said(&it["after"]),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_with_errors_and_examples() {
        let told = told(&json!({
            "events": 9, "differing": 1, "errors_before": 0, "errors_after": 1,
            "time_before_us": 5, "time_after_us": 6, "operations_before": 7, "operations_after": 8,
            "behaviors": [{ "behavior": "dice", "differing": 1 }],
            "errors": [{ "behavior": "dice", "line": 3, "reason": "no", "before": 0, "after": 1 }],
            "examples": [{ "event": { "position": 4, "what": "message", "text": "roll" },
                           "behavior": "dice", "before": null, "after": "error: no" }],
        }));
        assert_eq!(
            told,
            "9 events, 1 answered otherwise; errors 0 before, 1 after; 5 µs before, 6 after; \
             7 steps before, 8 after\ndice: 1 otherwise\n\
             dice, line 3: no (0 before, 1 after)\n\n4 message dice: roll\n\
             - (silence)\n+ error: no\n"
        );
    }
}
