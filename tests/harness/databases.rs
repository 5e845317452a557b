//! A fresh database for each test, in SQLite and in PostgreSQL.

use std::path::PathBuf;

use adapters::{Address, Care, Opening};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tempfile::TempDir;

use crate::services::postgres_url;

/// A database of one's own. What it holds stays between two openings.
#[derive(Debug)]
pub struct TestDatabase {
    address: Address,
    care: Care,
    /// Removed with its files when dropped.
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// A new file.
    pub fn sqlite(care: Care) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = Address::Sqlite(folder.path().join("test.db"));
        Self { address, care, folder: Some(folder) }
    }

    /// A new database on the shared server, which ends with the tests.
    pub async fn postgres(care: Care) -> Self {
        let name = format!("t{}", uuid::Uuid::now_v7().simple());
        let server = postgres_url();
        let opening = Opening::new(server.parse().expect("an address"), Care::Durable);
        let db = opening.open().await.expect("the PostgreSQL of the tests");
        let made = db.execute_unprepared(&format!("CREATE DATABASE {name}")).await;
        made.expect("a database of one's own");
        db.close().await.expect("a connection that closes");
        let (host, _) = server.rsplit_once('/').expect("a database in the address");
        let address = format!("{host}/{name}").parse().expect("an address");
        Self { address, care, folder: None }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A pool of connections of its own, as a process of its own would have.
    pub async fn open(&self) -> DatabaseConnection {
        let opening = Opening::new(self.address.clone(), self.care);
        opening.open().await.expect("a database that opens")
    }

    /// The files of SQLite; none for PostgreSQL.
    pub fn files(&self) -> Vec<PathBuf> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let entries = std::fs::read_dir(folder.path()).expect("the folder is there");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// Runs each of these stories on SQLite and on PostgreSQL: `async fn story(database: TestDatabase)`.
#[macro_export]
macro_rules! on_each_database {
    ($care:ident; $($story:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story($crate::databases::TestDatabase::sqlite(::adapters::Care::$care)).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story($crate::databases::TestDatabase::postgres(::adapters::Care::$care).await).await;
                }
            )+
        }
    };
}
