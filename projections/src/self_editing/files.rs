//! Every revision of every file of the workspace, and what edits change in them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::kernel::{BlobId, Event, Recorded};
use domain::self_editing::{BlobRef, Content, KeptChange, WorkspaceEvent as Did};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::revisions::{self, At};
use super::{blobs, edits};
use crate::Append;

/// How long the smallest difference of two files is looked for.
const PATIENCE: Duration = Duration::from_millis(500);

/// The same for all files of one answer together.
const PATIENCE_FOR_ALL: Duration = Duration::from_secs(2);

/// How many contents are asked for in one question.
const ASKED_TOGETHER: usize = 100;

/// A file as one revision left it; without content and blob where the revision deleted it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_editing_files")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision: i64,
    pub content: Option<String>,
    /// The name of a large content, which stands elsewhere.
    pub blob: Option<String>,
}

impl Model {
    fn kept(self) -> Option<Content> {
        let blob = self.blob.and_then(|id| id.parse::<BlobId>().ok());
        let blob = blob.map(|blob| Content::Blob(BlobRef { blob, size: 0 }));
        self.content.map(Content::Text).or(blob)
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The workspace as it was at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    /// 0 before the first one.
    pub revision: u64,
    /// Where in the log that revision stands.
    pub position: u64,
    pub files: BTreeMap<String, String>,
}

/// A file before and after an edit; none where there is no such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How many lines an edit adds and removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lines {
    pub added: u64,
    pub removed: u64,
}

/// What an edit changes, compared line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    pub files: u64,
    pub lines: Lines,
    /// As one unified diff, in the form that `patch` and git read.
    pub diff: String,
}

/// What each of these edits changes; in the same order. Comparing takes a thread for a moment, but
/// not much longer for many large files: then what is left is told in larger steps.
pub async fn compared(edits: Vec<Vec<FileChange>>) -> Result<Vec<Compared>, DbErr> {
    aside(edits, true).await
}

/// The same without diffs, where only the numbers are shown.
pub async fn counted(edits: Vec<Vec<FileChange>>) -> Result<Vec<Compared>, DbErr> {
    aside(edits, false).await
}

async fn aside(edits: Vec<Vec<FileChange>>, diffs: bool) -> Result<Vec<Compared>, DbErr> {
    let compare = move || {
        let until = Instant::now() + PATIENCE_FOR_ALL;
        let all = edits.iter().map(|changes| Compared::of(changes, until, diffs));
        all.collect::<Vec<_>>()
    };
    tokio::task::spawn_blocking(compare).await.map_err(|gone| DbErr::Custom(gone.to_string()))
}

impl FileChange {
    /// The change as a unified diff.
    pub fn diff(&self) -> String {
        self.compared(true).diff
    }

    /// How many lines it adds and removes.
    pub fn lines(&self) -> Lines {
        self.compared(false).lines
    }

    fn compared(&self, diffs: bool) -> Compared {
        Compared::of(std::slice::from_ref(self), Instant::now() + PATIENCE, diffs)
    }
}

impl Compared {
    fn of(changes: &[FileChange], until: Instant, diffs: bool) -> Self {
        let mut sum = Self { files: changes.len() as u64, ..Self::default() };
        for FileChange { path, before, after } in changes {
            let name = |side: &str, content: &Option<String>| match content {
                Some(_) => format!("{side}/{path}"),
                None => "/dev/null".to_owned(),
            };
            let (old, new) = (before.as_deref().unwrap_or(""), after.as_deref().unwrap_or(""));
            let diff = differences(old, new, until);
            for change in diff.iter_all_changes() {
                match change.tag() {
                    similar::ChangeTag::Delete => sum.lines.removed += 1,
                    similar::ChangeTag::Equal => {}
                    similar::ChangeTag::Insert => sum.lines.added += 1,
                }
            }
            if !diffs {
                continue;
            }
            let (from, to) = (name("a", before), name("b", after));
            sum.diff.push_str(&diff.unified_diff().header(&from, &to).to_string());
        }
        sum
    }
}

