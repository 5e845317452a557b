//! What was seen on Discord: facts from outside, each recorded once.

mod channel;
mod guild;

pub use channel::{
    Attachment, Channel, ChannelCommand, ChannelError, ChannelEvent, Message, happened_at,
};
pub use guild::{ChannelFact, Guild, GuildCommand, GuildError, GuildEvent};
