//! `palimpsest edit`: the life of an edit, through the API of the server.

pub mod args;
mod contents;
mod rehearse;
mod tell;

use std::io::Write;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::remote::{Remote, segment};
pub(crate) use tell::place_and_reason;

use args::{ApproveArgs, EditCommand, HistoryArgs, ProposeArgs, RollbackArgs};

/// How many edits are looked at to find the one whose id begins so.
const LOOKED_AT: usize = 1_000;
const PAGE: usize = 100;

pub(crate) async fn run(remote: &Remote, command: EditCommand) -> anyhow::Result<()> {
    match command {
        EditCommand::Apply { id, json } => act(remote, &id, "apply", json!({}), json).await,
        EditCommand::Approve(args) => approve(remote, args).await,
        EditCommand::Check { id, json } => act(remote, &id, "check", json!({}), json).await,
        EditCommand::History(args) => history(remote, args).await,
        EditCommand::Propose(args) => propose(remote, args).await,
        EditCommand::Rehearse(args) => rehearse::run(remote, args).await,
        EditCommand::Reject { id, reason, json } => {
            act(remote, &id, "reject", json!({ "reason": reason }), json).await
        }
        EditCommand::Rollback(args) => roll_back(remote, args).await,
        EditCommand::Show { id, diff, json } => {
            let edit = remote.get(&path_of(&whole(remote, &id).await?)).await?;
            if diff {
                write!(std::io::stdout(), "{}", tell::text(&edit["diff"]))?;
                return Ok(());
            }
            show(&edit, json, tell::edit)
        }
        EditCommand::Status { json } => {
            show(&remote.get("/self-editing/status").await?, json, tell::status)
        }
    }
}

async fn propose(remote: &Remote, args: ProposeArgs) -> anyhow::Result<()> {
    let ProposeArgs { description, files, delete, diff, scope, kind, base_revision, json } = args;
    let mut body = json!({ "scope": scope.word(), "description": description });
    if let Some(diff) = diff {
        body["diff"] = json!(contents::diff(&diff)?);
    } else {
        let files = contents::files(&files)?.into_iter();
        let files = files.map(|(path, content)| json!({ "path": path, "content": content }));
        let gone = delete.iter().map(|path| json!({ "path": path, "content": null }));
        body["files"] = files.chain(gone).collect();
    }
    if let Some(kind) = kind {
        body["type"] = json!(kind);
    }
    if let Some(revision) = base_revision {
        body["base_revision"] = json!(revision);
    }
    let edit = remote.post("/self-editing/edits", &body).await?;
    show(&edit, json, tell::edit)?;
    ensure!(edit["status"] != "failed", "the edit did not pass its checks; mend it, propose again");
    Ok(())
}

async fn approve(remote: &Remote, args: ApproveArgs) -> anyhow::Result<()> {
    let ApproveArgs { id, apply, comment, content_hash, force, json } = args;
    let path = path_of(&whole(remote, &id).await?);
    let mut body = json!({ "force": force });
    if let Some(comment) = comment {
        body["comment"] = json!(comment);
    }
    if let Some(hash) = content_hash {
        body["content_hash"] = json!(hash);
    }
    let mut edit = remote.post(&format!("{path}/approve"), &body).await?;
    if apply {
        let applied = remote.post(&format!("{path}/apply"), &json!({})).await;
        edit = applied.context("it is approved, and not live")?;
    }
    show(&edit, json, tell::edit)
}

async fn act(remote: &Remote, id: &str, verb: &str, body: Value, json: bool) -> anyhow::Result<()> {
    let path = path_of(&whole(remote, id).await?);
    show(&remote.post(&format!("{path}/{verb}"), &body).await?, json, tell::edit)
}

async fn roll_back(remote: &Remote, args: RollbackArgs) -> anyhow::Result<()> {
    let RollbackArgs { id, to, reason, force, preview, json } = args;
    let reason = reason.unwrap_or_else(|| "a preview".to_owned());
    let mut body = json!({ "reason": reason, "force": force, "preview": preview });
    match (id, to) {
        (Some(id), _) => body["edit_id"] = json!(whole(remote, &id).await?),
        (None, to) => body["to"] = json!(to),
    }
    let done = remote.post("/self-editing/rollback", &body).await?;
    show(&done, json, tell::rollback)?;
    let met = preview && !force && done["conflicts"].as_array().is_some_and(|it| !it.is_empty());
    ensure!(!met, "later edits changed the same lines; --force restores the older content");
    Ok(())
}

async fn history(remote: &Remote, args: HistoryArgs) -> anyhow::Result<()> {
    let HistoryArgs { limit, offset, status, kind, json } = args;
    let mut path = format!("/self-editing/history?limit={limit}&offset={offset}");
    for (name, value) in [("status", status), ("type", kind)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", segment(&value)));
        }
    }
    show(&remote.get(&path).await?, json, tell::history)
}

/// The whole id of the edit whose id begins so.
async fn whole(remote: &Remote, id: &str) -> anyhow::Result<String> {
    let digits = id.chars().filter(char::is_ascii_hexdigit).count();
    if digits >= 32 {
        return Ok(id.to_owned());
    }
    ensure!(digits >= 8, "{id} is no id of an edit: give all of it, or its first 8 characters");
    let mut found: Vec<String> = Vec::new();
    for offset in (0..LOOKED_AT).step_by(PAGE) {
        let path = format!("/self-editing/history?limit={PAGE}&offset={offset}");
        let page = remote.get(&path).await?;
        let ids = page["edits"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|it| it["id"].as_str()).filter(|it| it.starts_with(id));
        found.extend(ids.map(ToOwned::to_owned));
        if page["pagination"]["has_more"] != true {
            break;
        }
    }
    match &found[..] {
        [] => bail!("none of the newest {LOOKED_AT} edits has an id that begins with {id}"),
        [one] => Ok(one.clone()),
        [..] => bail!("several edits begin with {id}; give more of the id"),
    }
}

fn path_of(id: &str) -> String {
    format!("/self-editing/edits/{}", segment(id))
}

/// For machines as it came, for people in words.
fn show(answer: &Value, json: bool, words: fn(&Value) -> String) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{answer}")?;
    } else {
        write!(out, "{}", words(answer))?;
    }
    Ok(())
}
