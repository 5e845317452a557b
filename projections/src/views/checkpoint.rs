//! How far a generation has come, and what it could not take in.

use std::collections::BTreeMap;

use domain::kernel::ChainHash;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};

/// What a generation is good for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr, strum::EnumString, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Being filled; nobody reads it yet, and after a crash it is thrown away.
    Building,
    /// Whole, with its indexes; it follows the log.
    Complete,
    /// The state of an earlier moment; it never moves again.
    Snapshot,
}

/// One position for all views, and what proves that the log is still the same there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last commit that is in the views; 0 before the first.
    pub position: u64,
    /// The chain's value before that commit.
    pub before: ChainHash,
    /// The chain's value after that commit.
    pub chain: ChainHash,
    /// How many events are in the views.
    pub events: u64,
    /// The version of each projection that wrote them.
    pub versions: BTreeMap<String, u32>,
    pub stage: Stage,
    /// For a snapshot: the moment that was asked for.
    pub until: Option<String>,
}

/// An event whose row the database refused.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Failure {
    pub position: i64,
    pub idx: i64,
    pub projection: String,
    /// The event's type.
    pub event: String,
    pub error: String,
}

#[derive(FromQueryResult)]
struct Row {
    position: i64,
    chain_before: String,
    chain: String,
    events: i64,
    versions: String,
    stage: String,
    until: Option<String>,
}

const READ: &str = "SELECT position, chain_before, chain, events, versions, stage, until
    FROM checkpoints WHERE name = 'views'";

const WRITE: &str = "INSERT INTO checkpoints
        (name, position, chain_before, chain, events, versions, stage, until)
    VALUES ('views', $1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position,
        chain_before = excluded.chain_before, chain = excluded.chain, events = excluded.events,
        versions = excluded.versions, stage = excluded.stage, until = excluded.until";

const CLAIM: &str = "UPDATE checkpoints SET position = position
    WHERE name = 'views' AND position = $1 AND chain = $2";

const FENCE: &str = "INSERT INTO projector_leases (name, token) VALUES ('projector', $1)
    ON CONFLICT (name) DO UPDATE SET token = excluded.token
        WHERE projector_leases.token <= excluded.token";

const SET_ASIDE: &str = "INSERT INTO failures (position, idx, projection, event, error)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (position, idx, projection) DO UPDATE SET error = excluded.error";

impl Checkpoint {
    /// The checkpoint of a generation that holds nothing yet.
    pub(super) fn new(versions: BTreeMap<String, u32>) -> Self {
        Self {
            position: 0,
            before: ChainHash::default(),
            chain: ChainHash::default(),
            events: 0,
            versions,
            stage: Stage::Building,
            until: None,
        }
    }

    /// The checkpoint of a generation.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), READ)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("these views lack a checkpoint".into()));
        let row = Row::from_query_result(&row?, "")?;
        let odd = |what: &str| DbErr::Type(format!("the views' checkpoint has an odd {what}"));
        Ok(Self {
            position: row.position.cast_unsigned(),
            before: row.chain_before.parse().map_err(|_| odd("chain"))?,
            chain: row.chain.parse().map_err(|_| odd("chain"))?,
            events: row.events.cast_unsigned(),
            versions: serde_json::from_str(&row.versions).map_err(|_| odd("list of versions"))?,
            stage: row.stage.parse().map_err(|_| odd("stage"))?,
            until: row.until,
        })
    }

    /// Whether the views still are here, in the transaction that writes the next rows; nobody else
    /// moves them until it ends.
    pub(super) async fn claim(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let values = [self.position.cast_signed().into(), self.chain.to_string().into()];
        let claim = Statement::from_sql_and_values(db.get_database_backend(), CLAIM, values);
        Ok(db.execute_raw(claim).await?.rows_affected() == 1)
    }

    /// Moves it, in the transaction that writes the rows.
    pub(super) async fn write(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let versions = serde_json::to_string(&self.versions);
        let values = [
            self.position.cast_signed().into(),
            self.before.to_string().into(),
            self.chain.to_string().into(),
            self.events.cast_signed().into(),
            versions.map_err(|error| DbErr::Type(error.to_string()))?.into(),
            self.stage.as_ref().into(),
            self.until.clone().into(),
        ];
        let write = Statement::from_sql_and_values(db.get_database_backend(), WRITE, values);
        db.execute_raw(write).await.map(|_| ())
    }
}

/// Who may move the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// There is one process, or nobody else knows of this database.
    Alone,
    /// Several processes share it: the holder of the newest lease, by its token.
    Token(u64),
}

impl Fence {
    /// Whether nobody with a newer lease has written here; checked in the transaction itself,
    /// which then keeps others out until it ends.
    pub(super) async fn holds(self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let Self::Token(token) = self else { return Ok(true) };
        let values = [token.cast_signed().into()];
        let claim = Statement::from_sql_and_values(db.get_database_backend(), FENCE, values);
        Ok(db.execute_raw(claim).await?.rows_affected() == 1)
    }
}

impl Failure {
    /// What was set aside, oldest first.
    pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<Self>, DbErr> {
        let find = "SELECT position, idx, projection, event, error FROM failures
            ORDER BY position, idx, projection";
        let find = Statement::from_string(db.get_database_backend(), find);
        let rows = db.query_all_raw(find).await?;
        rows.iter().map(|row| Self::from_query_result(row, "")).collect()
    }

    /// Sets one aside.
    pub(super) async fn write(self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let Self { position, idx, projection, event, error } = self;
        let values = [position.into(), idx.into(), projection.into(), event.into(), error.into()];
        let write = Statement::from_sql_and_values(db.get_database_backend(), SET_ASIDE, values);
        db.execute_raw(write).await.map(|_| ())
    }
}
