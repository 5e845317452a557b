//! Rows in bulk: one statement text per table and size, values bound, nothing built per row.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sqlx::Arguments;
use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, ConnectionTrait, DbBackend, DbErr, EntityName,
    EntityTrait, FromQueryResult, Iden, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn,
    Value,
};
use uuid::Uuid;

use super::Tx;

/// How many values one statement for `SQLite` binds: enough that its cost per row no longer falls.
const BINDS: usize = 4_096;

/// How many rows one statement for PostgreSQL carries.
const ROWS: usize = 4_096;

/// One row of a table of the views.
pub trait Row:
    ModelTrait<Entity: EntityTrait<Model = Self, ActiveModel: Send>>
    + FromQueryResult
    + IntoActiveModel<<<Self as ModelTrait>::Entity as EntityTrait>::ActiveModel>
    + PartialEq
    + Send
    + Sync
    + 'static
{
}

impl<R> Row for R where
    R: ModelTrait<Entity: EntityTrait<Model = R, ActiveModel: Send>>
        + FromQueryResult
        + IntoActiveModel<<<R as ModelTrait>::Entity as EntityTrait>::ActiveModel>
        + PartialEq
        + Send
        + Sync
        + 'static
{
}

type Entity<R> = <R as ModelTrait>::Entity;
type Column<R> = <Entity<R> as EntityTrait>::Column;

/// What PostgreSQL calls the type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Double,
    Text,
    Uuid,
    Whole,
}

/// How a table looks, and the statements made for it so far.
pub(crate) struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    keys: Vec<(String, Kind)>,
    statements: Mutex<HashMap<(Verb, usize), Arc<str>>>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Delete,
    Find,
    /// Fails when the row is there.
    Insert,
    /// Replaces the row that is there.
    Put,
}

impl Table {
    pub(crate) fn of<R: Row>() -> Self {
        let kind = |column: &Column<R>| match column.def().get_column_type() {
            ColumnType::Boolean => Kind::Bool,
            ColumnType::Double => Kind::Double,
            ColumnType::Uuid => Kind::Uuid,
            ColumnType::BigInteger | ColumnType::Integer => Kind::Whole,
            _ => Kind::Text,
        };
        let keys = <Entity<R> as EntityTrait>::PrimaryKey::iter().map(|key| {
            let column = key.into_column();
            (Iden::unquoted(&column).to_owned(), kind(&column))
        });
        Self {
            name: Entity::<R>::default().table_name().to_owned(),
            columns: Column::<R>::iter()
                .map(|it| (Iden::unquoted(&it).to_owned(), kind(&it)))
                .collect(),
            keys: keys.collect(),
            statements: Mutex::default(),
        }
    }

    /// Writes rows, each given as the values of all columns, one row after the other.
    pub(crate) async fn write(&self, verb: Verb, values: Vec<Value>, tx: &Tx) -> Result<(), DbErr> {
        self.each(verb, &self.columns, values, tx).await
    }

    /// Deletes the rows with these keys.
    pub(crate) async fn delete(&self, keys: Vec<Value>, tx: &Tx) -> Result<(), DbErr> {
        self.each(Verb::Delete, &self.keys, keys, tx).await
    }

    /// The rows with these keys, as far as they are there.
    pub(crate) async fn find<R: Row>(&self, keys: Vec<Value>, tx: &Tx) -> Result<Vec<R>, DbErr> {
        let mut found = Vec::new();
        let (width, mut keys) = (self.keys.len(), keys.into_iter());
        while keys.len() > 0 {
            found.extend(if tx.get_database_backend() == DbBackend::Sqlite {
                let rows = chunk(keys.len() / width, width);
                let sql = self.statement(Verb::Find, rows);
                tx.find_sqlite(sql, keys.by_ref().take(rows * width)).await?
            } else {
                let rows = (keys.len() / width).min(ROWS);
                let args = arrays(&self.keys, keys.by_ref().take(rows * width))?;
                tx.find_postgres(self.statement(Verb::Find, 0), args).await?
            });
        }
        found.iter().map(|row| R::from_query_result(row, "")).collect()
    }

    async fn each(
        &self,
        verb: Verb,
        columns: &[(String, Kind)],
        values: Vec<Value>,
        tx: &Tx,
    ) -> Result<(), DbErr> {
        let (width, mut values) = (columns.len(), values.into_iter());
        while values.len() > 0 {
            if tx.get_database_backend() == DbBackend::Sqlite {
                let rows = chunk(values.len() / width, width);
                let sql = self.statement(verb, rows);
                tx.run_sqlite(sql, values.by_ref().take(rows * width)).await?;
            } else {
                let rows = (values.len() / width).min(ROWS);
                let args = arrays(columns, values.by_ref().take(rows * width))?;
                tx.run_postgres(self.statement(verb, 0), args).await?;
            }
        }
        Ok(())
    }

