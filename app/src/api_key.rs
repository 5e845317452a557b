//! `palimpsest api-key`: make, list and revoke keys.

use std::io::Write;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cli::ApiKeyCommand;
use crate::remote::{Remote, segment};

/// Through a running server.
pub(crate) async fn run(remote: &Remote, command: ApiKeyCommand) -> anyhow::Result<()> {
    match command {
        ApiKeyCommand::Create { name, permissions, expires_at, json: as_json } => {
            let mut body = json!({ "name": name, "permissions": permissions });
            if let Some(expires_at) = expires_at {
                body["expires_at"] = json!(expires_at);
            }
            let made = remote.post("/api-keys", &body).await?;
            show_made(&made, as_json)
        }
        ApiKeyCommand::List { json: as_json } => {
            let keys = all(remote).await?;
            show_list(&keys, as_json)
        }
        ApiKeyCommand::Revoke { id, json: as_json } => {
            let revoked = remote.delete(&format!("/api-keys/{}", segment(&id))).await?;
            if as_json {
                writeln!(std::io::stdout(), "{revoked}")?;
            }
            eprintln!("The key {id} is revoked.");
            Ok(())
        }
    }
}

/// Page by page.
async fn all(remote: &Remote) -> anyhow::Result<Value> {
    let mut keys = Vec::new();
    loop {
        let path = format!("/api-keys?limit=100&offset={}", keys.len());
        let mut page = remote.get(&path).await?;
        let more = page["pagination"]["has_more"] == true;
        let Value::Array(found) = page["api_keys"].take() else {
            bail!("the server lists no keys")
        };
        keys.extend(found);
        if !more {
            return Ok(Value::Array(keys));
        }
    }
}

fn show_made(made: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        writeln!(std::io::stdout(), "{made}")?;
        return Ok(());
    }
    let key = made["key"].as_str().context("the server showed no key")?;
    writeln!(std::io::stdout(), "{key}")?;
    eprintln!(
        "Keep it now: it is not shown again. Its id is {}.",
        made["id"].as_str().unwrap_or("?")
    );
    Ok(())
}

fn show_list(keys: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        writeln!(std::io::stdout(), "{keys}")?;
        return Ok(());
    }
    for key in keys.as_array().into_iter().flatten() {
        let text = |field: &str| key[field].as_str().unwrap_or("-").to_owned();
        let permissions = key["permissions"].as_array().into_iter().flatten();
        let permissions: Vec<_> = permissions.filter_map(Value::as_str).collect();
        let (id, name, permissions) = (text("id"), text("name"), permissions.join(","));
        let standing = match (key["revoked_at"].as_str(), key["expires_at"].as_str()) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "until revoked".to_owned(),
        };
        let used = key["last_used_at"].as_str().map(|at| format!("used {at}"));
        let used = used.unwrap_or_else(|| "never used".to_owned());
        writeln!(std::io::stdout(), "{id}  {name}  {standing}  {used}  {permissions}")?;
    }
    Ok(())
}
