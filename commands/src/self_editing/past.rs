//! The workspace's past in short: when each revision came, by which edit, and which files it
//! touched.
//!
//! It is read from the log once and then only read on, so that a question about the past costs as
//! much as the workspace has files, however many revisions there were.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::kernel::{EditId, Event, Expected, Journal, Singleton, StreamId};
use domain::self_editing::{Workspace, WorkspaceEvent};
use tokio::sync::Mutex;

use super::Moment;
use crate::CommandError;

/// How many workspaces are kept that somebody asked for.
const RECENT: usize = 8;

/// How many revisions are read at once.
const PAGE: usize = 1_000;

/// See the module.
#[derive(Clone, Default)]
pub struct Past(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// From the first on; each event of the workspace is one.
    revisions: Vec<Revision>,
    edits: HashMap<EditId, u64>,
    /// For each path the revisions that touched it, and whether the file was there afterwards.
    touched: BTreeMap<String, Vec<(u64, bool)>>,
    recent: VecDeque<Workspace>,
}

#[derive(Clone, Copy)]
struct Revision {
    edit: EditId,
    position: u64,
    at: DateTime<Utc>,
}

/// What has to be read to have the workspace of a revision.
struct Plan {
    /// The revisions, each with what comes right before it and with the files that are read there.
    reads: BTreeMap<u64, (Expected, BTreeSet<String>)>,
    position: u64,
}

impl Past {
    /// The workspace of a moment, and the commit that made it so.
    pub(super) async fn at(
        &self,
        journal: &Journal,
        moment: Moment,
    ) -> Result<(Workspace, u64), CommandError> {
        let (revision, plan) = {
            let mut known = self.0.lock().await;
            let is_known = |it: Moment| matches!(it, Moment::Revision(it) if it <= known.newest());
            if !is_known(moment) {
                known.read_on(journal).await?;
            }
            let revision = known.revision_at(moment);
            if revision == 0 {
                return Ok((Workspace::default(), 0));
            }
            let position = known.position_of(revision);
            if let Some(kept) = known.recent.iter().find(|it| it.revision() == revision) {
                return Ok((kept.clone(), position));
            }
            (revision, known.plan(revision))
        };

        let mut workspace = Workspace::default();
        for (number, (before, files)) in plan.reads {
            let WorkspaceEvent::Revised { revision, kind, edit, by, changes } =
                read(journal, before, number).await?;
            let changes = changes.into_iter().filter(|it| files.contains(&it.path)).collect();
            workspace.evolve(&WorkspaceEvent::Revised { revision, kind, edit, by, changes });
        }
        let mut known = self.0.lock().await;
        if known.recent.iter().all(|it| it.revision() != revision) {
            known.recent.push_back(workspace.clone());
            if known.recent.len() > RECENT {
                known.recent.pop_front();
            }
        }
        Ok((workspace, plan.position))
    }

    /// Forgets everything: another log may have taken the place of this one.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = Known::default();
    }

    /// The edit that made a revision.
    pub(super) async fn edit_of(
        &self,
        journal: &Journal,
        revision: u64,
    ) -> Result<Option<EditId>, CommandError> {
        let mut known = self.0.lock().await;
        if known.newest() < revision {
            known.read_on(journal).await?;
        }
        let index = usize::try_from(revision).ok().and_then(|it| it.checked_sub(1));
        Ok(index.and_then(|it| known.revisions.get(it)).map(|it| it.edit))
    }

    /// The revision that an edit made, and its commit, as the workspace itself says.
    pub(super) async fn revision_of(
        &self,
        journal: &Journal,
        edit: EditId,
    ) -> Result<Option<(u64, u64)>, CommandError> {
        let mut known = self.0.lock().await;
        if !known.edits.contains_key(&edit) {
            known.read_on(journal).await?;
        }
        let revision = known.edits.get(&edit).copied();
        Ok(revision.map(|revision| (revision, known.position_of(revision))))
    }
}

impl Known {
    fn newest(&self) -> u64 {
        self.revisions.len() as u64
    }

    /// The commit of a revision; 0 before the first.
    fn position_of(&self, revision: u64) -> u64 {
        let index = usize::try_from(revision).ok().and_then(|it| it.checked_sub(1));
        index.and_then(|it| self.revisions.get(it)).map_or(0, |it| it.position)
    }

    /// What comes right before a revision.
    fn before(&self, revision: u64) -> Expected {
        match revision.saturating_sub(1) {
            0 => Expected::New,
            version => Expected::Exact { version, position: self.position_of(version) },
        }
    }

    async fn read_on(&mut self, journal: &Journal) -> Result<(), CommandError> {
        let stream = StreamId::of::<Workspace>(&Singleton);
        loop {
            let page = journal.read_stream(&stream, self.before(self.newest() + 1), PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for recorded in page {
                let Event::Workspace(_, event) = &recorded.event else { continue };
                let WorkspaceEvent::Revised { edit, changes, .. } = event;
                let (position, at) = (recorded.position, recorded.recorded_at);
                self.revisions.push(Revision { edit: *edit, position, at });
                let revision = self.newest();
                self.edits.entry(*edit).or_insert(revision);
                for change in changes {
                    let touched = self.touched.entry(change.path.clone()).or_default();
                    touched.push((revision, change.content.is_some()));
                }
            }
        }
    }

    /// The newest revision that was there at this moment; 0 before the first.
    fn revision_at(&self, moment: Moment) -> u64 {
        let later = |it: &Revision| match moment {
            Moment::Now | Moment::Revision(_) => false,
            Moment::Position(wanted) => it.position > wanted,
            Moment::Time(wanted) => it.at > wanted,
        };
        match moment {
            Moment::Revision(wanted) => wanted.min(self.newest()),
            _ => self.revisions.iter().position(later).map_or(self.newest(), |it| it as u64),
        }
    }

    /// Each file is read where it was written last.
    fn plan(&self, revision: u64) -> Plan {
        // The last one is always read: it tells the number.
        let mut reads = BTreeMap::from([(revision, (self.before(revision), BTreeSet::new()))]);
        for (path, touched) in &self.touched {
            let until = touched.partition_point(|(number, _)| *number <= revision);
            let last = until.checked_sub(1).and_then(|it| touched.get(it));
            if let Some((number, true)) = last {
                let read = reads.entry(*number);
                let (_, files) = read.or_insert_with(|| (self.before(*number), BTreeSet::new()));
                files.insert(path.clone());
            }
        }
        Plan { reads, position: self.position_of(revision) }
    }
}

async fn read(
    journal: &Journal,
    before: Expected,
    revision: u64,
) -> Result<WorkspaceEvent, CommandError> {
    let stream = StreamId::of::<Workspace>(&Singleton);
    let page = journal.read_stream(&stream, before, 1).await?;
    match page.into_iter().next().map(|it| it.event) {
        Some(Event::Workspace(_, event)) => Ok(event),
        _ => Err(CommandError::unavailable(format!("the log has no revision {revision} any more"))),
    }
}
