//! Where views lie during a test: a folder of files, or a PostgreSQL database of one's own.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use projections::{Generation, Place};
use sea_orm::{ConnectionTrait, Database, DbBackend, QueryResult, Statement};
use tempfile::TempDir;
use tests::services::postgres_url;
use tests::stand_ins::Pointer;

/// Runs each of these stories on SQLite and on PostgreSQL: `async fn story(place: TestPlace)`.
macro_rules! on_each_place {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$story($crate::views::places::TestPlace::sqlite()).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$story($crate::views::places::TestPlace::postgres().await).await;
                }
            )+
        }
    };
}

pub(super) use on_each_place;

/// A place and its pointer.
pub(super) struct TestPlace {
    pub(super) place: Place,
    pub(super) pointer: Arc<Pointer>,
    /// Removed when dropped.
    folder: Option<TempDir>,
}

impl TestPlace {
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Place::parse("sqlite", folder.path()).expect("a place");
        Self { place, pointer: Arc::default(), folder: Some(folder) }
    }

    pub(super) async fn postgres() -> Self {
        let place = Place::Postgres { url: fresh_database().await };
        Self { place, pointer: Arc::default(), folder: None }
    }

    /// One more of the same kind.
    pub(super) async fn another(&self) -> Self {
        if self.folder.is_some() { Self::sqlite() } else { Self::postgres().await }
    }

    /// An address for the state of a moment, of the same kind.
    pub(super) async fn moment(&self) -> String {
        match &self.folder {
            Some(folder) => format!("sqlite://{}", folder.path().join("moment.db").display()),
            None => fresh_database().await,
        }
    }

    /// Makes the database refuse a row.
    pub(super) async fn refuse_messages_saying(&self, word: &str, generation: &Generation) {
        let sql = if generation.db().get_database_backend() == DbBackend::Sqlite {
            format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON discord_messages
                    WHEN new.content = '{word}' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        } else {
            format!("ALTER TABLE discord_messages ADD CHECK (content <> '{word}')")
        };
        self.run(generation, &sql).await;
    }

    /// As if nobody had ever built anything.
    pub(super) async fn drop_schemas(&self) {
        let Place::Postgres { url } = &self.place else { return };
        let db = Database::connect(url).await.expect("the database");
        db.execute_unprepared("DROP SCHEMA views_1 CASCADE").await.expect("dropped");
    }

    /// The schemas that hold views, in order.
    pub(super) async fn schemas(&self) -> Vec<String> {
        let Place::Postgres { url } = &self.place else { return Vec::new() };
        let db = Database::connect(url).await.expect("the database");
        let find = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'views%' ORDER BY 1";
        let find = Statement::from_string(db.get_database_backend(), find);
        let found = db.query_all_raw(find).await.expect("an answer");
        db.close().await.expect("a connection that closes");
        found.iter().map(|row| row.try_get("", "nspname").expect("a name")).collect()
    }

    /// Does something to the tables behind everybody's back.
    pub(super) async fn run(&self, generation: &Generation, sql: &str) {
        match &self.place {
            Place::Postgres { .. } => {
                generation.db().execute_unprepared(sql).await.expect("done");
            }
            Place::Sqlite { folder, stem } => {
                let file = folder.join(format!("{stem}-{}.db", generation.number()));
                let db = rusqlite::Connection::open(file).expect("the file");
                db.execute_batch(sql).expect("done");
            }
        }
    }
}

async fn fresh_database() -> String {
    let name = format!("v{}", uuid::Uuid::now_v7().simple());
    let server = postgres_url();
    let db = Database::connect(&server).await.expect("the PostgreSQL of the tests");
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
    db.close().await.expect("a connection that closes");
    let (host, rest) = server.rsplit_once('/').expect("a database in the address");
    let options = rest.split_once('?').map(|(_, options)| format!("?{options}"));
    format!("{host}/{name}{}", options.unwrap_or_default())
}

/// A row as text, the same for both databases.
pub(super) fn line(row: &QueryResult) -> String {
    let mut cells: Vec<_> = row.column_names().into_iter().map(|name| cell(row, &name)).collect();
    cells.sort();
    cells.join(" ")
}

fn cell(row: &QueryResult, name: &str) -> String {
    if let Ok(value) = row.try_get::<Option<bool>>("", name)
        && let Some(value) = value
        && row.try_get::<Option<i64>>("", name).is_err()
    {
        return format!("{name}={value}");
    }
    if let Ok(value) = row.try_get::<Option<i64>>("", name) {
        return format!("{name}={value:?}");
    }
    if let Ok(value) = row.try_get::<Option<f64>>("", name) {
        return format!("{name}={value:?}");
    }
    if let Ok(value) = row.try_get::<Option<uuid::Uuid>>("", name) {
        return format!("{name}={value:?}");
    }
    format!("{name}={:?}", row.try_get::<Option<String>>("", name).expect("a known type"))
}

/// Lets a future run for so many polls, then drops it.
pub(super) async fn poll_times<F: Future>(future: F, times: usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        polls += 1;
        if polls > times || future.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
