//! Stories that are told to the program by its command line.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sea_orm::{ConnectionTrait as _, Database};
use tests::services::postgres_url;

/// A password that must not be seen.
const PASSWORD: &str = "s3cret-word";

#[tokio::test]
async fn every_store_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let listed = palimpsest(folder.path(), &["api-key", "list"], &[]);
    assert!(listed.status.success(), "{}", told(&listed));
    // An open connection shows the files beside the stores.
    let _log = adapters::sqlite_log::SqliteLog::open(folder.path().join("log.db")).unwrap();
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.contains(".db") {
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{name}");
            seen.push(name);
        }
    }
    for name in ["log.db", "log.db-wal", "operational.db", "vault.db", "views-1.db"] {
        assert!(seen.iter().any(|it| it == name), "{name} in {seen:?}");
    }
}

#[tokio::test]
async fn a_state_of_a_moment_is_built_without_telling_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let own = database().await;
    let built = palimpsest(folder.path(), &["replay", "--json", "--into", &own], &[]);
    assert!(built.status.success(), "{}", told(&built));
    assert!(told(&built).contains("postgres://"), "{}", told(&built));
    assert!(!told(&built).contains(PASSWORD), "{}", told(&built));

    let again = palimpsest(folder.path(), &["replay", "--into", &own], &[]);
    assert!(!again.status.success() && told(&again).contains("already"), "{}", told(&again));
    assert!(!told(&again).contains(PASSWORD), "{}", told(&again));
}

#[tokio::test]
async fn no_message_tells_a_password() {
    let folder = tempfile::tempdir().unwrap();
    assert!(palimpsest(folder.path(), &["api-key", "list"], &[]).status.success());
    let nowhere = format!("postgres://ana:{PASSWORD}@127.0.0.1:1/x");
    let odd = format!("mysql://ana:{PASSWORD}@127.0.0.1:1/x");
    let nats = format!("nats://ana:{PASSWORD}@127.0.0.1:1");
    for (arguments, variables) in [
        (vec!["replay", "--into", &odd], vec![]),
        (vec!["doctor"], vec![("PALIMPSEST_LOG", nats.as_str())]),
        (vec!["doctor"], vec![("PALIMPSEST_LOG", odd.as_str())]),
        (vec!["doctor"], vec![("PALIMPSEST_VAULT", odd.as_str())]),
        (vec!["api-key", "list"], vec![("PALIMPSEST_VIEWS", odd.as_str())]),
        (vec!["serve", "--views", &odd], vec![]),
        (vec!["replay", "--into", &nowhere], vec![("PALIMPSEST_VAULT", odd.as_str())]),
    ] {
        let ended = palimpsest(folder.path(), &arguments, &variables);
        assert!(!ended.status.success(), "{arguments:?} {variables:?}");
        assert!(!told(&ended).contains(PASSWORD), "{arguments:?}: {}", told(&ended));
    }
}

#[tokio::test]
async fn a_state_of_a_moment_never_goes_into_a_database_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    for file in ["log.db", "operational.db", "vault.db", "views-1.db", "views-7.db"] {
        let refused = palimpsest(folder.path(), &["replay", "--into", &path(file)], &[]);
        assert!(!refused.status.success(), "{file}: {}", told(&refused));
        assert!(told(&refused).contains("database of its own"), "{file}: {}", told(&refused));
    }
    for store in ["PALIMPSEST_OPERATIONAL", "PALIMPSEST_VAULT", "PALIMPSEST_VIEWS"] {
        let folder = tempfile::tempdir().unwrap();
        let used = database().await;
        let variables = [(store, used.as_str())];
        let first = palimpsest(folder.path(), &["api-key", "list"], &variables);
        assert!(first.status.success(), "{store}: {}", told(&first));
        // However it is spelled.
        for into in [used.clone(), used.replace("127.0.0.1", "localhost")] {
            let refused = palimpsest(folder.path(), &["replay", "--into", &into], &variables);
            assert!(!refused.status.success(), "{store}: {}", told(&refused));
            let words = told(&refused);
            assert!(words.contains("database of its own"), "{store}: {words}");
            assert!(!words.contains(PASSWORD), "{store}: {words}");
        }
    }
}