/// Two texts line by line; what takes too long is told in larger steps. A carriage return that
/// stands alone ends no line, as where edits are merged.
fn differences<'a>(old: &'a str, new: &'a str, until: Instant) -> similar::TextDiff<'a, 'a, str> {
    let lines = |text: &'a str| text.split_inclusive('\n').collect::<Vec<&'a str>>();
    let mut how = similar::TextDiff::configure();
    how.deadline(until.min(Instant::now() + PATIENCE)).newline_terminated(true);
    how.diff_slices(lines(old).as_slice(), lines(new).as_slice())
}

/// The workspace as it was at a moment.
pub async fn workspace(db: &impl ConnectionTrait, at: At) -> Result<Workspace, DbErr> {
    let mut workspace = Workspace::default();
    let Some(revision) = revisions::newest(db, at).await? else { return Ok(workspace) };
    workspace.revision = revision.revision.cast_unsigned();
    workspace.position = revision.position.cast_unsigned();
    let find = Entity::find().filter(Column::Revision.lte(revision.revision));
    let mut files = BTreeMap::new();
    for row in find.order_by_asc(Column::Revision).all(db).await? {
        let path = row.path.clone();
        match row.kept() {
            Some(content) => files.insert(path, content),
            None => files.remove(&path),
        };
    }
    let large = blobs::texts(db, files.values().filter_map(blob).collect()).await?;
    let files = files.into_iter().map(|(path, content)| (path, text(content, &large)));
    workspace.files = files.collect();
    Ok(workspace)
}

fn blob(content: &Content) -> Option<BlobId> {
    match content {
        Content::Blob(kept) => Some(kept.blob),
        Content::Text(_) => None,
    }
}

fn text(content: Content, large: &BTreeMap<BlobId, String>) -> String {
    match content {
        Content::Blob(kept) => large.get(&kept.blob).cloned().unwrap_or_default(),
        Content::Text(text) => text,
    }
}

/// The newest revision up to this one that changed a file.
pub async fn changed_at(
    db: &impl ConnectionTrait,
    path: &str,
    revision: u64,
) -> Result<Option<u64>, DbErr> {
    let find = Entity::find()
        .filter(Column::Path.eq(path))
        .filter(Column::Revision.lte(revision.cast_signed()));
    let found = find.order_by_desc(Column::Revision).one(db).await?;
    Ok(found.map(|it| it.revision.cast_unsigned()))
}

/// The files that a revision changed, and for each the next revision that did, if there is one.
pub async fn changed_in(
    db: &impl ConnectionTrait,
    revision: u64,
) -> Result<Vec<(String, Option<u64>)>, DbErr> {
    let revision = revision.cast_signed();
    let find = Entity::find().select_only().column(Column::Path);
    let find = find.filter(Column::Revision.eq(revision)).order_by_asc(Column::Path);
    let paths: Vec<String> = find.into_tuple().all(db).await?;
    let next = Entity::find().select_only().column(Column::Path);
    let next = next.column_as(Column::Revision.min(), "next");
    let next = next.filter(Column::Path.is_in(&paths)).filter(Column::Revision.gt(revision));
    let next: Vec<(String, i64)> = next.group_by(Column::Path).into_tuple().all(db).await?;
    let next: BTreeMap<_, _> = next.into_iter().collect();
    let with = |path: String| {
        let next = next.get(&path).map(|it| it.cast_unsigned());
        (path, next)
    };
    Ok(paths.into_iter().map(with).collect())
}

