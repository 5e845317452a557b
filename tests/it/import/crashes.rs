//! Imports that are killed in the middle, and repeated until they are whole.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use domain::discord::{ChannelEvent, Message};
use domain::kernel::ChannelId;
use tests::embedded::Embedded;

use super::{export, facts, id_at, import, write};

const MESSAGES: u64 = 12_000;

#[tokio::test]
async fn an_import_killed_again_and_again_is_whole_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    write(&path, &export(ChannelId(5), 0..MESSAGES));

    let mut killed_halfway = 0;
    for round in 0..10 {
        let mut importer = Command::new(env!("CARGO_BIN_EXE_import-export"))
            .args([folder.path(), &path])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the importer starts");
        // It says how many messages it knows to be recorded, and is killed at some other moment.
        let lines = BufReader::new(importer.stdout.take().unwrap()).lines();
        let said = lines.map(|line| line.unwrap().parse::<u64>().unwrap()).nth(round % 3);
        importer.kill().unwrap();
        importer.wait().unwrap();

        let platform = Embedded::open(folder.path()).await;
        let recorded = ids(&platform).await;
        let acknowledged = usize::try_from(said.unwrap_or_default()).unwrap();
        assert!(recorded.len() >= acknowledged, "{} of {acknowledged}", recorded.len());
        assert!(recorded.iter().copied().eq((0..recorded.len() as u64).map(id_at)));
        killed_halfway += usize::from(!recorded.is_empty() && (recorded.len() as u64) < MESSAGES);
    }
    assert!(killed_halfway > 0, "no import was killed in the middle");

    let platform = Embedded::open(folder.path()).await;
    let report = import(&platform, &path).await.unwrap();
    assert_eq!(report.new + report.known, MESSAGES);
    assert!(ids(&platform).await.into_iter().eq((0..MESSAGES).map(id_at)));
}

/// In the order of the log.
async fn ids(platform: &Embedded) -> Vec<u64> {
    let message = |fact| match fact {
        ChannelEvent::MessageCreated(Message { id, .. }) => id.0,
        other => panic!("{other:?}"),
    };
    facts(platform, ChannelId(5)).await.into_iter().map(message).collect()
}
