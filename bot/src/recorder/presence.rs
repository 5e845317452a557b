//! Records when the bot is on Discord and when it is not.

use std::time::Duration;

use commands::lifecycle::Lifecycle;
use commands::{CommandError, describe};
use domain::kernel::{Actor, Cause, Source};
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

/// How often a word is tried before it is given up.
const TRIES: u32 = 20;

/// What there is to say.
#[derive(Debug, Clone)]
pub(crate) enum Word {
    Here { name: String, guilds: u64 },
    Gone(String),
}

/// Says it in order, off the recorder's way. Ends with its sender.
pub(crate) async fn say(lifecycle: Lifecycle, mut words: mpsc::Receiver<Word>) {
    while let Some(word) = words.recv().await {
        let cause = Cause::asked(Actor::system("bot"), Uuid::now_v7(), Source::Discord);
        for attempt in 0..TRIES {
            let said = match word.clone() {
                Word::Here { name, guilds } => lifecycle.connected(&cause, name, guilds).await,
                Word::Gone(reason) => lifecycle.disconnected(&cause, reason).await,
            };
            match said {
                Ok(_) => break,
                Err(CommandError::Conflict | CommandError::Unavailable(_)) => {
                    sleep(Duration::from_millis(50) * (1 << attempt.min(6))).await;
                }
                Err(error) => {
                    tracing::error!(error = %describe(&error), "presence cannot be recorded");
                    break;
                }
            }
        }
    }
}
