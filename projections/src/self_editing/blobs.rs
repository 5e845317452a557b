//! The large contents of files, in the parts in which the log holds them.

use std::collections::{BTreeMap, BTreeSet};

use domain::kernel::{Blob, BlobEvent as Did, BlobId, Event, Recorded};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::Append;

/// One part of a content.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_blobs")]
pub struct Model {
    /// BLAKE3 of the whole content, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub part: i64,
    /// In base64.
    pub data: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// The texts of these contents.
pub(super) async fn texts(
    db: &impl ConnectionTrait,
    ids: BTreeSet<BlobId>,
) -> Result<BTreeMap<BlobId, String>, DbErr> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let find = Entity::find().filter(Column::Id.is_in(ids.iter().map(BlobId::to_string)));
    let rows = find.order_by_asc(Column::Id).order_by_asc(Column::Part).all(db).await?;
    let mut texts = BTreeMap::new();
    for id in ids {
        let name = id.to_string();
        let parts = rows.iter().filter(|row| row.id == name).map(|row| row.data.as_str());
        let content = Blob::content(id, parts);
        let text = content.and_then(|content| String::from_utf8(content).ok());
        let lacking = || DbErr::RecordNotFound(format!("the content {name} is not whole"));
        texts.insert(id, text.ok_or_else(lacking)?);
    }
    Ok(texts)
}

/// Builds the list.
pub struct Blobs;

impl Append for Blobs {
    const NAME: &'static str = "self_editing_blobs";
    const VERSION: u32 = 1;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        match &recorded.event {
            Event::Blob(id, Did::Stored(part)) => {
                Some(Model { id: id.to_string(), part: part.part.into(), data: part.data.clone() })
            }
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
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
            | Event::Process(..)
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
