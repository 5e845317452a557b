//! Damaged and unfit files: what is good in them is imported, what is not is named.

use commands::CommandError;
use commands::discord::imports::Finding;
use domain::kernel::ChannelId;
use tests::embedded::Embedded;

use super::{Path, export, facts, fixture, import, write};

#[tokio::test]
async fn bad_records_are_named_by_line_and_the_good_ones_kept() {
    let (platform, _folder) = Embedded::start().await;
    let report = import(&platform, &fixture("broken.json")).await.unwrap();

    assert_eq!((report.messages, report.new, report.bad_records), (6, 6, 6));
    assert_eq!(facts(&platform, ChannelId(401_000_000_000_000_005)).await.len(), 6);
    let found: Vec<_> = report.bad.iter().map(|it| (it.line, it.record)).collect();
    assert_eq!(
        found,
        [(3, 2), (5, 4), (7, 6), (9, 8), (10, 9), (11, 10)].map(|(l, r)| (l, Some(r)))
    );
    for (finding, reason) in report.bad.iter().zip([
        "missing field `author`",
        "it is not valid JSON: expected `,` or `}`",
        "it is not valid JSON: key must be a string",
        "it is not an object",
        "id: “yesterday” is no id of Discord",
        "content has 4001 characters; 4000 is the most",
    ]) {
        assert_eq!(finding.reason, reason);
    }
    let text = std::fs::read_to_string(fixture("broken.json")).unwrap();
    for finding in &report.bad {
        let before = &text[..usize::try_from(finding.offset).unwrap()];
        assert_eq!(before.matches('\n').count() as u64 + 1, finding.line);
    }

    assert_eq!(report.misdated, 1);
    let [Finding { line: 13, record: Some(12), reason, .. }] = &report.notes[..] else {
        panic!("{:?}", report.notes);
    };
    assert!(reason.contains("2023-01-01") && reason.contains("2024-05-07"), "{reason}");
}

#[tokio::test]
async fn a_file_that_is_cut_gives_what_is_whole_and_says_so() {
    let (platform, _folder) = Embedded::start().await;
    let report = import(&platform, &fixture("truncated.json")).await.unwrap();

    assert_eq!((report.new, report.bad_records), (3, 1));
    assert_eq!(report.bad[0].record, Some(4));
    assert_eq!(report.bad[0].reason, "the file ends in the middle of it");
    assert_eq!(report.notes.len(), 1);
    assert!(report.notes[0].reason.starts_with("the file is cut"), "{:?}", report.notes);
}

#[tokio::test]
async fn a_count_that_is_wrong_is_noted() {
    let (platform, folder) = Embedded::start().await;
    let path = folder.path().join("export.json");
    let mut export = export(ChannelId(5), 0..3);
    export["messageCount"] = 4.into();
    write(&path, &export);

    let report = import(&platform, &path).await.unwrap();
    assert_eq!(report.new, 3);
    assert_eq!(report.notes[0].reason, "the file says that it holds 4 messages; it holds 3");
}

#[tokio::test]
async fn what_is_no_export_is_refused_whole() {
    let (platform, folder) = Embedded::start().await;
    let path = folder.path().join("export.json");
    for (text, reason) in [
        ("", "this is no DiscordChatExporter file"),
        ("[]", "this is no DiscordChatExporter file"),
        (r#"{"messages":[]}"#, "does not say of which channel it is"),
        (r#"{"guild":null,"channel":{"id":"x"}}"#, "channel: id: “x” is no id of Discord"),
        (r#"{"guild":{"name":"y"},"channel":{"id":"1"}}"#, "guild: missing field `id`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let refused = import(&platform, &path).await.unwrap_err();
        assert!(matches!(refused, CommandError::Rejected(_)), "{text}");
        assert!(refused.to_string().contains(reason), "{text}: {refused}");
    }
    let missing = import(&platform, Path::new("/nowhere/export.json")).await.unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}

#[tokio::test]
async fn the_longest_messages_fit_into_the_log() {
    let (platform, folder) = Embedded::start().await;
    let path = folder.path().join("export.json");
    let mut export = export(ChannelId(5), 0..300);
    for (number, message) in export["messages"].as_array_mut().unwrap().iter_mut().enumerate() {
        let letter = ["\u{1}", "🔦", "\"", "x"][number % 4];
        message["content"] = letter.repeat(4_000).into();
    }
    write(&path, &export);

    let report = import(&platform, &path).await.unwrap();
    assert_eq!((report.new, report.bad_records), (300, 0));
}
