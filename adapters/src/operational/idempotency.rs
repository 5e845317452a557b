//! Idempotency keys and the answers that were given under them.

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{CLAIM_LASTS, Claim, IdempotencyKeys};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Set};

use self::rows::{ActiveModel, Column, Entity};
use super::{OperationalStore, milliseconds};

mod rows {
    //! Keys, by a MAC of credential and key.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_idempotency_keys")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub fingerprint: String,
        pub answer: Option<Vec<u8>>,
        pub until: i64,
        pub leased_until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[async_trait]
impl IdempotencyKeys for OperationalStore {
    async fn claim(
        &self,
        credential: &str,
        key: &str,
        fingerprint: &str,
        lasts: Duration,
    ) -> Result<Claim, CommandError> {
        let (id, now) = (self.id(credential, key), self.now());
        let sql = format!(
            "INSERT INTO operational_idempotency_keys AS known
               (id, fingerprint, answer, until, leased_until)
             VALUES ($1, $2, NULL, {now} + $3, {now} + $4)
             ON CONFLICT (id) DO UPDATE SET
               fingerprint = excluded.fingerprint, answer = NULL, until = excluded.until,
               leased_until = excluded.leased_until
             WHERE known.until <= {now}
               OR (known.answer IS NULL AND known.leased_until <= {now}
                   AND known.fingerprint = excluded.fingerprint)"
        );
        loop {
            let values = [
                id.as_str().into(),
                fingerprint.into(),
                milliseconds(lasts).into(),
                milliseconds(CLAIM_LASTS).into(),
            ];
            let claimed = self.db.execute_raw(self.statement(sql.as_str(), values)).await;
            if claimed.map_err(CommandError::unavailable)?.rows_affected() > 0 {
                return Ok(Claim::Mine);
            }
            let row = Entity::find_by_id(id.as_str()).one(&self.db).await;
            // None: it was swept in between, so it can be claimed.
            let Some(row) = row.map_err(CommandError::unavailable)? else { continue };
            return match row.answer {
                _ if row.fingerprint != fingerprint => Ok(Claim::Different),
                None => Ok(Claim::Busy),
                Some(sealed) => Ok(Claim::Answered(self.vault.open(&place(&id), &sealed)?)),
            };
        }
    }

    async fn renew(&self, credential: &str, key: &str) -> Result<(), CommandError> {
        let sql = format!(
            "UPDATE operational_idempotency_keys SET leased_until = {} + $2
             WHERE id = $1 AND answer IS NULL",
            self.now()
        );
        let values = [self.id(credential, key).into(), milliseconds(CLAIM_LASTS).into()];
        let renewed = self.db.execute_raw(self.statement(sql, values)).await;
        renewed.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn keep(&self, credential: &str, key: &str, answer: &[u8]) -> Result<(), CommandError> {
        let id = self.id(credential, key);
        let sealed = self.vault.seal(&place(&id), answer)?;
        let row = ActiveModel { answer: Set(Some(sealed)), ..ActiveModel::default() };
        let this = Entity::update_many().set(row).filter(Column::Id.eq(id));
        this.exec(&self.db).await.map(|_| ()).map_err(CommandError::unavailable)
    }

    async fn release(&self, credential: &str, key: &str) -> Result<(), CommandError> {
        let sql = format!(
            "UPDATE operational_idempotency_keys SET leased_until = {}
             WHERE id = $1 AND answer IS NULL",
            self.now()
        );
        let released = self.statement(sql, [self.id(credential, key).into()]);
        self.db.execute_raw(released).await.map(|_| ()).map_err(CommandError::unavailable)
    }
}

impl OperationalStore {
    /// Credential and key in one word that shows neither.
    fn id(&self, credential: &str, key: &str) -> String {
        self.vault.index("idempotency-key", &format!("{}:{credential}{key}", credential.len()))
    }
}

fn place(id: &str) -> String {
    format!("idempotency-key/{id}")
}
