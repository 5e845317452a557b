//! What only a log over a network has to bear.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::jetstream_log::{Durability, JetStreamLog, Options};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use domain::kernel::{Appended, EventLog, Expected, LogError};
use futures_util::StreamExt;
use tests::commits::{Body, after, commit, commit_of_size, stream};
use tests::proxy::Proxy;
use tests::services::{NatsServer, Sync, nats_url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::place::options;
use super::suite::all;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_followers_survive_dropped_connections() {
    const COMMITS: u64 = 300;
    let (options, proxy) = (options(), Proxy::to(&nats_url()).await);
    let direct = JetStreamLog::connect(&nats_url(), options.clone()).await.unwrap();
    let log = JetStreamLog::connect(&proxy.nats_url(), options).await.unwrap();

    let (count, mut followed) = watch::channel(0);
    let mut pages = log.follow(0);
    let follower = tokio::spawn(async move {
        let mut read = Vec::new();
        while (read.len() as u64) < 2 * COMMITS {
            read.extend(pages.next().await.expect("no end").unwrap().commits);
            count.send_replace(read.len());
        }
        read
    });
    let writers = [("a.1", log.clone()), ("a.2", direct.clone())].map(|(name, log)| {
        tokio::spawn(async move {
            let (stream, mut expected) = (stream(name), Expected::New);
            for version in 1..=COMMITS {
                let position = log.append(commit(&stream, expected)).await.unwrap().position();
                expected = after(version, position);
            }
        })
    });
    for round in 1..=5 {
        followed.wait_for(|it| *it >= round * 50).await.unwrap();
        proxy.cut();
        // Time for the others to go on without it.
        direct.head().await.unwrap();
        proxy.mend();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let read = follower.await.unwrap();
    let direct: Arc<dyn EventLog> = Arc::new(direct);
    assert_eq!(read, all(&direct).await, "each commit once, in order, and those of one try only");
}

#[tokio::test]
async fn a_repeat_that_the_server_has_forgotten_is_found_in_the_stream() {
    let options = Options { duplicate_window: Duration::from_millis(100), ..options() };
    let log = JetStreamLog::connect(&nats_url(), options).await.unwrap();
    let (stream, started) = (stream("a.1"), Instant::now());
    let append = commit(&stream, Expected::New);
    let mut position = log.append(append.clone()).await.unwrap().position();
    let mut version = 1;
    while started.elapsed() < Duration::from_millis(500) {
        position = log.append(commit(&stream, after(version, position))).await.unwrap().position();
        version += 1;
    }
    assert_eq!(log.append(append).await.unwrap(), Appended::Repeated { position: 1 });
    assert_eq!(log.head().await.unwrap(), version);
}

#[tokio::test]
async fn a_writer_that_knows_only_the_version_is_understood() {
    let log = JetStreamLog::connect(&nats_url(), options()).await.unwrap();
    let stream = stream("a.1");
    log.append(commit(&stream, Expected::New)).await.unwrap();
    let wrong = log.append(commit(&stream, after(2, 0))).await;
    assert!(matches!(wrong, Err(LogError::Conflict { .. })), "{wrong:?}");
    let second = commit(&stream, after(1, 0));
    let stored = Appended::Stored { position: 2 };
    assert_eq!(log.append(second.clone()).await.unwrap(), stored);
    assert_eq!(log.append(second).await.unwrap(), Appended::Repeated { position: 2 });
}

#[tokio::test]
async fn what_the_server_does_not_take_is_too_large() {
    let server = NatsServer::start_with(Sync::Always, "64KB");
    let log = JetStreamLog::connect(&server.url(), Options::default()).await.unwrap();
    let stream = stream("a.1");
    let too_large = log.append(commit_of_size(&stream, Expected::New, 65_536)).await;
    let Err(LogError::TooLarge { size: 65_536, limit }) = too_large else {
        panic!("{too_large:?}");
    };
    let largest = commit_of_size(&stream, Expected::New, limit);
    assert_eq!(log.append(largest).await.unwrap(), Appended::Stored { position: 1 });
}

#[tokio::test]
async fn without_a_server_calls_end_when_their_patience_does() {
    let mut server = NatsServer::start(Sync::Always);
    let options = Options { patience: Duration::from_millis(300), ..Options::default() };
    let log = JetStreamLog::connect(&server.url(), options).await.unwrap();
    server.kill();

    let append = log.append(commit(&stream("a.1"), Expected::New)).await;
    assert!(matches!(append, Err(LogError::Unavailable(_))), "{append:?}");
    let head = log.head().await;
    assert!(matches!(head, Err(LogError::Unavailable(_))), "{head:?}");
}

#[tokio::test]
async fn commits_say_in_their_headers_what_they_are() {
    let options = options();
    let log = JetStreamLog::connect(&nats_url(), options.clone()).await.unwrap();
    let append = commit(&stream("a.1"), Expected::New);
    log.append(append.clone()).await.unwrap();

    let client = async_nats::connect(nats_url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let stored = jetstream.get_stream(&options.stream).await.unwrap();
    let message = stored.get_raw_message(1).await.unwrap();
    let header = |name: &str| message.headers.get(name).expect("the header is there").as_str();
    assert_eq!(message.subject.as_str(), format!("{}.main.a.1", options.prefix));
    assert!(header("Nats-Msg-Id").contains(&append.command.simple().to_string()));
    let own = ["Palimpsest-Versions", "Palimpsest-Types"].map(header);
    assert_eq!(own, ["1-1", "thing.happened"]);
    assert_eq!(serde_json::from_slice::<Body>(&message.payload).unwrap().command, append.command);
}

#[tokio::test]
async fn a_stream_that_could_lose_commits_is_refused_with_the_remedy() {
    let options = options();
    let client = async_nats::connect(nats_url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let weak = Config {
        name: options.stream.clone(),
        subjects: vec![format!("{}.>", options.prefix)],
        storage: StorageType::Memory,
        discard: DiscardPolicy::Old,
        max_age: Duration::from_hours(1),
        ..Config::default()
    };
    jetstream.create_stream(weak).await.unwrap();
    let error = refused(&nats_url(), options.clone()).await;
    for part in [
        "too weak to hold a log",
        "kept in memory only",
        "(discard)",
        "(max_age)",
        "(deny_delete is off)",
        "(deny_purge is off)",
        "read directly",
        &format!("nats stream edit {} --max-age=0", options.stream),
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}

#[tokio::test]
async fn a_single_server_has_to_sync_before_it_acknowledges() {
    let shared = JetStreamLog::connect(&nats_url(), options()).await.unwrap();
    assert_eq!(shared.durability(), Durability::Synced { replicas: 1 });

    let server = NatsServer::start(Sync::Default);
    let monitored = Options { monitor: Some(server.monitor_url()), ..Options::default() };
    let error = refused(&server.url(), monitored.clone()).await;
    assert!(error.contains("sync_interval: always"), "{error}");

    let relaxed = Options { allow_relaxed: true, ..monitored };
    let relaxed = JetStreamLog::connect(&server.url(), relaxed).await.unwrap();
    assert_eq!(relaxed.durability(), Durability::Relaxed { replicas: 1 });

    let unknown = JetStreamLog::connect(&server.url(), Options::default()).await.unwrap();
    assert_eq!(unknown.durability(), Durability::Unknown { replicas: 1 });
}

#[tokio::test]
async fn an_old_server_and_an_absent_one_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let old = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let info = "INFO {\"server_id\":\"x\",\"version\":\"2.10.7\",\"max_payload\":1048576,\
                    \"proto\":1,\"headers\":true,\"host\":\"127.0.0.1\",\"port\":4222}\r\n";
        connection.write_all(info.as_bytes()).await.unwrap();
        let mut asked = [0; 4096];
        while connection.read(&mut asked).await.is_ok_and(|count| count > 0) {
            connection.write_all(b"PONG\r\n").await.unwrap();
        }
    });
    let error = refused(&format!("nats://{address}"), Options::default()).await;
    assert!(error.contains("version 2.10.7"), "{error}");
    old.abort();
    // Once it has ended, nobody listens there.
    let _ = old.await;

    let error = refused(&format!("nats://ana:secret@{address}"), Options::default()).await;
    assert!(error.contains(&format!("nats://{address} does not answer")), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

async fn refused(url: &str, options: Options) -> String {
    match JetStreamLog::connect(url, options).await {
        Ok(_) => panic!("the log was opened"),
        Err(error) => error.to_string(),
    }
}
