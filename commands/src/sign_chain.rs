//! Signs the head of the chain into the log now and then, and keeps it outside the log as well, so
//! that a tail that was cut off is noticed.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Actor, Cause, Chain, ChainCommand, ChainHash, Singleton, Source};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ports::{Execute, Vault};
use crate::verify::Witness;
use crate::{CommandError, describe};

/// Where the newest head is kept outside the log.
const SECRET: &str = "chain-head";

/// The chain's value at a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub position: u64,
    pub chain: ChainHash,
}

/// See the module.
pub struct ChainSigner {
    pub chains: Arc<dyn Execute<Chain>>,
    pub vault: Arc<dyn Vault>,
    /// After so many commits …
    pub after_commits: u64,
    /// … or after so long, when anything was added.
    pub after: Duration,
}

impl ChainSigner {
    /// Watches the head and signs it, until it is told to stop; then once more.
    pub async fn run(self, mut heads: watch::Receiver<Head>, stop: CancellationToken) {
        let mut signed = *heads.borrow_and_update();
        let mut due = tokio::time::interval(self.after);
        due.reset();
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                _ = due.tick() => false,
                changed = heads.changed() => match changed {
                    Ok(()) if heads.borrow().position < signed.position + self.after_commits => {
                        continue;
                    }
                    Ok(()) => false,
                    Err(_) => true,
                },
            };
            let head = *heads.borrow_and_update();
            // One commit more is the signature itself.
            if head.position > signed.position + 1 {
                match self.sign(head).await {
                    Ok(()) => signed = head,
                    Err(error) => {
                        let error = describe(&error);
                        tracing::warn!(
                            position = head.position,
                            error,
                            "the head could not be signed"
                        );
                    }
                }
                due.reset();
            }
            if last {
                return;
            }
        }
    }

    async fn sign(&self, head: Head) -> Result<(), CommandError> {
        let Head { position, chain: hash } = head;
        let (public_key, signature) = self.vault.sign(&Chain::signed_text(position, &hash));
        let command = ChainCommand::Sign { position, hash, public_key, signature };
        let cause = Cause::asked(Actor::system("sign_chain"), Uuid::now_v7(), Source::Reactor);
        self.chains.execute(&Singleton, command, &cause).await?;
        let kept = serde_json::to_vec(&head).map_err(CommandError::unavailable)?;
        self.vault.put_secret(SECRET, &kept).await
    }
}

/// The head that was kept outside the log, for `verify`.
pub async fn kept_head(vault: &dyn Vault) -> Result<Option<Witness>, CommandError> {
    let Some(kept) = vault.secret(SECRET).await? else { return Ok(None) };
    let Head { position, chain } =
        serde_json::from_slice(&kept).map_err(CommandError::unavailable)?;
    Ok(Some(Witness { kept_by: "the vault".to_owned(), position, chain }))
}
