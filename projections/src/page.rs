//! One page of a list.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QuerySelect, Select,
};

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub limit: u64,
    pub offset: u64,
}

/// Part of a list, and how long the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    pub items: Vec<T>,
    pub total: u64,
}

impl<T> Paged<T> {
    /// Whether more follows after this part.
    pub fn has_more(&self, slice: Slice) -> bool {
        slice.offset + (self.items.len() as u64) < self.total
    }
}

/// How many rows a question finds, without reading what they say: an index may know.
async fn count<E: EntityTrait>(find: Select<E>, db: &impl ConnectionTrait) -> Result<u64, DbErr>
where
    E::Model: Send + Sync,
{
    let mut find = find.select_only().expr_as(Expr::val(1), "one");
    QuerySelect::query(&mut find).clear_order_by();
    find.count(db).await
}

impl Slice {
    /// That part of what a question finds.
    pub async fn of<E, M>(
        self,
        find: Select<E>,
        db: &impl ConnectionTrait,
    ) -> Result<Paged<M>, DbErr>
    where
        E: EntityTrait<Model = M>,
        M: FromQueryResult + Send + Sync,
    {
        let items = find.clone().limit(self.limit).offset(self.offset).all(db).await?;
        let found = items.len() as u64;
        // The last page says by itself how long the list is; past the end, or a full one does not.
        let last = found < self.limit && (found > 0 || self.offset == 0);
        let total = if last { self.offset + found } else { count(find, db).await? };
        Ok(Paged { items, total })
    }
}
