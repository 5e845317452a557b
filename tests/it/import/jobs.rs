//! Imports in the background, as the HTTP API offers them.

use commands::CommandError;
use commands::discord::imports::{ImportJob, ImportJobs, JobStatus};
use domain::kernel::ChannelId;
use tests::embedded::Embedded;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Path, export, fixture, head, importer, imports};

#[tokio::test]
async fn an_upload_is_imported_and_leaves_no_file() {
    let (platform, folder) = Embedded::start().await;
    let jobs = jobs(&platform, folder.path()).await;
    let upload = tokio::fs::File::open(fixture("broken.json")).await.unwrap();

    let taken = jobs.accept(&importer(), "broken\n.json", upload, 1 << 20).await.unwrap();
    assert_eq!((taken.status, &*taken.report.file), (JobStatus::Queued, "broken.json"));
    let done = ended(&jobs, taken.import_id).await;
    assert_eq!((done.status, done.error), (JobStatus::Done, None));
    assert_eq!((done.report.new, done.report.bad.len()), (6, 6));
    assert_eq!(done.report.bytes, done.report.total_bytes);
    assert_eq!(done.report.position, head(&platform).await);
    assert_eq!(std::fs::read_dir(folder.path().join("imports")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_failed_import_says_why() {
    let (platform, folder) = Embedded::start().await;
    let jobs = jobs(&platform, folder.path()).await;
    let taken = jobs.accept(&importer(), "x", &b"hello"[..], 100).await.unwrap();
    let failed = ended(&jobs, taken.import_id).await;
    assert_eq!(failed.status, JobStatus::Failed);
    assert!(failed.error.unwrap().contains("no DiscordChatExporter file"));
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_and_leaves_no_file() {
    let (platform, folder) = Embedded::start().await;
    let jobs = jobs(&platform, folder.path()).await;
    let refused = jobs.accept(&importer(), "x", &[b' '; 101][..], 100).await.unwrap_err();
    let CommandError::Rejected(refusal) = refused else { panic!("{refused}") };
    assert_eq!(refusal.code, Some("PAYLOAD_TOO_LARGE"));
    assert_eq!(std::fs::read_dir(folder.path().join("imports")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_stops_leaves_what_was_recorded() {
    let (platform, folder) = Embedded::start().await;
    let stop = CancellationToken::new();
    let path = folder.path().join("imports");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("left-behind.upload"), "{").unwrap();
    let jobs = ImportJobs::new(imports(&platform), path.clone(), stop.clone()).await.unwrap();
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);

    stop.cancel();
    let text = export(ChannelId(5), 0..2_000).to_string();
    let taken = jobs.accept(&importer(), "x", text.as_bytes(), 1 << 24).await.unwrap();
    assert_eq!(ended(&jobs, taken.import_id).await.status, JobStatus::Stopped);
}

#[tokio::test]
async fn nobody_knows_an_import_that_never_was() {
    let (platform, folder) = Embedded::start().await;
    let jobs = jobs(&platform, folder.path()).await;
    let unknown = jobs.get(&importer(), Uuid::now_v7());
    assert!(matches!(unknown, Err(CommandError::NotFound(_))), "{unknown:?}");
}

async fn jobs(platform: &Embedded, folder: &Path) -> ImportJobs {
    let stop = CancellationToken::new();
    ImportJobs::new(imports(platform), folder.join("imports"), stop).await.expect("a folder")
}

async fn ended(jobs: &ImportJobs, id: Uuid) -> ImportJob {
    loop {
        let job = jobs.get(&importer(), id).expect("the import");
        if !matches!(job.status, JobStatus::Queued | JobStatus::Running) {
            return job;
        }
        tokio::task::yield_now().await;
    }
}
