//! Who stands behind the bot in these tests: a model that repeats, and people.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Access, Answer, ChatModel, Prompt};
use domain::kernel::Actor;
use projections::{LivePointer, PointerError};
use tokio::sync::Semaphore;

/// Answers with what it heard; what takes time waits until the test lets it go.
pub(super) struct Echo(pub(super) Arc<Semaphore>);

#[async_trait]
impl ChatModel for Echo {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError> {
        if prompt.text.contains("take your time") {
            self.0.acquire().await.expect("a gate").forget();
        }
        if prompt.text.contains("nobody can answer") {
            return Err(CommandError::invalid("message", "cannot be answered"));
        }
        let text = match prompt.text.as_str() {
            "tell me much" => "This is a long story. ".repeat(300).to_lowercase(),
            "how much do you know?" => {
                let oldest = prompt.before.iter().find(|turn| !turn.by_bot);
                let oldest = oldest.map_or("nothing", |turn| turn.text.as_str());
                format!("I know {}, the oldest: {oldest}", prompt.before.len())
            }
            text => format!("You said: {text}"),
        };
        let (provider, model) = ("echo".to_owned(), "echo".to_owned());
        Ok(Answer { text, provider, model, tokens_out: 1, ..Answer::default() })
    }
}

/// There are always others.
pub(super) struct Everybody;

#[async_trait]
impl Access for Everybody {
    async fn is_only_administrator(&self, _: &Actor) -> Result<bool, CommandError> {
        Ok(false)
    }
}

/// Which generation is live, in memory.
#[derive(Default)]
pub(super) struct Pointer(Mutex<Option<u64>>);

#[async_trait]
impl LivePointer for Pointer {
    async fn get(&self) -> Result<Option<u64>, PointerError> {
        Ok(*self.0.lock().expect("a number"))
    }

    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError> {
        let mut number = self.0.lock().expect("a number");
        let there = *number == from;
        if there {
            *number = Some(to);
        }
        Ok(there)
    }
}
