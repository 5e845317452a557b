//! Conversations between a person and the bot.

mod exchange;
pub mod feeling;

pub use exchange::{
    Conversation, ConversationCommand, ConversationError, ConversationEvent, Delivery, MAX_MESSAGE,
};
