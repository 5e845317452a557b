//! How many rows of a list count as what: asked in the same time however long the list is.

use std::collections::{BTreeMap, HashMap};

use sea_orm::DbErr;
use sea_orm::entity::prelude::*;

use super::rows::{Table, Verb, push};
use super::{Difference, Snapshot, Tx, compare};

const NAME: &str = "tallies";

/// How many rows count as one word. None are told by no row.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tallies")]
pub(crate) struct Model {
    /// The table that is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub list: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub word: String,
    pub number: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What one list counts, by word.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    list: &str,
) -> Result<HashMap<String, u64>, DbErr> {
    let rows = Entity::find().filter(Column::List.eq(list)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.word, row.number.cast_unsigned())).collect())
}

/// How the numbers of one list change.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<&'static str, i64>);

impl Changes {
    pub(super) fn add(&mut self, word: Option<&'static str>, number: i64) {
        if let Some(word) = word {
            *self.0.entry(word).or_default() += number;
        }
    }

    /// Writes them, in the transaction of the rows that are counted.
    pub(super) async fn write(self, list: &str, tx: &Tx) -> Result<(), DbErr> {
        let changes = self.0.into_iter().filter(|(_, number)| *number != 0);
        let mut changes: BTreeMap<&str, i64> = changes.collect();
        if changes.is_empty() {
            return Ok(());
        }
        let table = Table::of::<Model>();
        let key = |word: &str| [Value::from(list), Value::from(word)];
        let keys = changes.keys().flat_map(|word| key(word)).collect();
        for row in table.find::<Model>(keys, tx).await? {
            if let Some(number) = changes.get_mut(row.word.as_str()) {
                *number += row.number;
            }
        }
        let gone = changes.iter().filter(|(_, number)| **number == 0);
        table.delete(gone.flat_map(|(word, _)| key(word)).collect(), tx).await?;
        let mut values = Vec::new();
        for (word, number) in changes.into_iter().filter(|(_, number)| *number != 0) {
            push(Model { list: list.to_owned(), word: word.to_owned(), number }, &mut values);
        }
        table.write(Verb::Put, values, tx).await
    }
}

/// The first tally in which two generations differ.
pub(super) async fn differ(a: &Snapshot, b: &Snapshot) -> Result<Option<Difference>, DbErr> {
    compare::tables::<Model>(NAME, a, b).await
}
