//! When API keys were used last.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::KeyUses;
use domain::kernel::ApiKeyId;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};

use self::rows::{Column, Entity};
use super::OperationalStore;

mod rows {
    //! Keys, and the moment of their last use.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_key_uses")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub used_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[async_trait]
impl KeyUses for OperationalStore {
    async fn used(&self, id: ApiKeyId, at: DateTime<Utc>) -> Result<(), CommandError> {
        let sql = "INSERT INTO operational_key_uses AS kept (id, used_at) VALUES ($1, $2)
                   ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at
                   WHERE kept.used_at < excluded.used_at";
        let values = [id.to_string().into(), at.timestamp_millis().into()];
        let used = self.db.execute_raw(self.statement(sql, values)).await;
        used.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn last_used(
        &self,
        ids: &[ApiKeyId],
    ) -> Result<Vec<Option<DateTime<Utc>>>, CommandError> {
        let find = Entity::find().filter(Column::Id.is_in(ids.iter().map(ApiKeyId::to_string)));
        let rows = find.all(&self.db).await.map_err(CommandError::unavailable)?;
        let found: HashMap<String, i64> = rows.into_iter().map(|it| (it.id, it.used_at)).collect();
        let moment = |id: &ApiKeyId| DateTime::from_timestamp_millis(*found.get(&id.to_string())?);
        Ok(ids.iter().map(moment).collect())
    }
}
