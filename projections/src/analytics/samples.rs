//! How each process fared, minute by minute.

use domain::kernel::{Event, Recorded};
use domain::lifecycle::{ProcessEvent, Sample};
use sea_orm::entity::prelude::*;

use crate::Append;

/// One minute of one process.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "analytics_samples")]
pub struct Model {
    /// Minutes since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub process_id: Uuid,
    pub requests: i64,
    pub errors: i64,
    pub response_ms: f64,
    pub memory_mb: f64,
    pub cpu_percent: f64,
    pub connections: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Builds the list.
pub struct Samples;

impl Append for Samples {
    const NAME: &'static str = "analytics_samples";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        match &recorded.event {
            Event::Process(id, event) => match event {
                ProcessEvent::Sampled(sample) => {
                    let Sample { minute, response_ms, memory_mb, cpu_percent, .. } = *sample;
                    Some(Model {
                        minute,
                        process_id: id.0,
                        requests: sample.requests.cast_signed(),
                        errors: sample.errors.cast_signed(),
                        response_ms,
                        memory_mb,
                        cpu_percent,
                        connections: sample.connections.cast_signed(),
                    })
                }
                ProcessEvent::Started { .. } | ProcessEvent::Stopped { .. } => None,
            },
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
}
