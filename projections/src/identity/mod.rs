//! Who is who.

pub mod actors;
pub mod api_keys;
