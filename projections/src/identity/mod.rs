//! Who is who.

pub mod actors;
pub mod alerts;
pub mod api_keys;
pub mod group_members;
pub mod groups;
pub mod organizations;
pub mod roles;
pub mod sessions;
pub mod users;
