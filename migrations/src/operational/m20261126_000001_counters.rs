//! Buckets of requests that all processes take from.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let counters = Table::create()
            .table("operational_counters")
            // A MAC of what is counted.
            .col(string("id").primary_key())
            // Milliseconds since 1970.
            .col(big_integer("full_at"))
            .take();
        manager.create_table(counters).await?;
        let index = Index::create()
            .name("operational_counters_full_at")
            .table("operational_counters")
            .col("full_at")
            .take();
        manager.create_index(index).await
    }
}
