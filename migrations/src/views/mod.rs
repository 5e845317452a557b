//! The tables of the read models. They only ever hold what can be built from the log again.

mod indexes;
mod m20261120_000001_tables;
mod m20261125_000001_behaviors;
mod m20261125_000002_rehearsals;
mod m20261125_000005_places;
mod m20261125_000008_compensations;
mod m20261126_000001_people;
mod m20261126_000002_sessions;
mod m20261126_000003_alerts;
mod m20261126_000004_tallies;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub use indexes::build as build_indexes;

/// Makes the tables of one generation of views; their indexes come last, by [`build_indexes`].
pub struct Views;

#[async_trait::async_trait]
impl MigratorTrait for Views {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_tables::Migration),
            Box::new(m20261125_000001_behaviors::Migration),
            Box::new(m20261125_000002_rehearsals::Migration),
            Box::new(m20261125_000005_places::Migration),
            Box::new(m20261125_000008_compensations::Migration),
            Box::new(m20261126_000001_people::Migration),
            Box::new(m20261126_000002_sessions::Migration),
            Box::new(m20261126_000003_alerts::Migration),
            Box::new(m20261126_000004_tallies::Migration),
        ]
    }
}

/// Brings a statement written for PostgreSQL to the database's own dialect.
fn dialect(backend: DbBackend, sql: &str) -> String {
    if backend != DbBackend::Sqlite {
        return sql.replace(" CLUSTERED", "");
    }
    // A key of one whole number is the row's own number; any other is the order on disk.
    sql.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
        .replace("DOUBLE PRECISION", "DOUBLE")
        .replace(" UUID", " BLOB")
        .replace(" COLLATE \"C\"", "")
        .replace(" CLUSTERED", " WITHOUT ROWID")
}
