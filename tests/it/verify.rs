//! Whatever is done to a log behind the program's back, walking it tells.

use std::sync::Arc;
use std::time::Duration;

use adapters::jetstream_log::{JetStreamLog, Options};
use async_trait::async_trait;
use commands::ports::{Execute as _, Vault as _};
use commands::verify::{Fault, Verdict, Witness, verify};
use commands::{ChainSigner, Head, Heads, kept_head};
use domain::conversation::ConversationCommand;
use domain::kernel::{
    Actor, Cause, Chain, ChainCommand, ChainHash, ConversationId, Person, Personal, Singleton,
    Source,
};
use tempfile::TempDir;
use tests::embedded::Embedded;
use tests::services::{nats_monitor_url, nats_url};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_touched_has_no_faults() {
    for (there, _folder) in [sqlite().await, jetstream().await.0] {
        let verdict = verdict(&there, &[]).await;
        assert_eq!((verdict.faults, verdict.signatures), (vec![], 2));
        assert_eq!((verdict.commits, verdict.streams), (14, 2));
        let kept = kept_head(&*there.vault).await.unwrap().unwrap();
        assert_eq!((kept.position, kept.chain), (9, chain_at(&there, 9).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_the_file_is_found() {
    let changed = "the commits 5 to 9 was changed";
    let up = |from: u32| {
        format!(
            "UPDATE commits SET position = -position - 1 WHERE position >= {from};
             UPDATE commits SET position = -position WHERE position < 0;"
        )
    };
    let cases = [
        ("changed", text(7, "1006", "1007"), vec![(10, changed)]),
        (
            "removed",
            "DELETE FROM commits WHERE position = 7;".into(),
            vec![(8, "follows commit 6: commits are missing"), (8, "goes from version")],
        ),
        (
            "removed, the rest moved up",
            "DELETE FROM commits WHERE position = 7;
             UPDATE commits SET position = -position + 1 WHERE position > 7;
             UPDATE commits SET position = -position WHERE position < 0;"
                .into(),
            vec![(7, "goes from version"), (9, changed)],
        ),
        (
            "inserted",
            format!(
                "{} INSERT INTO streams VALUES (99, 'settings.other');
                 INSERT INTO commits SELECT 7, 99, 1, count, command, types,
                    CAST(replace(CAST(body AS TEXT), 'conversation.', 'settings.') AS BLOB)
                 FROM commits WHERE position = 1;",
                up(7)
            ),
            vec![(11, "the chain at commit 9 differs from the head that was signed")],
        ),
        (
            "swapped",
            "UPDATE commits SET position = -1 WHERE position = 7;
             UPDATE commits SET position = 7 WHERE position = 8;
             UPDATE commits SET position = 8 WHERE position = -1;"
                .into(),
            vec![(7, "goes from version"), (10, changed)],
        ),
        (
            "cut off",
            "DELETE FROM commits WHERE position > 8;".into(),
            vec![(8, "the vault knew it up to commit 9: its tail was cut off")],
        ),
        (
            "another version",
            text(13, "\"version\":", "\"version\":1"),
            vec![(13, "goes from version"), (13, "its version is")],
        ),
        (
            "unreadable",
            text(13, "message_received", "message_dreamed"),
            vec![(13, "unknown variant `message_dreamed`")],
        ),
        (
            "no JSON",
            "UPDATE commits SET body = x'7b' WHERE position = 13;".into(),
            vec![(13, "cannot be read")],
        ),
        (
            "another stream",
            "UPDATE streams SET name = 'conversation.x' WHERE sid = 1;".into(),
            vec![(1, "its stream is “conversation.x” beside it")],
        ),
        (
            "another type",
            "UPDATE commits SET types = 'x' WHERE position = 13;".into(),
            vec![(13, "its list of types is “x” beside it")],
        ),
        (
            "another command",
            "UPDATE commits SET command = x'00' WHERE position = 13;".into(),
            vec![(13, "its command is “00” beside it")],
        ),
    ];
    for (name, sql, expected) in cases {
        let (there, folder) = sqlite().await;
        drop(there);
        let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
        file.execute_batch(&sql).unwrap();
        drop(file);
        let there = Embedded::open(folder.path()).await;
        let faults = verdict(&there, &[]).await.faults;
        for (position, reason) in expected {
            assert!(tells(&faults, position, reason), "{name}: {faults:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_last_head_is_known_to_the_read_models() {
    let (there, folder) = sqlite().await;
    let chain = chain_at(&there, 14).await;
    drop(there);
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    file.execute_batch(&text(12, "1010", "1011")).unwrap();
    let there = Embedded::open(folder.path()).await;
    assert_eq!(verdict(&there, &[]).await.faults, []);
    let kept = Witness { kept_by: "the read models".into(), position: 14, chain };
    let faults = verdict(&there, &[kept]).await.faults;
    assert!(tells(&faults, 14, "one of the commits 10 to 14 was changed"), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vault_knew_of_a_longer_log_is_not_forgotten() {
    let (there, folder) = sqlite().await;
    let kept = kept_head(&*there.vault).await.unwrap().unwrap();
    drop(there);
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    file.execute_batch("DELETE FROM commits WHERE position > 8;").unwrap();
    drop(file);
    let there = Embedded::open(folder.path()).await;
    Signed { there: &there, before: 5, upto: 8 }.run().await;

    let still = kept_head(&*there.vault).await.unwrap().unwrap();
    assert_eq!((still.position, still.chain), (kept.position, kept.chain));
    let faults = verdict(&there, &[]).await.faults;
    assert!(tells(&faults, 9, "differs from the value that the vault kept"), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_prove_nothing_are_faults() {
    let (stranger, _elsewhere) = Embedded::start().await;
    for (there, _folder) in [sqlite().await, jetstream().await.0] {
        let hash = chain_at(&there, 12).await;
        let (key, signature) = stranger.vault.sign(&Chain::signed_text(12, &hash));
        sign(&there, 12, hash, (key, signature)).await;
        let own = there.vault.sign(&Chain::signed_text(50, &hash));
        sign(&there, 50, hash, own).await;
        let (key, _) = there.vault.sign("");
        sign(&there, 51, hash, (key, "00".repeat(64))).await;

        let verdict = verdict(&there, &[]).await;
        assert_eq!(verdict.signatures, 2);
        let faults = verdict.faults;
        assert_eq!(faults.len(), 3, "{faults:#?}");
        assert!(tells(&faults, 15, "with a key that is not this vault's"), "{faults:#?}");
        assert!(tells(&faults, 16, "was signed before that was there"), "{faults:#?}");
        assert!(tells(&faults, 17, "is not valid"), "{faults:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_the_stream_is_found() {
    let ((there, _folder), options) = jetstream().await;
    let client = async_nats::connect(nats_url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let stream = context.get_stream(&options.stream).await.unwrap();

    let third = there.journal.log().read_all(2, 1).await.unwrap().remove(0).body;
    let other = format!("{}.main.conversation.other", options.prefix);
    context.publish(other, third).await.unwrap().await.unwrap();
    let faults = verdict(&there, &[]).await.faults;
    assert!(tells(&faults, 15, "conversation.other” beside it"), "{faults:#?}");
    assert!(tells(&faults, 15, "goes from version"), "{faults:#?}");

    // The server deletes nothing; a stream that ends early is another one.
    assert!(stream.delete_message(15).await.is_err());
    let longer = Witness { kept_by: "the vault".into(), position: 20, chain: ChainHash::default() };
    let faults = verdict(&there, &[longer]).await.faults;
    assert!(tells(&faults, 15, "its tail was cut off"), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_gone_without_an_erasure_is_told() {
    let (there, _folder) = sqlite().await;
    there.journal.codec().erase(&Person::user("ana")).await.unwrap();
    let faults = verdict(&there, &[]).await.faults;
    assert_eq!(faults.len(), 1);
    assert!(tells(&faults, 14, "no event says that they were erased"), "{faults:#?}");

    let erase = domain::kernel::PersonCommand::Erase { keys: 1, reason: "asked".into() };
    there.executors.people.execute(&Person::user("ana"), erase, &cause()).await.unwrap();
    assert_eq!(verdict(&there, &[]).await.faults, []);
}

/// Replaces a text in the body of a commit.
fn text(position: u32, from: &str, to: &str) -> String {
    format!(
        "UPDATE commits SET body = CAST(replace(CAST(body AS TEXT), '{from}', '{to}') AS BLOB)
         WHERE position = {position};"
    )
}

fn tells(faults: &[Fault], position: u64, reason: &str) -> bool {
    faults.iter().any(|it| it.position == position && it.reason.contains(reason))
}

async fn sqlite() -> (Embedded, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let there = Embedded::open(folder.path()).await;
    fill(&there).await;
    (there, folder)
}

async fn jetstream() -> ((Embedded, TempDir), Options) {
    let own = Uuid::now_v7().simple().to_string();
    let options = Options {
        stream: format!("VERIFY-{own}"),
        prefix: format!("verify.{own}"),
        monitor: Some(nats_monitor_url()),
        ..Options::default()
    };
    let log = JetStreamLog::connect(&nats_url(), options.clone()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let there = Embedded::over(folder.path(), Arc::new(log)).await;
    fill(&there).await;
    ((there, folder), options)
}

/// Twelve messages; the heads at the commits 4 and 9 are signed by the commits 5 and 10.
async fn fill(there: &Embedded) {
    let mut said = 0;
    for upto in [4, 9] {
        let before = there.journal.log().head().await.unwrap();
        for _ in before..upto {
            said += 1;
            say(there, said).await;
        }
        let signer = Signed { there, before, upto };
        signer.run().await;
    }
    while there.journal.log().head().await.unwrap() < 14 {
        said += 1;
        say(there, said).await;
    }
}

struct Signed<'a> {
    there: &'a Embedded,
    before: u64,
    upto: u64,
}

impl Signed<'_> {
    /// Runs the signer from one head to the next, and ends it.
    async fn run(self) {
        let Self { there, before, upto } = self;
        let first = Head { position: before.max(1), chain: chain_at(there, before.max(1)).await };
        let (heads, shown) = watch::channel(first);
        let asked = Arc::new(tokio::sync::Notify::new());
        let signer = ChainSigner {
            heads: Arc::new(Shown(shown, asked.clone())),
            chains: there.executors.chains.clone(),
            journal: there.journal.clone(),
            vault: there.vault.clone(),
            after_commits: 1_000,
            after: Duration::from_hours(1),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(signer.run(stop.clone()));
        asked.notified().await;
        heads.send_replace(Head { position: upto, chain: chain_at(there, upto).await });
        stop.cancel();
        running.await.unwrap();
    }
}

struct Shown(watch::Receiver<Head>, Arc<tokio::sync::Notify>);

#[async_trait]
impl Heads for Shown {
    async fn head(&self) -> Option<Head> {
        let head = *self.0.borrow();
        self.1.notify_one();
        Some(head)
    }
}

async fn chain_at(there: &Embedded, position: u64) -> ChainHash {
    let limit = usize::try_from(position).unwrap();
    let commits = there.journal.log().read_all(0, limit).await.unwrap();
    commits.iter().fold(ChainHash::default(), |chain, it| chain.next(&it.body))
}

async fn verdict(there: &Embedded, more: &[Witness]) -> Verdict {
    let kept = kept_head(&*there.vault).await.unwrap();
    let witnesses: Vec<_> = kept.into_iter().chain(more.iter().cloned()).collect();
    verify(&there.journal, &*there.vault, &witnesses, |_| ()).await.unwrap()
}

async fn sign(there: &Embedded, position: u64, hash: ChainHash, by: (String, String)) {
    let (public_key, signature) = by;
    let command = ChainCommand::Sign { position, hash, public_key, signature };
    there.executors.chains.execute(&Singleton, command, &cause()).await.unwrap();
}

/// The text is sealed; what can be changed without a key is how long it was.
async fn say(there: &Embedded, nth: u32) {
    let command = ConversationCommand::Receive {
        message: Uuid::now_v7(),
        content: Personal::of(Person::user("ana"), "hello".into()),
        length: 1_000 + nth,
        guild: None,
        now: there.journal.clock().now(),
    };
    let id = ConversationId::new("ana", "general").unwrap();
    there.executors.conversations.execute(&id, command, &cause()).await.unwrap();
}

fn cause() -> Cause {
    Cause::asked(Actor::system("test"), Uuid::now_v7(), Source::Api)
}
