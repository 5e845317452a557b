//! One transaction on the views: rows in bulk by the drivers, everything else by sea-orm.

use std::sync::Arc;

use sea_orm::sqlx::postgres::{PgArguments, Postgres};
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::sqlite::{Sqlite, SqliteArguments};
use sea_orm::sqlx::{self, Arguments, AssertSqlSafe, Executor, Transaction};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, Value,
};
use tokio::sync::Mutex;

/// The writer's transaction. Dropped, it leaves no trace.
pub struct Tx {
    backend: DbBackend,
    connection: Mutex<Connection>,
}

enum Connection {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    pub(crate) async fn begin(db: &DatabaseConnection) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let connection = if backend == DbBackend::Sqlite {
            let pool = db.get_sqlite_connection_pool();
            Connection::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?)
        } else {
            Connection::Postgres(db.get_postgres_connection_pool().begin().await.map_err(failed)?)
        };
        Ok(Self { backend, connection: Mutex::new(connection) })
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.connection.into_inner() {
            Connection::Postgres(tx) => tx.commit().await.map_err(failed),
            Connection::Sqlite(tx) => tx.commit().await.map_err(failed),
        }
    }

    /// Runs a statement with values for `SQLite`.
    pub(crate) async fn run_sqlite(
        &self,
        sql: Arc<str>,
        values: impl ExactSizeIterator<Item = Value>,
    ) -> Result<(), DbErr> {
        let query = sqlite_query(sql, values)?;
        match &mut *self.connection.lock().await {
            Connection::Sqlite(tx) => query.execute(&mut **tx).await.map_err(failed)?,
            Connection::Postgres(_) => return Err(DbErr::Custom("not PostgreSQL".into())),
        };
        Ok(())
    }

    /// Runs a statement whose every value is an array, for PostgreSQL.
    pub(crate) async fn run_postgres(&self, sql: Arc<str>, args: PgArguments) -> Result<(), DbErr> {
        match &mut *self.connection.lock().await {
            Connection::Postgres(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), args);
                query.execute(&mut **tx).await.map_err(failed)?
            }
            Connection::Sqlite(_) => return Err(DbErr::Custom("not SQLite".into())),
        };
        Ok(())
    }

    /// The rows that a statement with arrays finds in PostgreSQL.
    pub(crate) async fn find_postgres(
        &self,
        sql: Arc<str>,
        args: PgArguments,
    ) -> Result<Vec<QueryResult>, DbErr> {
        match &mut *self.connection.lock().await {
            Connection::Postgres(tx) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), args);
                let rows = query.fetch_all(&mut **tx).await.map_err(failed)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
            Connection::Sqlite(_) => Err(DbErr::Custom("not SQLite".into())),
        }
    }

    /// The rows that a statement finds in `SQLite`.
    pub(crate) async fn find_sqlite(
        &self,
        sql: Arc<str>,
        values: impl ExactSizeIterator<Item = Value>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let query = sqlite_query(sql, values)?;
        match &mut *self.connection.lock().await {
            Connection::Sqlite(tx) => {
                let rows = query.fetch_all(&mut **tx).await.map_err(failed)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
            Connection::Postgres(_) => Err(DbErr::Custom("not PostgreSQL".into())),
        }
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn sqlite_query(
    sql: Arc<str>,
    values: impl ExactSizeIterator<Item = Value>,
) -> Result<Query<'static, Sqlite, SqliteArguments>, DbErr> {
    let mut args = SqliteArguments::default();
    args.reserve(values.len(), 0);
    for value in values {
        let bound = match value {
            Value::BigInt(value) => args.add(value),
            Value::Bool(value) => args.add(value),
            Value::BigUnsigned(value) => args.add(value.map(u64::cast_signed)),
            Value::Double(value) => args.add(value),
            Value::Int(value) => args.add(value),
            Value::String(value) => args.add(value),
            Value::Uuid(value) => args.add(value),
            other => return Err(DbErr::Type(format!("{other:?} is no value of a view"))),
        };
        bound.map_err(|error| failed(sqlx::Error::Encode(error)))?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(sql), args))
}

fn postgres_query(statement: Statement) -> Result<Query<'static, Postgres, PgArguments>, DbErr> {
    let mut args = PgArguments::default();
    for value in statement.values.into_iter().flatten() {
        let bound = match value {
            Value::BigInt(value) => args.add(value),
            Value::Bool(value) => args.add(value),
            Value::BigUnsigned(value) => args.add(value.map(u64::cast_signed)),
            Value::Double(value) => args.add(value),
            Value::Int(value) => args.add(value),
            Value::String(value) => args.add(value),
            Value::Uuid(value) => args.add(value),
            other => return Err(DbErr::Type(format!("{other:?} is no value of a view"))),
        };
        bound.map_err(|error| failed(sqlx::Error::Encode(error)))?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(statement.sql), args))
}

fn values_of(statement: Statement) -> (Arc<str>, std::vec::IntoIter<Value>) {
    let values = statement.values.map(|values| values.0).unwrap_or_default();
    (statement.sql.into(), values.into_iter())
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &mut *self.connection.lock().await {
            Connection::Postgres(tx) => {
                let query = postgres_query(statement)?;
                Ok(query.execute(&mut **tx).await.map_err(failed)?.into())
            }
            Connection::Sqlite(tx) => {
                let (sql, values) = values_of(statement);
                let query = sqlite_query(sql, values)?;
                Ok(query.execute(&mut **tx).await.map_err(failed)?.into())
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &mut *self.connection.lock().await {
            Connection::Postgres(tx) => Ok(tx.execute(sql).await.map_err(failed)?.into()),
            Connection::Sqlite(tx) => Ok(tx.execute(sql).await.map_err(failed)?.into()),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.backend == DbBackend::Sqlite {
            let (sql, values) = values_of(statement);
            return self.find_sqlite(sql, values).await;
        }
        match &mut *self.connection.lock().await {
            Connection::Postgres(tx) => {
                let query = postgres_query(statement)?;
                let rows = query.fetch_all(&mut **tx).await.map_err(failed)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
            Connection::Sqlite(_) => Err(DbErr::Custom("not SQLite".into())),
        }
    }
}
