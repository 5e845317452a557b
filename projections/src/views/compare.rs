//! Whether two generations of views hold the same, and if not, where they first differ.

use std::fmt;

use sea_orm::DbErr;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, EntityTrait, Iden, Iterable, PrimaryKeyToColumn, QueryFilter, QueryOrder,
    QuerySelect, Value,
};

use super::Snapshot;
use super::rows::Row;

/// How many rows are held at once, of each side.
const PAGE: u64 = 2_000;

/// The first place where two generations differ.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    pub table: String,
    /// The row's key, as text.
    pub key: String,
    /// None when one side lacks the row.
    pub column: Option<String>,
    /// What the first has there; none when it lacks the row.
    pub first: Option<String>,
    /// What the second has there; none when it lacks the row.
    pub second: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, key, .. } = self;
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "no row".into());
        let (first, second) = (side(&self.first), side(&self.second));
        let column = self.column.as_deref().unwrap_or("the row");
        write!(f, "{table} ({key}): {column} is {first} on one side and {second} on the other")
    }
}

/// The first difference in one table.
pub(super) async fn tables<R: Row>(
    table: &str,
    a: &Snapshot,
    b: &Snapshot,
) -> Result<Option<Difference>, DbErr> {
    let mut after: Option<Vec<Value>> = None;
    loop {
        let (left, right) =
            tokio::try_join!(page::<R>(a, after.as_ref()), page::<R>(b, after.as_ref()))?;
        let length = left.len().max(right.len());
        for nth in 0..length {
            let (left, right) = (left.get(nth), right.get(nth));
            if left == right {
                continue;
            }
            return Ok(Some(difference(table, left, right)));
        }
        if (length as u64) < PAGE {
            return Ok(None);
        }
        after = left.last().map(key);
    }
}

fn difference<R: Row>(table: &str, left: Option<&R>, right: Option<&R>) -> Difference {
    let same_row = left.map(key) == right.map(key);
    let column = <R::Entity as EntityTrait>::Column::iter()
        .find(|column| left.map(|row| row.get(*column)) != right.map(|row| row.get(*column)));
    let column = column.filter(|_| same_row);
    // Rows come in order: where keys differ, the other side lacks one of the two.
    let shown = |row: Option<&R>| match column {
        Some(column) => row.map(|row| row.get(column).to_string()),
        None => row.map(|row| shown_key(row)),
    };
    Difference {
        table: table.to_owned(),
        key: left.or(right).map(shown_key).unwrap_or_default(),
        column: column.map(|column| Iden::unquoted(&column).to_owned()),
        first: shown(left),
        second: shown(right),
    }
}

fn key<R: Row>(row: &R) -> Vec<Value> {
    let keys = <R::Entity as EntityTrait>::PrimaryKey::iter();
    keys.map(|key| row.get(key.into_column())).collect()
}

fn shown_key<R: Row>(row: &R) -> String {
    let values: Vec<_> = key(row).iter().map(ToString::to_string).collect();
    values.join(", ")
}

/// The next rows in the order of their key.
async fn page<R: Row>(db: &Snapshot, after: Option<&Vec<Value>>) -> Result<Vec<R>, DbErr> {
    let mut find = <R::Entity as EntityTrait>::find();
    let columns: Vec<_> = <R::Entity as EntityTrait>::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect();
    for column in &columns {
        find = find.order_by_asc(*column);
    }
    if let Some(after) = after {
        let here = columns.iter().map(|column| column.into_expr());
        let there = after.iter().map(|value| Expr::val(value.clone()));
        find = find.filter(Expr::tuple(here).gt(Expr::tuple(there)));
    }
    find.limit(PAGE).all(db.connection()).await
}
