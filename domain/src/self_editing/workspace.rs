//! The workspace is what the bot may edit about itself: a set of files, revision by revision.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Content, KeptChange};
use crate::kernel::{Actor, EditId, Ground, Rejection, aggregate};

/// The largest file that a log may hold, in bytes: before there was a limit for proposals of their
/// own, it was this one.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The largest file that can be proposed, in bytes.
pub const MAX_PROPOSED_BYTES: usize = 256 * 1024;

/// How many lines a file has at most: merging takes time that grows with their square.
pub const MAX_FILE_LINES: usize = 20_000;

/// The largest edit that can be proposed, in bytes over all its files.
pub const MAX_EDIT_BYTES: usize = 1024 * 1024;

/// How many files an edit changes at most.
pub const MAX_EDIT_FILES: usize = 200;

/// The files as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    revision: u64,
    files: BTreeMap<String, Content>,
}

/// Why there is a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevisionKind {
    /// An edit went live.
    Applied,
    /// An edit was taken back; without one, everything since some moment was.
    RolledBack { of: Option<EditId> },
    /// The starting workspace.
    Seeded,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkspaceCommand {
    /// Change files, on the revision the changes were computed for.
    Revise { base: u64, kind: RevisionKind, edit: EditId, by: Actor, changes: Vec<KeptChange> },
}

/// What has happened to it. Stored for ever: add variants, never rename them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WorkspaceEvent {
    Revised { revision: u64, kind: RevisionKind, edit: EditId, by: Actor, changes: Vec<KeptChange> },
}

/// Why a change of the workspace is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    #[error("{path}: {reason}")]
    BadPath { path: String, reason: &'static str },
    #[error("{path} cannot be beside {other}: {reason}")]
    Clash { path: String, other: String, reason: &'static str },
    #[error("the workspace is at revision {at} by now, not {base}")]
    Moved { base: u64, at: u64 },
    #[error("{path} is larger than {MAX_FILE_BYTES} bytes")]
    TooLarge { path: String },
}

impl Rejection for WorkspaceError {
    fn ground(&self) -> Ground {
        match self {
            Self::BadPath { .. } | Self::Clash { .. } | Self::TooLarge { .. } => Ground::Input,
            Self::Moved { .. } => Ground::State,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::BadPath { .. } | Self::Clash { .. } | Self::TooLarge { .. } => Some("files"),
            Self::Moved { .. } => None,
        }
    }
}

impl Workspace {
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn files(&self) -> &BTreeMap<String, Content> {
        &self.files
    }

    /// The rules. Pure: the same history and command give the same answer.
    fn decide(&self, command: WorkspaceCommand) -> Result<Vec<WorkspaceEvent>, WorkspaceError> {
        let WorkspaceCommand::Revise { base, kind, edit, by, changes } = command;
        if base != self.revision {
            return Err(WorkspaceError::Moved { base, at: self.revision });
        }
        for KeptChange { path, content } in &changes {
            check_path(path)?;
            if content.as_ref().is_some_and(|content| content.size() > MAX_FILE_BYTES as u64) {
                return Err(WorkspaceError::TooLarge { path: path.clone() });
            }
        }
        let before = self.files.keys().map(String::as_str);
        let after = changes.iter().map(|it| (it.path.as_str(), it.content.is_some()));
        check_beside(before, after)?;
        Ok(vec![WorkspaceEvent::Revised { revision: base + 1, kind, edit, by, changes }])
    }

    /// The memory; also how the workspace of an earlier moment is rebuilt.
    pub fn evolve(&mut self, event: &WorkspaceEvent) {
        let WorkspaceEvent::Revised { revision, changes, .. } = event;
        self.revision = *revision;
        for KeptChange { path, content } in changes {
            match content {
                Some(content) => self.files.insert(path.clone(), content.clone()),
                None => self.files.remove(path),
            };
        }
    }
}

/// The folders of the workspace, and what kind of file each holds.
const FOLDERS: [(&str, &str); 4] =
    [("behaviors", "rhai"), ("policies", "cedar"), ("prompts", "md"), ("settings", "toml")];

/// What the policies are written in: the one other file of their folder.
pub const POLICY_SCHEMA: &str = "policies/schema.cedarschema";

/// Refuses paths that lead elsewhere, or to a kind of file that nothing reads.
pub fn check_path(path: &str) -> Result<(), WorkspaceError> {
    let bad = |reason| Err(WorkspaceError::BadPath { path: path.to_owned(), reason });
    if path.is_empty() || path.len() > 200 {
        return bad("a path has 1 to 200 bytes");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !path.chars().all(plain) {
        return bad("a path is made of letters, digits and -_./ only");
    }
    if path.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return bad("no part of a path is empty or starts with a full stop");
    }
    let known = FOLDERS.iter().any(|(folder, ending)| {
        let name = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        name.and_then(|name| name.strip_suffix(ending))
            .is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'))
    });
    if !known && path != POLICY_SCHEMA {
        return bad("files are behaviors/*.rhai, policies/*.cedar, policies/schema.cedarschema, \
             prompts/*.md or settings/*.toml");
    }
    Ok(())
}

/// Refuses new files that cannot be laid into one folder with the others: where a file is no
/// folder can be, and some disks tell no capital letters. What stands in a log already may stay
/// and change. Each change says whether the file is there afterwards.
pub fn check_beside<'a>(
    before: impl IntoIterator<Item = &'a str>,
    changes: impl IntoIterator<Item = (&'a str, bool)>,
) -> Result<(), WorkspaceError> {
    let before: BTreeSet<&str> = before.into_iter().collect();
    let changes: BTreeMap<&str, bool> = changes.into_iter().collect();
    let new = |path: &str, there: bool| there && !before.contains(path);
    if !changes.iter().any(|(path, there)| new(path, *there)) {
        return Ok(());
    }
    let kept = before.iter().copied().filter(|path| changes.get(path) != Some(&false));
    let mut taken: BTreeMap<String, &str> =
        kept.map(|path| (path.to_ascii_lowercase(), path)).collect();
    for (path, there) in changes.iter().map(|(path, there)| (*path, *there)) {
        if !new(path, there) {
            continue;
        }
        let name = path.to_ascii_lowercase();
        if let Some((other, reason)) = clash(&taken, &name) {
            let (path, other) = (path.to_owned(), other.to_owned());
            return Err(WorkspaceError::Clash { path, other, reason });
        }
        taken.insert(name, path);
    }
    Ok(())
}

/// What a name cannot be beside of, and why.
fn clash<'a>(taken: &BTreeMap<String, &'a str>, name: &str) -> Option<(&'a str, &'static str)> {
    if let Some(same) = taken.get(name) {
        return Some((*same, "their names differ in capital letters only"));
    }
    let above = name.match_indices('/').find_map(|(at, _)| taken.get(&name[..at]));
    if let Some(above) = above {
        return Some((*above, "that is a file, and no folder"));
    }
    let inside = format!("{name}/");
    let (first, below) = taken.range(inside.clone()..).next()?;
    first.starts_with(&inside).then_some((*below, "that is in a folder of this name"))
}