/// What was in each of these files at a revision. Only the rows that answer are read, however often
/// a file was changed.
async fn contents(
    db: &impl ConnectionTrait,
    asked: &[(String, i64)],
) -> Result<Vec<((String, i64), Content)>, DbErr> {
    let mut newest = Condition::any();
    for (path, revision) in asked {
        let of = Column::Path.eq(path.as_str());
        let up_to = Query::select()
            .expr(Column::Revision.max())
            .from(Entity)
            .and_where(of.clone())
            .and_where(Column::Revision.lte(*revision))
            .take();
        newest = newest.add(Condition::all().add(of).add(Column::Revision.in_subquery(up_to)));
    }
    let rows = Entity::find().filter(newest).all(db).await?;
    let mut histories: BTreeMap<String, Vec<(i64, Option<Content>)>> = BTreeMap::new();
    for row in rows {
        let (path, revision) = (row.path.clone(), row.revision);
        histories.entry(path).or_default().push((revision, row.kept()));
    }
    let at = |(path, revision): &(String, i64)| {
        let rows = histories.get(path)?.iter().filter(|(at, _)| at <= revision);
        let (_, content) = rows.max_by_key(|(at, _)| *at)?;
        Some(((path.clone(), *revision), content.clone()?))
    };
    Ok(asked.iter().filter_map(at).collect())
}

/// A path, and what is in it before and after.
type Sides = (String, Option<Content>, Option<Content>);

/// What each of these edits changes, relative to its base revision; in the same order.
pub async fn changed_by(
    db: &impl ConnectionTrait,
    edits: &[edits::Model],
) -> Result<Vec<Vec<FileChange>>, DbErr> {
    let changes: Vec<Vec<KeptChange>> = edits.iter().map(edits::Model::changes).collect();
    let pairs = edits.iter().zip(&changes).flat_map(|(edit, changes)| {
        changes.iter().map(|change| (change.path.clone(), edit.base_revision))
    });
    let pairs: BTreeSet<(String, i64)> = pairs.collect();
    let mut known: BTreeMap<(String, i64), Content> = BTreeMap::new();
    for some in pairs.into_iter().collect::<Vec<_>>().chunks(ASKED_TOGETHER) {
        known.extend(contents(db, some).await?);
    }
    let before = |path: &str, base: i64| known.get(&(path.to_owned(), base)).cloned();
    let mut sides: Vec<Vec<Sides>> = Vec::new();
    for (edit, changes) in edits.iter().zip(changes) {
        let files = changes.into_iter().map(|KeptChange { path, content }| {
            let before = before(&path, edit.base_revision);
            (path, before, content)
        });
        sides.push(files.collect());
    }
    let named = sides.iter().flatten().flat_map(|(_, before, after)| [before, after]);
    let large = blobs::texts(db, named.flatten().filter_map(blob).collect()).await?;
    let opened = |content: Option<Content>| content.map(|content| text(content, &large));
    let opened =
        |(path, before, after)| FileChange { path, before: opened(before), after: opened(after) };
    Ok(sides.into_iter().map(|files| files.into_iter().map(opened).collect()).collect())
}

/// Builds the list.
pub struct Files;

impl Append for Files {
    const NAME: &'static str = "self_editing_files";
    const VERSION: u32 = 2;
    type Row = Model;

    fn rows(recorded: &Recorded) -> impl IntoIterator<Item = Model> {
        let (revision, changes) = match &recorded.event {
            Event::Workspace(_, Did::Revised { revision, changes, .. }) => {
                (revision.cast_signed(), last_of_each(changes))
            }
            Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Organization(..)
            | Event::Person(..)
            | Event::Process(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Session(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::User(..)
            | Event::Watch(..) => (0, BTreeMap::new()),
        };
        changes.into_iter().map(move |(path, content)| Model {
            path: path.to_owned(),
            revision,
            content: match content {
                Some(Content::Text(text)) => Some(text.clone()),
                Some(Content::Blob(_)) | None => None,
            },
            blob: content.and_then(blob).map(|id| id.to_string()),
        })
    }
}

/// A file that is named twice keeps what was said last.
fn last_of_each(changes: &[KeptChange]) -> BTreeMap<&str, Option<&Content>> {
    changes.iter().map(|it| (it.path.as_str(), it.content.as_ref())).collect()
}
