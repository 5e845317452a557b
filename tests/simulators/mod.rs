//! Neighbors with behavior: they answer as the real ones do, over real sockets.

pub mod ai;
pub mod discord;
pub mod openid;
