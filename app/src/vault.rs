//! `palimpsest vault`: changes the master key while processes run.
//!
//! It opens the vault itself, also beside a server: a master key never passes through the API.

use std::io::Write as _;

use adapters::MasterKey;
use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::cli::VaultCommand;
use crate::config::Config;
use crate::master_key::{FILE, Source};
use crate::stores::{open_vault_with, require_made};

/// The file of the key that comes next, and of the one before.
const NEXT: &str = "master.key.next";
const OLD: &str = "master.key.old";

pub(crate) async fn run(config: &Config, command: VaultCommand) -> anyhow::Result<()> {
    let VaultCommand::RotateMasterKey { finish: finishes, json } = command;
    require_made(config)?;
    if finishes { finish(config, json).await } else { begin(config, json).await }
}

/// Makes the next key, and lets it open the vault too. Cut off, it can be done again.
async fn begin(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let source = Source::of(config);
    let vault = open_vault_with(config, &source.read().await?).await?;
    let file = config.file(NEXT);
    let next = MasterKey::open_or_make(&file)?;
    vault.add_master_key(&next).await?;
    // Seen before anybody relies on it.
    open_vault_with(config, &next).await.context("the next key does not open the vault")?;

    let path = file.display();
    if as_json {
        let told = json!({ "next": next.name(), "file": file, "finished": false });
        writeln!(std::io::stdout(), "{told}")?;
    }
    match source {
        Source::File(_) => eprintln!(
            "The next master key is {path}; both keys open the vault now. Put a copy into the backup, \
             and in the place of {FILE} of every other process that shares this vault; then run this \
             with --finish. Nothing has to be started anew."
        ),
        Source::Command(_) | Source::Variable => eprintln!(
            "The next master key is the line in {path}; both keys open the vault now. Put it where \
             {source} takes it from, for every process that shares this vault; then run this with \
             --finish, which deletes the file. Nothing has to be started anew."
        ),
    }
    Ok(())
}

/// Lets only the next key open the vault. Cut off, it can be done again.
async fn finish(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let (source, file) = (Source::of(config), config.file(NEXT));
    let next = if file.exists() { MasterKey::open(&file)? } else { source.read().await? };
    let vault = open_vault_with(config, &next).await?;
    if file.exists() {
        match &source {
            Source::File(path) => {
                let placed = MasterKey::put_in_place(&file, path, &config.file(OLD));
                placed.with_context(|| format!("{} cannot be put in place", file.display()))?;
            }
            Source::Command(_) | Source::Variable => {
                ensure!(
                    source.read().await?.name() == next.name(),
                    "{source} still gives another key than {}; nothing was changed",
                    file.display()
                );
            }
        }
    } else if vault.master_keys().await? < 2 {
        bail!("no other master key opens this vault; begin without --finish");
    }
    let dropped = vault.keep_only_master_key(&next).await?;
    let kept = matches!(source, Source::File(_));
    if !kept && file.exists() {
        std::fs::remove_file(&file)?;
    }

    if as_json {
        let told = json!({ "key": next.name(), "dropped": dropped, "finished": true });
        writeln!(std::io::stdout(), "{told}")?;
    }
    eprintln!("Only the new master key opens the vault now.");
    if kept && config.file(OLD).exists() {
        eprintln!(
            "The old one is {}: backups of the vault from before need it. Keep it with them, and \
             delete it here.",
            config.file(OLD).display()
        );
    }
    Ok(())
}
