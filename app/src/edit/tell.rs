//! What the server says of edits, in words.

use std::fmt::Write;

use serde_json::Value;

/// A text; nothing where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An edit with its checks and its diff.
pub(super) fn edit(edit: &Value) -> String {
    let mut out = String::new();
    let (id, status, scope) = (text(&edit["id"]), text(&edit["status"]), text(&edit["scope"]));
    let live = edit["revision"].as_u64().map(|it| format!(", revision {it}")).unwrap_or_default();
    let _ = writeln!(out, "{id}  {status}{live}  {scope}  {}", text(&edit["description"]));
    let author = &edit["author"];
    let by = author["name"].as_str().or(author["id"].as_str()).unwrap_or("?");
    let _ = writeln!(
        out,
        "by {} {by}, {}, on revision {}, content {}",
        text(&author["kind"]),
        text(&edit["created_at"]),
        edit["base_revision"],
        text(&edit["content_hash"])
    );
    for check in items(&edit["checks"]) {
        let sign = if check["status"] == "passed" { "✓" } else { "✗" };
        let _ = writeln!(out, "{sign} {}", text(&check["name"]));
        for finding in items(&check["findings"]) {
            let _ = writeln!(out, "  {}", place_and_reason(finding));
        }
    }
    for word in items(&edit["approvals"]) {
        let by = word["by"]["name"].as_str().or(word["by"]["id"].as_str()).unwrap_or("?");
        let why = word["comment"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        let _ = writeln!(out, "approved by {by}, {}{why}", text(&word["at"]));
    }
    for it in items(&edit["rehearsals"]) {
        let (status, at) = (text(&it["status"]), text(&it["started_at"]));
        let _ = writeln!(
            out,
            "rehearsed {at}, {status}: {} events, {} otherwise, errors {} before, {} after",
            it["events"], it["differing"], it["errors_before"], it["errors_after"]
        );
    }
    if let Some(failure) = edit["failure"].as_str() {
        let _ = writeln!(out, "{status}: {failure}");
    }
    let _ = writeln!(out, "{}", extent(&edit["changes"]));
    out.push_str(text(&edit["diff"]));
    out
}

/// A rollback, or a preview of one.
pub(super) fn rollback(done: &Value) -> String {
    let mut out = match text(&done["status"]) {
        "preview" => format!("would change {}\n", extent(&done["changes"])),
        "unchanged" => "nothing had to change: the files are so already\n".to_owned(),
        _ => format!(
            "rolled back: revision {} is live, {}; the rollback is edit {}\n",
            done["revision"],
            extent(&done["changes"]),
            text(&done["rollback_id"])
        ),
    };
    for file in items(&done["files"]) {
        let (path, change) = (text(&file["path"]), text(&file["change"]));
        let _ =
            writeln!(out, "  {change} {path} +{} -{}", file["lines_added"], file["lines_removed"]);
    }
    for conflict in items(&done["conflicts"]) {
        let _ = write!(out, "conflict in {}\n{}", text(&conflict["file"]), text(&conflict["hunk"]));
    }
    if done["status"] == "preview" {
        out.push_str(text(&done["diff"]));
    }
    out
}

/// One line an edit.
pub(super) fn history(page: &Value) -> String {
    let mut out = String::new();
    for edit in items(&page["edits"]) {
        let description = text(&edit["description"]).split_whitespace().collect::<Vec<_>>();
        let _ = writeln!(
            out,
            "{}  {}  {}  {}  {}  {}",
            text(&edit["id"]),
            text(&edit["timestamp"]),
            text(&edit["status"]),
            text(&edit["type"]),
            extent(&edit["changes"]),
            description.join(" ")
        );
    }
    if page["pagination"]["has_more"] == true {
        let shown = items(&page["edits"]).count() as u64;
        let next = page["pagination"]["offset"].as_u64().unwrap_or_default() + shown;
        let _ = writeln!(out, "… of {}; --offset {next} shows more", page["pagination"]["total"]);
    }
    out
}

/// How self-editing stands.
pub(super) fn status(status: &Value) -> String {
    let mut out = String::new();
    let word = if status["enabled"] == true { "on" } else { "off" };
    let list = |value: &Value| {
        let words: Vec<_> = items(value).filter_map(Value::as_str).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let active = if status["active"] == true { ", an edit is under way" } else { "" };
    let _ = writeln!(out, "self-editing is {word}{active}");
    let _ = writeln!(out, "open scopes: {}", list(&status["scope"]));
    let _ = writeln!(out, "approved by themselves: {}", list(&status["auto_approve_scopes"]));
    let counted = &status["statistics"];
    let _ = writeln!(
        out,
        "{} edits: {} live or rolled back, {} failed; {} rollbacks",
        counted["total_edits"],
        counted["successful_edits"],
        counted["failed_edits"],
        counted["rollbacks"]
    );
    out
}

/// Where something was found, and what.
pub(crate) fn place_and_reason(finding: &Value) -> String {
    let line = finding["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
    match text(&finding["file"]) {
        "" => text(&finding["reason"]).to_owned(),
        file => format!("{file}{line}: {}", text(&finding["reason"])),
    }
}

fn extent(changes: &Value) -> String {
    let files = changes["files_modified"].as_u64().unwrap_or_default();
    let word = if files == 1 { "file" } else { "files" };
    format!("{files} {word} +{} -{}", changes["lines_added"], changes["lines_removed"])
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_is_told_with_what_its_checks_found() {
        let told = edit(&json!({
            "id": "1", "status": "failed", "scope": "features", "description": "Greet",
            "author": { "kind": "api_key", "id": "k", "name": "ana" }, "created_at": "today",
            "base_revision": 1, "content_hash": "c",
            "checks": [
                { "name": "syntax", "status": "failed",
                  "findings": [{ "file": "settings/a.toml", "line": 2, "reason": "no" }] },
                { "name": "no_secrets", "status": "passed", "findings": [] },
            ],
            "approvals": [],
            "changes": { "files_modified": 1, "lines_added": 2, "lines_removed": 0 },
            "diff": "+x\n",
        }));
        assert_eq!(
            told,
            "1  failed  features  Greet\n\
             by api_key ana, today, on revision 1, content c\n\
             ✗ syntax\n  settings/a.toml:2: no\n✓ no_secrets\n\
             1 file +2 -0\n+x\n"
        );
    }
}
