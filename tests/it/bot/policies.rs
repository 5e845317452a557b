//! The policies decide on Discord as everywhere.

use domain::kernel::{Actor, Cause, EditId, Event, Expected, Singleton, Source};
use domain::self_editing::{Change, RevisionKind, WorkspaceEvent};
use serde_json::json;
use uuid::Uuid;

use super::home::Home;

#[tokio::test]
async fn a_server_can_be_forbidden_what_others_may() {
    let home = Home::new().await;
    let guild = home.discord.home().0;
    let mut files = palimpsest::policies::shipped_policies();
    let quiet = format!(
        "forbid(principal in Guild::\"{guild}\", action == Action::\"write:conversation\", resource);\n"
    );
    files.insert("policies/quiet.cedar".to_owned(), quiet);
    live(&home, files.into_iter().map(|(path, text)| Change { path, content: Some(text) })).await;

    let bot = home.start();
    home.until_listening(1).await;
    let asked = home.discord.slash("general", "ben", "ask", json!({ "text": "hello" })).await;
    let refused = asked.response().await;
    assert!(refused.ephemeral && refused.text.contains("`write:conversation`"), "{refused:?}");
    let status = home.discord.slash("general", "ben", "status", json!({})).await;
    let status = status.response().await;
    assert!(!status.text.contains("You may not"), "that is all: {status:?}");
    bot.stop().await;
}

/// A workspace with these files, as an earlier process left it.
async fn live(home: &Home, changes: impl Iterator<Item = Change>) {
    let by = Actor::system("test");
    let cause = Cause::asked(by.clone(), Uuid::now_v7(), Source::Cli);
    let changes: Vec<_> = changes.collect();
    let (changes, apart) = Change::keep(&changes);
    assert!(apart.is_empty(), "they are small enough to stand in the event");
    let (kind, edit) = (RevisionKind::Seeded, EditId(Uuid::now_v7()));
    let revised = WorkspaceEvent::Revised { revision: 1, kind, edit, by, changes };
    let events = [Event::Workspace(Singleton, revised)];
    let stream = events[0].stream();
    let append = home.journal.append(&stream, Expected::New, &events, &cause).await;
    append.expect("a sealed commit").await.expect("a stored one");
}