#[tokio::test]
async fn the_list_of_keys_says_which_are_revoked_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let made = palimpsest(folder.path(), &["api-key", "create", "old", "--json"], &[]);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let id = made["id"].as_str().unwrap();
    let line = || {
        let listed = told(&palimpsest(folder.path(), &["api-key", "list"], &[]));
        listed.lines().find(|line| line.starts_with(id)).unwrap().to_owned()
    };
    assert!(line().contains("until revoked") && line().contains("never used"), "{}", line());
    assert!(palimpsest(folder.path(), &["api-key", "revoke", id], &[]).status.success());
    assert!(line().contains("  revoked 20"), "{}", line());
}

#[tokio::test]
async fn commands_that_read_make_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["verify"][..], &["log", "tail"], &["log", "export"], &["doctor"]] {
        let arguments = [command, &["--data-dir", "typo"]].concat();
        let ended = palimpsest(folder.path(), &arguments, &[]);
        let words = told(&ended);
        if command == ["doctor"] {
            assert!(ended.status.success() && words.contains("typo is empty"), "{words}");
        } else {
            assert!(!ended.status.success() && words.contains("--data-dir"), "{words}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{command:?}");
    }
}

#[tokio::test]
async fn the_doctor_looks_at_everything_else_when_a_store_fails() {
    let folder = tempfile::tempdir().unwrap();
    assert!(palimpsest(folder.path(), &["api-key", "list"], &[]).status.success());
    let (key, other) = (folder.path().join("master.key"), "0".repeat(64));
    let ours = std::fs::read(&key).unwrap();
    std::fs::write(&key, format!("palimpsest-master-key-1:{other}\n")).unwrap();
    let sick = palimpsest(folder.path(), &["doctor"], &[]);
    let words = told(&sick);
    assert!(!sick.status.success(), "{words}");
    for line in ["good  log ", "bad   vault ", "weak  Discord ", "weak  API keys "] {
        assert!(words.contains(line), "{line} in {words}");
    }
    std::fs::write(&key, ours).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let open = told(&palimpsest(folder.path(), &["doctor"], &[]));
    assert!(open.contains("weak  data directory   others may look into"), "{open}");
    let operational = folder.path().join("operational.db");
    std::fs::remove_file(&operational).unwrap();
    let lost = told(&palimpsest(folder.path(), &["doctor"], &[]));
    assert!(lost.contains("weak  operational") && !operational.exists(), "{lost}");
}

#[tokio::test]
async fn an_export_that_broke_off_does_not_block_the_next() {
    let folder = tempfile::tempdir().unwrap();
    assert!(palimpsest(folder.path(), &["api-key", "list"], &[]).status.success());
    std::fs::write(folder.path().join("log.ndjson.part"), "half a li").unwrap();
    let export = ["log", "export", "log.ndjson", "--json"];
    let done = palimpsest(folder.path(), &export, &[]);
    let answer: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let text = std::fs::read_to_string(folder.path().join("log.ndjson")).unwrap();
    assert_eq!(answer["position"], text.lines().count(), "{}", told(&done));
    assert!(!folder.path().join("log.ndjson.part").exists());
    let again = palimpsest(folder.path(), &export, &[]);
    assert!(!again.status.success() && told(&again).contains("there already"), "{}", told(&again));
}

/// A database of one's own, and a user with a password.
async fn database() -> String {
    let name = format!("c{}", uuid::Uuid::now_v7().simple());
    let server = postgres_url();
    let db = Database::connect(&server).await.expect("the PostgreSQL of the tests");
    for sql in [
        format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"),
        format!("CREATE DATABASE {name} OWNER {name}"),
    ] {
        db.execute_unprepared(&sql).await.expect("done");
    }
    db.close().await.expect("a connection that closes");
    let (host, rest) = server.rsplit_once('/').expect("a database in the address");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.rsplit_once("://").map_or(host, |(_, host)| host);
    let options = rest.split_once('?').map(|(_, options)| format!("?{options}"));
    format!("postgres://{name}:{PASSWORD}@{host}/{name}{}", options.unwrap_or_default())
}

/// Runs the program on this data directory; what is set on this machine does not matter.
fn palimpsest(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_platform"));
    let foreign = |name: &String| name.starts_with("PALIMPSEST_") || name.starts_with("DISCORD_");
    for name in std::env::vars().map(|(name, _)| name).filter(foreign) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    command.env("PALIMPSEST_DATA_DIR", data).current_dir(data).stdin(Stdio::null());
    command.output().expect("the command runs")
}

/// Everything it said.
fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it)).join("\n")
}
