//! A chat model that answers from the workspace's responders when its provider fails.

use async_trait::async_trait;
use commands::CommandError;
use commands::describe;
use commands::ports::{Answer, ChatModel, ModelError, ModelName, Prompt, Step, Work};

use crate::local_model::LocalModel;

/// See the module. Work with tools has no fallback.
pub struct FallbackModel<M>(pub M);

#[async_trait]
impl<M: ChatModel> ChatModel for FallbackModel<M> {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError> {
        match self.0.answer(prompt.clone()).await {
            Err(error) => {
                tracing::warn!(error = %describe(&error), "the AI provider failed: responders answer");
                LocalModel.answer(prompt).await
            }
            answered => answered,
        }
    }

    fn worker(&self) -> Option<ModelName> {
        self.0.worker()
    }

    async fn work(&self, work: &Work) -> Result<Step, ModelError> {
        self.0.work(work).await
    }
}
