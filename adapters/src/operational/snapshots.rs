//! The newest snapshot of each stream.

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Snapshot, Snapshots};
use domain::kernel::StreamId;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};

use self::rows::{Column, Entity};
use super::{OperationalStore, signed, unsigned};

mod rows {
    //! Snapshots, one for each stream.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_snapshots")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub stream: String,
        pub version: i64,
        pub position: i64,
        pub schema: String,
        pub body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[async_trait]
impl Snapshots for OperationalStore {
    async fn get(&self, stream: &StreamId) -> Result<Option<Snapshot>, CommandError> {
        let row = Entity::find_by_id(stream.as_str()).one(&self.db).await;
        Ok(row.map_err(CommandError::unavailable)?.map(|row| Snapshot {
            version: unsigned(row.version),
            position: unsigned(row.position),
            schema: row.schema,
            body: row.body,
        }))
    }

    async fn put(&self, stream: &StreamId, snapshot: Snapshot) -> Result<(), CommandError> {
        // An older state of the same form comes from a slower process and is of no use.
        let sql = "INSERT INTO operational_snapshots AS kept
                     (stream, version, position, schema, body) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (stream) DO UPDATE SET
                     version = excluded.version, position = excluded.position,
                     schema = excluded.schema, body = excluded.body
                   WHERE kept.version < excluded.version OR kept.schema <> excluded.schema";
        let Snapshot { version, position, schema, body } = snapshot;
        let numbers = (signed(version), signed(position));
        let stream = stream.as_str();
        let values =
            [stream.into(), numbers.0.into(), numbers.1.into(), schema.into(), body.into()];
        let put = self.db.execute_raw(self.statement(sql, values)).await;
        put.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn forget_after(&self, position: u64) -> Result<(), CommandError> {
        let later = Entity::delete_many().filter(Column::Position.gt(signed(position)));
        later.exec(&self.db).await.map(|_| ()).map_err(CommandError::unavailable)
    }
}
