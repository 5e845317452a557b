//! Signs the head of the chain into the log now and then, and keeps it outside the log as well, so
//! that a tail that was cut off is noticed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::kernel::{Actor, Cause, Chain, ChainCommand, ChainHash, Journal, Singleton, Source};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ports::{Execute, Vault};
use crate::verify::Witness;
use crate::{CommandError, describe};

/// How often it is looked whether a signature is due.
const LOOK: Duration = Duration::from_secs(1);

/// Where the newest head is kept outside the log.
const SECRET: &str = "chain-head";

/// The chain's value at a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub position: u64,
    pub chain: ChainHash,
}

/// Knows the chain's newest value.
#[async_trait]
pub trait Heads: Send + Sync {
    /// None when it cannot be told now.
    async fn head(&self) -> Option<Head>;
}

/// See the module.
pub struct ChainSigner {
    pub heads: Arc<dyn Heads>,
    pub chains: Arc<dyn Execute<Chain>>,
    pub journal: Journal,
    pub vault: Arc<dyn Vault>,
    /// After so many commits …
    pub after_commits: u64,
    /// … or after so long, when anything was added.
    pub after: Duration,
}

impl ChainSigner {
    /// Signs the head now and then, until it is told to stop; then once more.
    pub async fn run(self, stop: CancellationToken) {
        match self.lost().await {
            Ok(None) => {}
            Ok(Some(kept)) => tracing::error!(
                kept = kept.position,
                "the log is shorter than the vault knew it: its tail was cut off, or an earlier log \
                 was put back. `palimpsest verify` says more"
            ),
            Err(error) => {
                let error = describe(&error);
                tracing::warn!(error, "the log could not be compared with what the vault kept");
            }
        }
        let mut looks = tokio::time::interval(LOOK);
        let (mut signed, mut signed_at) = (0, Instant::now());
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                _ = looks.tick() => false,
            };
            let head = self.heads.head().await.unwrap_or_default();
            if signed == 0 || head.position < signed {
                // What was there before this process is not worth a signature of its own; and an
                // earlier log that was put back is signed anew.
                signed = head.position;
            }
            let news = head.position.saturating_sub(signed);
            let due = news >= self.after_commits || last || signed_at.elapsed() >= self.after;
            // One commit more is the signature itself.
            if due && news > 1 {
                if let Err(error) = self.sign(head).await {
                    let error = describe(&error);
                    tracing::warn!(position = head.position, error, "the head could not be signed");
                }
                (signed, signed_at) = (head.position, Instant::now());
            }
            if last {
                return;
            }
        }
    }

    async fn sign(&self, head: Head) -> Result<(), CommandError> {
        let Head { position, chain: hash } = head;
        let lost = self.lost().await?;
        let (public_key, signature) = self.vault.sign(&Chain::signed_text(position, &hash));
        let command = ChainCommand::Sign { position, hash, public_key, signature };
        let cause = Cause::asked(Actor::system("sign_chain"), Uuid::now_v7(), Source::Reactor);
        self.chains.execute(&Singleton, command, &cause).await?;
        if lost.is_some() {
            // It is the only one who knows what is missing.
            return Ok(());
        }
        let kept = serde_json::to_vec(&head).map_err(CommandError::unavailable)?;
        self.vault.put_secret(SECRET, &kept).await
    }

    /// What the vault kept of a log that was longer.
    async fn lost(&self) -> Result<Option<Witness>, CommandError> {
        let Some(kept) = kept_head(self.vault.as_ref()).await? else { return Ok(None) };
        let head = self.journal.log().head().await?;
        Ok((kept.position > head).then_some(kept))
    }
}

/// The head that was kept outside the log, for `verify`.
pub async fn kept_head(vault: &dyn Vault) -> Result<Option<Witness>, CommandError> {
    let Some(kept) = vault.secret(SECRET).await? else { return Ok(None) };
    let Head { position, chain } =
        serde_json::from_slice(&kept).map_err(CommandError::unavailable)?;
    Ok(Some(Witness { kept_by: "the vault".to_owned(), position, chain }))
}