    /// The text for so many rows; 0 asks for PostgreSQL's form, which takes arrays of any length.
    fn statement(&self, verb: Verb, rows: usize) -> Arc<str> {
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let text = statements.entry((verb, rows)).or_insert_with(|| self.text(verb, rows).into());
        Arc::clone(text)
    }

    fn text(&self, verb: Verb, rows: usize) -> String {
        let name = &self.name;
        let columns = names(&self.columns);
        let keys = names(&self.keys);
        let of = if matches!(verb, Verb::Delete | Verb::Find) { &self.keys } else { &self.columns };
        let given = if rows == 0 { unnest(of) } else { tuples(of.len(), rows) };
        match verb {
            Verb::Delete => format!("DELETE FROM {name} WHERE ({keys}) IN ({given})"),
            Verb::Find => format!("SELECT {columns} FROM {name} WHERE ({keys}) IN ({given})"),
            Verb::Insert => format!("INSERT INTO {name} ({columns}) {given}"),
            Verb::Put => {
                let others = self.columns.iter().filter(|column| !self.keys.contains(column));
                let set: Vec<_> =
                    others.map(|(name, _)| format!("{name} = excluded.{name}")).collect();
                let set = set.join(", ");
                format!(
                    "INSERT INTO {name} ({columns}) {given} ON CONFLICT ({keys}) DO UPDATE SET {set}"
                )
            }
        }
    }
}

/// Powers of two, so that few texts serve every number of rows.
fn chunk(rows: usize, width: usize) -> usize {
    let most = (BINDS / width).max(1);
    let most = 1 << most.ilog2();
    if rows >= most { most } else { 1 << rows.ilog2() }
}

fn names(columns: &[(String, Kind)]) -> String {
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

fn tuples(width: usize, rows: usize) -> String {
    let tuple = format!("({})", vec!["?"; width].join(", "));
    format!("VALUES {}", vec![tuple.as_str(); rows].join(", "))
}

fn unnest(columns: &[(String, Kind)]) -> String {
    let mut text = String::from("SELECT * FROM UNNEST(");
    for (nth, (_, kind)) in (1..).zip(columns) {
        let name = match kind {
            Kind::Bool => "bool",
            Kind::Double => "float8",
            Kind::Text => "text",
            Kind::Uuid => "uuid",
            Kind::Whole => "int8",
        };
        let comma = if nth == 1 { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ = write!(text, "{comma}${nth}::{name}[]");
    }
    text.push(')');
    text
}

/// Rows turned into columns, as PostgreSQL's UNNEST wants them.
fn arrays(
    columns: &[(String, Kind)],
    values: impl Iterator<Item = Value>,
) -> Result<PgArguments, DbErr> {
    enum Array {
        Bool(Vec<Option<bool>>),
        Double(Vec<Option<f64>>),
        Text(Vec<Option<String>>),
        Uuid(Vec<Option<Uuid>>),
        Whole(Vec<Option<i64>>),
    }
    let array = |(_, kind): &(String, Kind)| match kind {
        Kind::Bool => Array::Bool(Vec::new()),
        Kind::Double => Array::Double(Vec::new()),
        Kind::Text => Array::Text(Vec::new()),
        Kind::Uuid => Array::Uuid(Vec::new()),
        Kind::Whole => Array::Whole(Vec::new()),
    };
    let mut arrays: Vec<Array> = columns.iter().map(array).collect();
    for (nth, value) in values.enumerate() {
        match (&mut arrays[nth % columns.len()], value) {
            (Array::Bool(all), Value::Bool(value)) => all.push(value),
            (Array::Double(all), Value::Double(value)) => all.push(value),
            (Array::Text(all), Value::String(value)) => all.push(value),
            (Array::Uuid(all), Value::Uuid(value)) => all.push(value),
            (Array::Whole(all), Value::BigInt(value)) => all.push(value),
            (_, other) => {
                let (name, _) = &columns[nth % columns.len()];
                return Err(DbErr::Type(format!("{other:?} does not fit {name}")));
            }
        }
    }
    let mut args = PgArguments::default();
    for array in arrays {
        let bound = match array {
            Array::Bool(all) => args.add(all),
            Array::Double(all) => args.add(all),
            Array::Text(all) => args.add(all),
            Array::Uuid(all) => args.add(all),
            Array::Whole(all) => args.add(all),
        };
        bound.map_err(|error| DbErr::Type(error.to_string()))?;
    }
    Ok(args)
}

/// Adds a row's values to others of its table. PostgreSQL stores no NUL in a text, so none of
/// the views does.
pub(crate) fn push<R: Row>(row: R, values: &mut Vec<Value>) {
    let mut row = row.into_active_model();
    for column in Column::<R>::iter() {
        let value = row.take(column).into_value().unwrap_or(Value::BigInt(None));
        values.push(match value {
            Value::String(Some(text)) if text.contains('\0') => {
                Value::String(Some(text.replace('\0', "\u{fffd}")))
            }
            value => value,
        });
    }
}
