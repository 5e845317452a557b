//! Who stands behind the bot in these tests: a model that repeats.

use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Answer, ChatModel, Prompt};
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
