//! Tables, and nothing else: events are never rewritten.

mod views;

pub use sea_orm_migration::MigratorTrait;
pub use views::{Views, build_indexes};
