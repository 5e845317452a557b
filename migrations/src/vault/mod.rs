//! The vault: keys of people, secrets by name, and what shows that the master key fits.

mod m20261120_000001_vault;

use sea_orm_migration::prelude::*;

/// The tables that begin with `vault_`.
pub struct Vault;

#[async_trait::async_trait]
impl MigratorTrait for Vault {
    fn migration_table_name() -> DynIden {
        "vault_migrations".into_iden()
    }

    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261120_000001_vault::Migration)]
    }
}
