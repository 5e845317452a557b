//! Status, history and rollback with ten thousand edits in history, beside the same with ten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::sqlite_log::SqliteLog;
use anyhow::{Context, Result};
use async_trait::async_trait;
use commands::ports::{Access, Caller};
use commands::self_editing::{Moment, Past, Proposal, Rollback, SelfEditing, Target, Wanted, Word};
use commands::{Blobs, CommandError, Executors};
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, EditId, Scope, Source};
use domain::self_editing::Change;
use projections::self_editing::{edits, files};
use projections::{DatabaseConnection, Slice};
use tempfile::TempDir;
use uuid::Uuid;

use crate::desk::Desk;
use crate::figure::Figure;
use crate::measure::Bench;
use crate::table::{Goal, Row};

const FEW: usize = 10;
const MANY: usize = 10_000;

/// In how many files the edits are.
const FILES: usize = 20;

/// How much slower many may be than few.
const AT_MOST: f64 = 2.0;

/// A bot that was edited so often.
struct Edited {
    editing: SelfEditing,
    views: DatabaseConnection,
    /// One in the middle, the only one of its file from there on.
    middle: EditId,
    _folder: TempDir,
}

pub(crate) async fn show(bench: Bench) -> Result<Vec<Row>> {
    let (few, many) = (Edited::so_often(FEW).await?, Edited::so_often(MANY).await?);
    let mut rows = Vec::new();
    let close = Goal::AtMost(AT_MOST);
    for (what, asked, goal) in [
        ("status", Asked::Status, close),
        ("history, the newest 20", Asked::History, close),
        // Of the few, all that is asked for stays in memory; of the many, each file is read.
        ("the workspace as it was at some revision", Asked::Past, Goal::Open),
        ("preview of a rollback of an edit in the middle", Asked::Preview, close),
        ("propose, approve, apply and roll back", Asked::Life, close),
    ] {
        let ours = async || many.measured(asked, bench.span).await;
        let theirs = async || few.measured(asked, bench.span).await;
        let pair = bench.in_turns(false, ours, theirs).await?;
        let row = Row::new(format!("{what}, 10,000 edits"), pair.ours);
        rows.push(row.beside("10 edits", pair.theirs).reaching(goal));
    }
    Ok(rows)
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    History,
    Life,
    Past,
    Preview,
    Status,
}

impl Edited {
    async fn so_often(times: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = Arc::new(SqliteLog::open(folder.path().join("log.db"))?);
        let desk = Desk::open(log, folder.path()).await?;
        let executors = Executors::new(&desk.journal, &desk.snapshots);
        let editing = SelfEditing {
            access: Arc::new(Nobody),
            blobs: Blobs::new(executors.blobs.clone(), desk.journal.clone()),
            edits: executors.edits.clone(),
            journal: desk.journal.clone(),
            past: Past::default(),
            policies: Arc::new(adapters::CedarPolicies),
            suggesting: commands::self_editing::Suggesting::default(),
            watch_for: commands::self_editing::WATCH_FOR,
            watches: executors.watches.clone(),
            scripts: Arc::new(adapters::RhaiScripts::default()),
            settings: executors.settings.clone(),
            workspace: executors.workspaces.clone(),
        };
        let start = (0..FILES).map(|n| file(n, "at first\n".repeat(20))).collect();
        editing.seed(&caller("seed").cause, start).await?;
        let mut middle = None;
        for n in 0..times {
            // The edit in the middle has a file of its own, so that nothing is in its way.
            let is_middle = n == times / 2;
            let file_number = if is_middle { FILES } else { n % FILES };
            let id = live(&editing, file_number, n).await?;
            middle = if is_middle { Some(id) } else { middle };
        }
        let path = folder.path().join("views.db");
        let views = projections::Address::parse(&format!("sqlite://{}", path.display()))?;
        projections::build_for_measure(&desk.journal, &views, false, &|_| ()).await?;
        let views = sea_orm::Database::connect(format!("sqlite://{}", path.display())).await?;
        let middle = middle.context("there is a middle")?;
        Ok(Self { editing, views, middle, _folder: folder })
    }

    async fn measured(&self, asked: Asked, span: Duration) -> Result<Figure> {
        // What is kept in memory is there after the first time.
        self.ask(asked, 0).await?;
        let end = Instant::now() + span;
        let mut latencies = Vec::new();
        for number in 1.. {
            let started = Instant::now();
            if started >= end {
                break;
            }
            self.ask(asked, number).await?;
            latencies.push(started.elapsed());
        }
        Ok(Figure::time_of(latencies))
    }

    async fn ask(&self, asked: Asked, number: u64) -> Result<()> {
        match asked {
            Asked::History => {
                let slice = Slice { limit: 20, offset: 0 };
                let page = edits::list(&self.views, &edits::Filter::default(), slice).await?;
                files::changed_by(&self.views, &page.items).await?;
            }
            Asked::Life => {
                let id = live(&self.editing, FILES + 1, usize::try_from(number)?).await?;
                self.editing.roll_back(&caller("ben"), back(id, false)).await?;
            }
            Asked::Past => {
                let (now, _) = self.editing.workspace_at(Moment::Now).await?;
                let revision = now.revision() / 2 + number % (now.revision() / 2).max(1);
                self.editing.workspace_at(Moment::Revision(revision)).await?;
            }
            Asked::Preview => {
                self.editing.roll_back(&caller("ben"), back(self.middle, true)).await?;
            }
            Asked::Status => {
                edits::statistics(&self.views).await?;
                edits::under_way(&self.views).await?;
                edits::last(&self.views).await?;
            }
        }
        Ok(())
    }
}

/// Proposed, approved by somebody else, and live.
async fn live(editing: &SelfEditing, file_number: usize, n: usize) -> Result<EditId> {
    let content = format!("{}edit {n} {}\n", "at first\n".repeat(20), Uuid::now_v7());
    let proposal = Proposal {
        scope: Scope::Features,
        kind: None,
        description: format!("Edit {n}"),
        wanted: Wanted::Files(vec![file(file_number, content)]),
        base_revision: None,
    };
    let (id, _) = editing.propose(&caller("ana"), proposal).await?;
    editing.approve(&caller("ben"), id, Word::default()).await?;
    editing.apply(&caller("ben"), id).await?;
    Ok(id)
}

fn file(number: usize, content: String) -> Change {
    Change { path: format!("prompts/{number}.md"), content: Some(content) }
}

fn back(id: EditId, preview: bool) -> Rollback {
    Rollback { target: Target::Edit(id), reason: "too much".into(), force: false, preview }
}

fn caller(name: &str) -> Caller {
    let cause = Cause::asked(Actor::api_key(name), Uuid::now_v7(), Source::Api);
    Caller::new(cause, Permissions::all(), [].into())
}

struct Nobody;

#[async_trait]
impl Access for Nobody {
    async fn is_only_administrator(&self, _: &Actor) -> Result<bool, CommandError> {
        Ok(false)
    }
}
