//! A Discord of our own: REST and gateway over real sockets, for an unmodified client.

mod acts;
mod asked;
mod builder;
mod control;
mod dispatches;
mod faults;
mod gateway;
mod handle;
mod interactions;
mod rest;
mod sessions;
mod shapes;
mod slash;
mod snowflake;
mod sockets;
mod state;
mod traffic;
mod validation;
mod waiting;
mod world;

pub use asked::Interaction;
pub use builder::Builder;
pub use faults::Hostile;
pub use handle::DiscordSimulator;
pub use interactions::Response;
pub use snowflake::Snowflake;
pub use traffic::{Request, Violation};
pub use world::{Channel, Guild, Member, Message, Reaction, Ref, Role, User};
