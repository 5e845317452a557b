//! The runs of the program.

use chrono::DateTime;
use domain::kernel::{Event, Recorded};
use domain::lifecycle::ProcessEvent as Did;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::{Fold, Millis, Paged, Slice, Touch};

/// One run. Without `stopped_at` it lives, or crashed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lifecycle_processes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: String,
    pub environment: String,
    /// A JSON array.
    pub roles: String,
    pub started_at: Millis,
    pub last_sample_at: Option<Millis>,
    pub stopped_at: Option<Millis>,
    pub stop_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The runs, the newest first.
pub async fn list(db: &impl ConnectionTrait, slice: Slice) -> Result<Paged<Model>, DbErr> {
    slice.of(Entity::find().order_by_desc(Column::StartedAt).order_by_asc(Column::Id), db).await
}

/// Builds the list.
pub struct Processes;

impl Fold for Processes {
    const NAME: &'static str = "lifecycle_processes";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Process(id, _) => Some(Touch::Changes(id.0)),
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Organization(..)
            | Event::Person(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let Event::Process(_, event) = &recorded.event else { return row };
        match event {
            Did::Started { version, environment, roles } => Some(Model {
                id: *id,
                version: version.clone(),
                environment: environment.clone(),
                roles: serde_json::Value::from(roles.clone()).to_string(),
                started_at: Millis(recorded.recorded_at),
                last_sample_at: None,
                stopped_at: None,
                stop_reason: None,
            }),
            Did::Sampled(sample) => row.map(|row| Model {
                last_sample_at: DateTime::from_timestamp(sample.minute * 60, 0).map(Millis),
                ..row
            }),
            Did::Stopped { reason } => row.map(|row| Model {
                stopped_at: Some(Millis(recorded.recorded_at)),
                stop_reason: Some(reason.clone()),
                ..row
            }),
        }
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }
}
