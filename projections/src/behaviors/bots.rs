//! Who is a bot: the log says so of whoever writes, and of nobody else.

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::discord::messages::{Column, Entity};
use crate::snowflake;

/// Whether an account has written as a bot.
pub async fn is_bot(db: &impl ConnectionTrait, user: u64) -> Result<bool, DbErr> {
    let find = Entity::find().filter(Column::AuthorId.eq(snowflake(user)));
    let newest = find.order_by_desc(Column::Id).one(db).await?;
    Ok(newest.is_some_and(|it| it.bot))
}
