//! The first tables of the operational store. Times are milliseconds since 1970.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, binary_null, string, text};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        // Sweeping looks for what has run out.
        for table in ["operational_idempotency_keys", "operational_tickets"] {
            let index =
                Index::create().name(format!("{table}_until")).table(table).col("until").take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    let checkpoints = Table::create()
        .table("operational_checkpoints")
        .col(string("reactor").primary_key())
        .col(big_integer("position"))
        .take();
    let generations = Table::create()
        .table("operational_generations")
        .col(string("name").primary_key())
        .col(big_integer("live"))
        .take();
    let idempotency_keys = Table::create()
        .table("operational_idempotency_keys")
        // A MAC of credential and key.
        .col(string("id").primary_key())
        .col(string("fingerprint"))
        .col(binary_null("answer"))
        .col(big_integer("until"))
        .take();
    let leases = Table::create()
        .table("operational_leases")
        .col(string("name").primary_key())
        .col(string("holder"))
        .col(big_integer("token"))
        .col(big_integer("until"))
        .take();
    let parked = Table::create()
        .table("operational_parked")
        .col(string("reactor"))
        .col(big_integer("position"))
        .col(big_integer("event_index"))
        .col(big_integer("attempts"))
        .col(big_integer("next_at"))
        .col(text("error"))
        .primary_key(Index::create().col("reactor").col("position").col("event_index"))
        .take();
    let snapshots = Table::create()
        .table("operational_snapshots")
        .col(string("stream").primary_key())
        .col(big_integer("version"))
        .col(big_integer("position"))
        .col(string("schema"))
        .col(binary("body"))
        .take();
    let tickets = Table::create()
        .table("operational_tickets")
        // A MAC of the ticket.
        .col(string("id").primary_key())
        .col(binary("payload"))
        .col(big_integer("until"))
        .take();
    vec![checkpoints, generations, idempotency_keys, leases, parked, snapshots, tickets]
}