aggregate!(Workspace: "workspace", WorkspaceCommand -> WorkspaceEvent | WorkspaceError);

#[cfg(test)]
mod tests {
    use super::{WorkspaceCommand as Do, WorkspaceError as No, *};
    use crate::kernel::testing::given;

    #[test]
    fn paths_stay_in_their_folders() {
        for path in [
            "settings/a.toml",
            "behaviors/fun/dice.rhai",
            "prompts/system-prompt.md",
            POLICY_SCHEMA,
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "a.toml",
            "settings/a.rhai",
            "policies/other.cedarschema",
            "settings/../a.toml",
            "/settings/a.toml",
            "settings/.a.toml",
            "settings/.toml",
            "settings//a.toml",
            "settings/ä.toml",
            "settings\\a.toml",
            "settings/a.toml/",
        ] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn changes_on_an_old_revision_are_refused() {
        given::<Workspace>([revised(1)])
            .when(Do::Revise {
                base: 0,
                kind: RevisionKind::Applied,
                edit: EDIT,
                by: by(),
                changes: vec![],
            })
            .then_expect_error(No::Moved { base: 0, at: 1 });
    }

    #[test]
    fn a_file_is_no_folder_and_names_differ_by_more_than_capitals() {
        let there = "settings/a.toml";
        for path in ["settings/a.toml/b.toml", "settings/A.toml", "settings/A.toml/b/c.toml"] {
            let Err(No::Clash { path: told, other, .. }) = beside(&[there], &[(path, true)]) else {
                panic!("{path} is refused");
            };
            assert_eq!((told.as_str(), other.as_str()), (path, there));
        }
        let inside = "settings/a.toml/b.toml";
        for one in [[(there, true), (inside, true)], [(inside, true), (there, true)]] {
            assert!(matches!(beside(&[], &one), Err(No::Clash { .. })), "both are new");
        }
        assert!(matches!(beside(&[inside], &[(there, true)]), Err(No::Clash { .. })));

        let apart = ["settings/a.toml.toml", "settings/a/b.toml", "prompts/a.toml.md"];
        for path in apart {
            assert_eq!(beside(&[there], &[(path, true)]), Ok(()), "{path}");
        }
        let moved = [(there, false), ("settings/A.toml", true)];
        assert_eq!(beside(&[there], &moved), Ok(()), "the one goes, the other comes");
        let old = [there, inside];
        assert_eq!(beside(&old, &[(there, true), (inside, false)]), Ok(()), "it was there before");
    }

    #[test]
    fn what_clashes_does_not_go_live() {
        let change = |path: &str| KeptChange { path: path.into(), content: Some(text()) };
        let (path, other) = ("settings/a.toml/b.toml".to_owned(), "settings/a.toml".to_owned());
        let reason = "that is a file, and no folder";
        given::<Workspace>([revised(1)])
            .when(Do::Revise {
                base: 1,
                kind: RevisionKind::Applied,
                edit: EDIT,
                by: by(),
                changes: vec![change(&path)],
            })
            .then_expect_error(No::Clash { path, other, reason });
    }

    #[test]
    fn files_come_change_and_go() {
        let mut workspace = Workspace::default();
        workspace.evolve(&revised(1));
        assert_eq!(workspace.files().get("settings/a.toml"), Some(&text()));
        let changes = vec![KeptChange { path: "settings/a.toml".into(), content: None }];
        let kind = RevisionKind::RolledBack { of: Some(EDIT) };
        workspace.evolve(&WorkspaceEvent::Revised {
            revision: 2,
            kind,
            edit: EDIT,
            by: by(),
            changes,
        });
        assert_eq!((workspace.revision(), workspace.files().len()), (2, 0));
    }

    const EDIT: EditId = EditId(uuid::Uuid::nil());

    fn beside(before: &[&str], changes: &[(&str, bool)]) -> Result<(), No> {
        check_beside(before.iter().copied(), changes.iter().copied())
    }

    fn text() -> Content {
        Content::Text("x = 1".into())
    }

    fn by() -> Actor {
        Actor::system("test")
    }

    fn revised(revision: u64) -> WorkspaceEvent {
        let changes = vec![KeptChange { path: "settings/a.toml".into(), content: Some(text()) }];
        WorkspaceEvent::Revised {
            revision,
            kind: RevisionKind::Applied,
            edit: EDIT,
            by: by(),
            changes,
        }
    }
}
