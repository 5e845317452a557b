//! The first tables of the vault.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, string};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table("vault_keys")
            .col(big_integer("id").primary_key())
            // A MAC of the person; there is one key for each.
            .col(binary("person").unique_key())
            .col(binary("wrapped"))
            .take();
        manager.create_table(keys).await?;

        let secrets = Table::create()
            .table("vault_secrets")
            .col(string("name").primary_key())
            .col(binary("sealed"))
            .take();
        manager.create_table(secrets).await?;

        // What the installation itself needs: the seed of its signing key.
        let roots = Table::create()
            .table("vault_roots")
            .col(string("name").primary_key())
            .col(binary("sealed"))
            .take();
        manager.create_table(roots).await
    }
}
