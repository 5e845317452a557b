//! The workspace of every moment, however many revisions came after it.

use std::collections::BTreeMap;

use commands::self_editing::{Moment, Past, SelfEditing};
use domain::kernel::{Actor, EditId, Singleton};
use domain::self_editing::{Change, KeptChange, RevisionKind, WorkspaceCommand};
use tests::embedded::Embedded;
use uuid::Uuid;

use super::self_editing::{seeded, somebody};

const REVISIONS: u64 = 60;

#[tokio::test]
async fn every_moment_has_the_workspace_that_it_had() {
    let (there, _folder) = Embedded::start().await;
    let editing = seeded(&there).await;
    // Files come, change and go; what each revision left is kept here as well.
    let mut now = BTreeMap::from([("prompts/hello.md".to_owned(), "Hi\n".to_owned())]);
    let mut then = vec![(BTreeMap::new(), 0)];
    then.push((now.clone(), editing.workspace_at(Moment::Now).await.unwrap().1));
    for revision in 2..=REVISIONS {
        let mut changes = Vec::new();
        for n in 0..=revision % 3 {
            let path = format!("prompts/{}.md", (revision * 7 + n * 3) % 11);
            let content = (revision % 4 != n).then(|| format!("{revision}\n"));
            match &content {
                Some(text) => now.insert(path.clone(), text.clone()),
                None => now.remove(&path),
            };
            changes.push(Change { path, content });
        }
        then.push((now.clone(), revise(&editing, revision - 1, changes).await));
        if revision % 20 == 0 {
            // It is read on from here.
            editing.workspace_at(Moment::Revision(revision)).await.unwrap();
        }
    }

    let cold = SelfEditing { past: Past::default(), ..editing.clone() };
    for editing in [editing, cold] {
        for (revision, (files, position)) in (0..=REVISIONS).rev().zip(then.iter().rev()) {
            for moment in [Moment::Revision(revision), Moment::Position(*position)] {
                let (tree, at) = editing.workspace_at(moment).await.unwrap();
                assert_eq!((tree.revision(), tree.files()), (revision, files), "{moment:?}");
                assert_eq!(at, *position, "{moment:?}");
            }
        }
        let far = Moment::Position(u64::MAX);
        for moment in [Moment::Now, far, Moment::Revision(REVISIONS + 5)] {
            let (tree, _) = editing.workspace_at(moment).await.unwrap();
            assert_eq!(tree.revision(), REVISIONS, "{moment:?}");
        }
    }
}

/// A new revision; answers its commit.
async fn revise(editing: &SelfEditing, base: u64, changes: Vec<Change>) -> u64 {
    let cause = somebody("ana").cause;
    let (kind, edit) = (RevisionKind::Applied, EditId(Uuid::now_v7()));
    let changes = changes.into_iter().map(KeptChange::from).collect();
    let by = Actor::api_key("ana");
    let revise = WorkspaceCommand::Revise { base, kind, edit, by, changes };
    editing.workspace.execute(&Singleton, revise, &cause).await.unwrap().position
}
