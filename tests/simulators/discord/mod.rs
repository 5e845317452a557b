//! A Discord of our own: REST and gateway over real sockets, for an unmodified client.
//!
//! Point the bot at `url()` with `token()`, let people do things, wait for what the bot makes of
//! them. Every request is held against Discord's own `OpenAPI` document; what breaks it fails the
//! test at the latest when the simulator is dropped, unless the test has read `violations()`.
//!
//! ```no_run
//! # use tests::simulators::discord::DiscordSimulator;
//! # async fn story() {
//! let discord = DiscordSimulator::start().await;
//! // … start the bot with discord.url() and discord.token() …
//! discord.say("general", "ana", "good morning");
//! discord.wait_for_message("general", |it| it.author == discord.bot()).await;
//! let asked = discord.slash("general", "ana", "status", serde_json::json!({})).await;
//! assert!(asked.response().await.ephemeral);
//! # }
//! ```

mod acts;
mod asked;
mod builder;
mod control;
mod dispatches;
mod faults;
mod gateway;
mod handle;
mod interactions;
mod oauth;
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
