//! An interaction in the hands of the one who started it.

use std::sync::Arc;

use serde_json::Value;

use super::{
    interactions::{Answer, Exchange, Response},
    snowflake::Snowflake,
    state::State,
    world::{Message, World},
};

/// What a member has asked of the bot, and waits to see answered.
pub struct Interaction {
    pub id: Snowflake,
    pub(super) state: Arc<State>,
}

impl Interaction {
    /// What he sees in the end: the bot's message, once it has stopped thinking.
    pub async fn response(&self) -> Response {
        self.wait("a response to the interaction", |world, _| world.response(self.id)).await
    }

    /// Wait until the bot has said anything at all, if only that it is thinking.
    pub async fn acknowledged(&self) {
        self.wait("the interaction's first answer", |_, it| it.answer.clone().map(drop)).await;
    }

    /// The suggestions for what he is typing.
    pub async fn choices(&self) -> Value {
        self.wait("suggestions", |_, it| match &it.answer {
            Some(Answer::Choices(choices)) => Some(choices.clone()),
            _ => None,
        })
        .await
    }

    /// The form he is shown.
    pub async fn modal(&self) -> Value {
        self.wait("a form", |_, it| match &it.answer {
            Some(Answer::Modal(modal)) => Some(modal.clone()),
            _ => None,
        })
        .await
    }

    /// The messages after the first: this one of them, counted from zero.
    pub async fn followup(&self, n: usize) -> Message {
        self.wait("a follow-up message", |world, it| {
            world.answer_message(it, *it.followups.get(n)?).cloned()
        })
        .await
    }

    async fn wait<T>(&self, what: &str, look: impl Fn(&World, &Exchange) -> Option<T>) -> T {
        let seen = self.state.wait(what, |world| look(world, world.interactions.get(self.id)?));
        seen.await.unwrap_or_else(|why| panic!("{why}"))
    }
}
