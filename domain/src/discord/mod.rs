//! What was seen on Discord: facts from outside, each recorded once.

mod channel;
mod guild;
mod known;

pub use channel::{
    Attachment, Channel, ChannelCommand, ChannelError, ChannelEvent, Message, happened_at,
};
pub use guild::{ChannelFact, Guild, GuildCommand, GuildError, GuildEvent};
pub use known::Known;
