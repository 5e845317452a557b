//! REST reads over the program, beside a bare poem handler that runs the same SQL through rusqlite.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use adapters::sqlite_log::SqliteLog;
use anyhow::{Context, Result, ensure};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, Json, Path as PathOf};
use poem::{EndpointExt, Route, Server as Poem, get, handler};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::desk::Desk;
use crate::figure::Figure;
use crate::measure::Bench;
use crate::server::{self, Client, Server};
use crate::table::{Goal, Row};
use crate::workload;

const EVENTS: usize = 100_000;
/// Connections that are kept open.
const CONNECTIONS: usize = 16;
/// Connections to the database, as many as the program has.
const READERS: usize = 8;

const ONE: &str = "SELECT * FROM conversations WHERE id = ?1";
const COUNT_MESSAGES: &str =
    "SELECT count(*) FROM conversation_messages WHERE conversation_id = ?1";
const MESSAGES: &str = "SELECT * FROM conversation_messages WHERE conversation_id = ?1
    ORDER BY position, idx LIMIT 1 OFFSET 0";
const COUNT: &str = "SELECT count(*) FROM conversations WHERE status = 'active'";
const PAGE: &str = "SELECT * FROM conversations WHERE status = 'active'
    ORDER BY last_active_at DESC, id LIMIT 50 OFFSET 0";

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let binary = server::build().await?;
    let data = tempfile::tempdir()?;
    {
        let log = Arc::new(SqliteLog::open(data.path().join("log.db"))?);
        let desk = Desk::open(log, data.path()).await?;
        workload::fill(&desk.journal, EVENTS).await?;
    }
    let ours = Server::start(&binary, data.path()).await?;
    let key = std::fs::read_to_string(data.path().join("bootstrap-api-key"))?.trim().to_owned();

    let mut bare = Command::new(std::env::current_exe()?)
        .arg("rest-child")
        .arg(views(data.path())?)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = bare.stdout.take().context("the bare server says where it is")?;
    let address = BufReader::new(said).lines().next_line().await?;
    let address = address.context("the bare server has started")?;

    let mut rows = Vec::new();
    for (what, path, bare_path) in [
        (
            "GET a conversation by id",
            "/api/v1/conversational/conversation/user-7:bench?limit=1",
            "/conversation/user-7:bench",
        ),
        (
            "GET a page of 50 conversations",
            "/api/v1/conversational/conversations?limit=50",
            "/conversations",
        ),
    ] {
        let ours = async || load(&ours.address, path, Some(&key), bench.span).await;
        let theirs = async || load(&address, bare_path, None, bench.span).await;
        let pair = bench.in_turns(false, ours, theirs).await?;
        let row = Row::new(what, pair.ours).beside("bare poem and rusqlite", pair.theirs);
        rows.push(row.reaching(Goal::AtLeast(0.5)));
    }
    ours.stop().await?;
    Ok(rows)
}

/// The newest file of views in a data directory.
fn views(data: &Path) -> Result<String> {
    let files = std::fs::read_dir(data)?.collect::<Result<Vec<_>, _>>()?;
    let names = files.into_iter().filter_map(|file| file.file_name().into_string().ok());
    // Not the journals beside them.
    let is_views =
        |name: &String| name.strip_prefix("views-").and_then(|it| it.strip_suffix(".db")).is_some();
    let mut views: Vec<_> = names.filter(is_views).collect();
    views.sort();
    let newest = views.pop().context("the program has built its views")?;
    Ok(data.join(newest).display().to_string())
}

/// All connections ask as fast as they are answered.
pub(crate) async fn load(
    address: &str,
    path: &str,
    bearer: Option<&str>,
    span: Duration,
) -> Result<Figure> {
    let started = Instant::now();
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, path) = (address.to_owned(), path.to_owned());
            let bearer = bearer.map(str::to_owned);
            tokio::spawn(async move {
                let mut client = Client::connect(&address).await?;
                let mut latencies = Vec::new();
                while started.elapsed() < span {
                    let begun = Instant::now();
                    let (status, body) = client.get(&path, bearer.as_deref()).await?;
                    latencies.push(begun.elapsed());
                    ensure!(status == 200, "{path}: {status} {}", String::from_utf8_lossy(&body));
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for one in asking {
        latencies.extend(one.await??);
    }
    Ok(Figure::rate_of(latencies, started.elapsed()))
}

/// Readers of one database, taken in turn.
#[derive(Clone)]
struct Readers(Arc<Vec<Mutex<Connection>>>);

impl Readers {
    fn open(file: &str) -> Result<Self> {
        let open = || Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let readers = (0..READERS).map(|_| open().map(Mutex::new));
        Ok(Self(Arc::new(readers.collect::<Result<_, _>>()?)))
    }

    fn ask<T>(&self, question: impl Fn(&Connection) -> rusqlite::Result<T>) -> poem::Result<T> {
        let free = self.0.iter().find_map(|it| it.try_lock().ok());
        let first = || self.0[0].lock().unwrap_or_else(PoisonError::into_inner);
        let connection = free.unwrap_or_else(first);
        question(&connection).map_err(poem::error::InternalServerError)
    }
}

#[handler]
fn conversation(
    PathOf(id): PathOf<String>,
    Data(readers): Data<&Readers>,
) -> poem::Result<Json<Value>> {
    readers.ask(|db| {
        let found = rows(db, ONE, &[&id])?;
        let count: i64 =
            db.prepare_cached(COUNT_MESSAGES)?.query_row(params![id], |it| it.get(0))?;
        let messages = rows(db, MESSAGES, &[&id])?;
        Ok(Json(json!({ "conversation": found.first(), "total": count, "messages": messages })))
    })
}

#[handler]
fn conversations(Data(readers): Data<&Readers>) -> poem::Result<Json<Value>> {
    readers.ask(|db| {
        let count: i64 = db.prepare_cached(COUNT)?.query_row([], |it| it.get(0))?;
        Ok(Json(json!({ "conversations": rows(db, PAGE, &[])?, "total": count })))
    })
}

fn rows(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Value>> {
    let mut statement = db.prepare_cached(sql)?;
    let names: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query(values)?;
    let mut shown = Vec::new();
    while let Some(row) = found.next()? {
        let mut object = Map::new();
        for (column, name) in names.iter().enumerate() {
            let value = match row.get_ref(column)? {
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
                ValueRef::Integer(it) => it.into(),
                ValueRef::Real(it) => it.into(),
                ValueRef::Text(it) => String::from_utf8_lossy(it).into_owned().into(),
            };
            object.insert(name.clone(), value);
        }
        shown.push(object.into());
    }
    Ok(shown)
}

/// The bare server, in a process of its own; says where it is and serves until it is killed.
pub(crate) async fn child(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let file = arguments.next().context("rest-child <views>")?;
    let routes = Route::new()
        .at("/conversation/:id", get(conversation))
        .at("/conversations", get(conversations))
        .data(Readers::open(&file)?);
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    let address = acceptor.local_addr();
    let address = address.first().and_then(|it| it.as_socket_addr()).context("an address")?;
    writeln!(std::io::stdout(), "{address}")?;
    Poem::new_with_acceptor(acceptor).run(routes).await?;
    Ok(())
}
