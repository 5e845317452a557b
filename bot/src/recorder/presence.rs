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
    GaveUp(String),
    Gone(String),
    Here { name: String, guilds: u64 },
}

/// Says it in order, off the recorder's way. Ends with its sender.
pub(crate) async fn say(lifecycle: Lifecycle, mut words: mpsc::Receiver<Word>) {
    while let Some(word) = words.recv().await {
        say_one(&lifecycle, &word).await;
    }
}

/// Says one word, and tries again for a while.
pub(crate) async fn say_one(lifecycle: &Lifecycle, word: &Word) {
    let cause = Cause::asked(Actor::system("bot"), Uuid::now_v7(), Source::Discord);
    for attempt in 0..TRIES {
        let said = match word.clone() {
            Word::GaveUp(reason) => lifecycle.gave_up(&cause, reason).await,
            Word::Gone(reason) => lifecycle.disconnected(&cause, reason).await,
            Word::Here { name, guilds } => lifecycle.connected(&cause, name, guilds).await,
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
