//! `/ws`: what happens, as it happens.

mod feed;
mod messages;
mod session;

pub(crate) use feed::Feed;
pub(crate) use session::Sockets;
