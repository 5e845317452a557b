//! How far reactors have come, and what they have to try again.

use async_trait::async_trait;
use chrono::DateTime;
use commands::CommandError;
use commands::ports::{Checkpoints, Lease, Parked, Reached};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    TransactionTrait as _,
};

use super::{OperationalStore, signed, unsigned};

/// How many rows one statement writes; each has six values.
const ROWS: usize = 1_000;

mod reached {
    //! The last commit that a reactor is done with.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_checkpoints")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub reactor: String,
        pub position: i64,
        pub commit_id: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod waiting {
    //! Events that a reactor could not deal with yet.

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operational_parked")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub reactor: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_index: i64,
        pub attempts: i64,
        pub next_at: i64,
        pub error: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use waiting::Column::{Attempts, Error, EventIndex, NextAt, Position, Reactor};

#[async_trait]
impl Checkpoints for OperationalStore {
    async fn read(&self, reactor: &str) -> Result<Option<Reached>, CommandError> {
        let row = reached::Entity::find_by_id(reactor).one(&self.db).await;
        let row = row.map_err(CommandError::unavailable)?;
        Ok(row.map(|it| Reached { position: unsigned(it.position), commit: it.commit_id }))
    }

    async fn advance(
        &self,
        reactor: &str,
        Reached { position, commit }: Reached,
        parked: &[Parked],
        lease: &Lease,
    ) -> Result<(), CommandError> {
        use reached::{ActiveModel, Column, Entity};

        let transaction = self.db.begin().await.map_err(CommandError::unavailable)?;
        self.hold(&transaction, lease).await?;
        let row = ActiveModel {
            reactor: Set(reactor.to_owned()),
            position: Set(signed(position)),
            commit_id: Set(commit),
        };
        let mut moved = OnConflict::column(Column::Reactor);
        moved.update_columns([Column::Position, Column::CommitId]);
        Entity::insert(row)
            .on_conflict(moved)
            .exec_without_returning(&transaction)
            .await
            .map_err(CommandError::unavailable)?;
        for parked in parked.chunks(ROWS) {
            let rows = parked.iter().map(row_of);
            let again = OnConflict::columns([Reactor, Position, EventIndex])
                .update_columns([Attempts, NextAt, Error])
                .to_owned();
            waiting::Entity::insert_many(rows)
                .on_conflict(again)
                .exec_without_returning(&transaction)
                .await
                .map_err(CommandError::unavailable)?;
        }
        transaction.commit().await.map_err(CommandError::unavailable)
    }

    async fn parked(&self, reactor: &str, limit: u64) -> Result<Vec<Parked>, CommandError> {
        let rows = waiting::Entity::find()
            .filter(Reactor.eq(reactor))
            .order_by_asc(NextAt)
            .order_by_asc(Position)
            .order_by_asc(EventIndex)
            .limit(limit)
            .all(&self.db)
            .await;
        Ok(rows.map_err(CommandError::unavailable)?.into_iter().map(parked_of).collect())
    }

    async fn park_again(&self, parked: &Parked, lease: &Lease) -> Result<(), CommandError> {
        let transaction = self.db.begin().await.map_err(CommandError::unavailable)?;
        self.hold(&transaction, lease).await?;
        let row = waiting::ActiveModel {
            attempts: Set(parked.attempts.into()),
            next_at: Set(parked.next_at.timestamp_millis()),
            error: Set(parked.error.clone()),
            ..waiting::ActiveModel::default()
        };
        let this = waiting::Entity::update_many().set(row);
        let this = this.filter(Reactor.eq(&parked.reactor));
        let this = this.filter(Position.eq(signed(parked.position)));
        let done = this.filter(EventIndex.eq(i64::from(parked.index))).exec(&transaction).await;
        done.map_err(CommandError::unavailable)?;
        transaction.commit().await.map_err(CommandError::unavailable)
    }

    async fn unpark(&self, parked: &Parked, lease: &Lease) -> Result<(), CommandError> {
        let transaction = self.db.begin().await.map_err(CommandError::unavailable)?;
        self.hold(&transaction, lease).await?;
        let this = (parked.reactor.clone(), signed(parked.position), i64::from(parked.index));
        let done = waiting::Entity::delete_by_id(this).exec(&transaction).await;
        done.map_err(CommandError::unavailable)?;
        transaction.commit().await.map_err(CommandError::unavailable)
    }
}

impl OperationalStore {
    /// The reactors that have come further than this position.
    pub async fn beyond(&self, position: u64) -> Result<Vec<String>, CommandError> {
        let rows = reached::Entity::find()
            .filter(reached::Column::Position.gt(signed(position)))
            .order_by_asc(reached::Column::Reactor)
            .all(&self.db)
            .await;
        let rows = rows.map_err(CommandError::unavailable)?;
        Ok(rows.into_iter().map(|row| row.reactor).collect())
    }
}

fn row_of(parked: &Parked) -> waiting::ActiveModel {
    waiting::ActiveModel {
        reactor: Set(parked.reactor.clone()),
        position: Set(signed(parked.position)),
        event_index: Set(parked.index.into()),
        attempts: Set(parked.attempts.into()),
        next_at: Set(parked.next_at.timestamp_millis()),
        error: Set(parked.error.clone()),
    }
}

fn parked_of(row: waiting::Model) -> Parked {
    Parked {
        reactor: row.reactor,
        position: unsigned(row.position),
        index: u32::try_from(row.event_index).unwrap_or(u32::MAX),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        next_at: DateTime::from_timestamp_millis(row.next_at).unwrap_or_default(),
        error: row.error,
    }
}
