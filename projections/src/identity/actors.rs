//! What actors are called, for lists that name them.

use std::collections::HashMap;

use domain::kernel::{Actor, ActorKind};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{api_keys, users};
use crate::discord::{members, messages};

/// The names of some actors, as far as anybody told. A part of the platform is called by its id.
pub async fn names(
    db: &impl ConnectionTrait,
    actors: impl IntoIterator<Item = &Actor>,
) -> Result<HashMap<Actor, String>, DbErr> {
    let mut names = HashMap::new();
    let (mut keys, mut accounts) = (HashMap::new(), HashMap::new());
    let mut people = HashMap::new();
    for actor in actors {
        match actor.kind {
            ActorKind::ApiKey => {
                if let Ok(id) = actor.id.parse::<uuid::Uuid>() {
                    keys.insert(id, actor);
                }
            }
            ActorKind::Discord => {
                if let Ok(id) = actor.id.parse::<u64>() {
                    accounts.insert(crate::snowflake(id), actor);
                }
            }
            ActorKind::Ai | ActorKind::System => {
                names.insert(actor.clone(), actor.id.clone());
            }
            ActorKind::User => {
                if let Ok(id) = actor.id.parse::<uuid::Uuid>() {
                    people.insert(id, actor);
                }
            }
        }
    }
    if !keys.is_empty() {
        let find = api_keys::Entity::find();
        let find = find.filter(api_keys::Column::Id.is_in(keys.keys().copied()));
        for key in find.all(db).await? {
            names.insert(keys[&key.id].clone(), key.name);
        }
    }
    if !people.is_empty() {
        for user in users::some(db, people.keys().copied().collect()).await? {
            if let Some(name) = user.name {
                names.insert(people[&user.id].clone(), name);
            }
        }
    }
    if accounts.is_empty() {
        return Ok(names);
    }
    let find = members::Entity::find();
    let find = find.filter(members::Column::UserId.is_in(accounts.keys().copied()));
    for member in find.all(db).await? {
        if let (Some(name), Some(actor)) = (member.name, accounts.remove(&member.user_id)) {
            names.insert(actor.clone(), name);
        }
    }
    // Whoever is in no server may have written something.
    for (id, actor) in accounts {
        let find = messages::Entity::find().filter(messages::Column::AuthorId.eq(id));
        let find = find.order_by_desc(messages::Column::Id).limit(1);
        if let Some(name) = find.one(db).await?.and_then(|message| message.author_name) {
            names.insert(actor.clone(), name);
        }
    }
    Ok(names)
}
