//! The operational store: what processes must remember, and what can be asked or derived again.

mod m20261120_000001_operational;
mod m20261120_000002_known_commits;
mod m20261120_000003_key_uses;
mod m20261120_000004_leased_claims;
mod m20261126_000001_counters;

use sea_orm_migration::prelude::*;

/// The tables that begin with `operational_`.
pub struct Operational;

#[async_trait::async_trait]
impl MigratorTrait for Operational {
    fn migration_table_name() -> DynIden {
        "operational_migrations".into_iden()
    }

    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_operational::Migration),
            Box::new(m20261120_000002_known_commits::Migration),
            Box::new(m20261120_000003_key_uses::Migration),
            Box::new(m20261120_000004_leased_claims::Migration),
            Box::new(m20261126_000001_counters::Migration),
        ]
    }
}
