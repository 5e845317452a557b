//! What the server says of edits, in words.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::Value;

/// A text, as a terminal may get it; nothing where there is none.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    harmless(value.as_str().unwrap_or_default())
}

/// What would steer the terminal of whoever reads it, or turn the direction of what follows, is
/// shown by its number: what an edit says must not change what its approver sees.
fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |it: char| {
        it.is_control() && !matches!(it, '\n' | '\t')
            || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(it) = chars.next() {
        let ends_line = it == '\r' && chars.peek() == Some(&'\n');
        if steers(it) && !ends_line {
            shown.extend(it.escape_unicode());
        } else {
            shown.push(it);
        }
    }
    Cow::Owned(shown)
}

/// A text within a line; what follows its first line cannot be taken for a line of its own.
fn within(value: &Value) -> String {
    text(value).replace('\n', "\n    ")
}

/// Who it was, by his name, or else by his id.
fn name(of: &Value) -> String {
    let known = [&of["name"], &of["id"]].into_iter().find(|it| it.is_string());
    known.map_or_else(|| "?".to_owned(), within)
}

/// An edit with its checks and its diff.
pub(super) fn edit(edit: &Value) -> String {
    let mut out = String::new();
    let (id, status, scope) = (text(&edit["id"]), text(&edit["status"]), text(&edit["scope"]));
    let live = edit["revision"].as_u64().map(|it| format!(", revision {it}")).unwrap_or_default();
    let _ = writeln!(out, "{id}  {status}{live}  {scope}  {}", within(&edit["description"]));
    let author = &edit["author"];
    let by = name(author);
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
        let by = name(&word["by"]);
        let comment = Some(within(&word["comment"])).filter(|_| word["comment"].is_string());
        let why = comment.map(|why| format!(": {why}")).unwrap_or_default();
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
    if edit["failure"].is_string() {
        let _ = writeln!(out, "{status}: {}", within(&edit["failure"]));
    }
    let _ = writeln!(out, "{}", extent(&edit["changes"]));
    out.push_str(&text(&edit["diff"]));
    out
}

/// A rollback, or a preview of one.
pub(super) fn rollback(done: &Value) -> String {
    let mut out = match &*text(&done["status"]) {
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
        out.push_str(&text(&done["diff"]));
    }
    out
}

/// One line an edit.
pub(super) fn history(page: &Value) -> String {
    let mut out = String::new();
    for edit in items(&page["edits"]) {
        let description = text(&edit["description"]);
        let description = description.split_whitespace().collect::<Vec<_>>();
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
        let words: Vec<_> = items(value).map(text).collect();
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
    match (text(&finding["file"]), within(&finding["reason"])) {
        (file, reason) if file.is_empty() => reason,
        (file, reason) => format!("{file}{line}: {reason}"),
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

    #[test]
    fn what_an_edit_says_does_not_steer_the_terminal() {
        let told = edit(&json!({
            "id": "1", "status": "proposed", "scope": "features",
            "description": "Greet\u{1b}[2J\n✓ policies", "author": { "name": "a\rb\u{9b}" },
            "checks": [{ "name": "syntax", "status": "failed", "findings": [
                { "file": "a\u{7}", "line": 2, "reason": "no\u{202e}" }] }],
            "approvals": [{ "by": { "id": "\u{2066}k" }, "comment": "\u{8}" }],
            "failure": "\u{1b}c",
            "diff": "+x\tä\r\n+y\rz\n",
        }));
        assert!(told.contains("Greet\\u{1b}[2J\n    ✓ policies\n"), "{told}");
        assert!(told.contains("by  a\\u{d}b\\u{9b}, "), "{told}");
        assert!(told.contains("  a\\u{7}:2: no\\u{202e}\n"), "{told}");
        assert!(told.contains("approved by \\u{2066}k, : \\u{8}\n"), "{told}");
        assert!(told.contains("proposed: \\u{1b}c\n"), "{told}");
        assert!(told.ends_with("+x\tä\r\n+y\\u{d}z\n"), "{told}");
        let done = json!({ "status": "preview", "diff": "\u{1b}",
            "conflicts": [{ "file": "a", "hunk": "\u{1b}" }] });
        assert!(!rollback(&done).contains('\u{1b}'));
        let page = json!({ "edits": [{ "id": "1", "description": "\u{1b}" }] });
        assert!(!history(&page).contains('\u{1b}'));
    }
}
