//! What the server and the stream must be like, so that nothing acknowledged is lost.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

use domain::kernel::{LogError, MAX_COMMIT_BYTES};

use super::connection::Connection;
use super::{Options, Subjects};

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The server acknowledges before it syncs: a power loss takes the newest commits.
    Relaxed { replicas: usize },
    /// The server syncs before it acknowledges.
    Synced { replicas: usize },
    /// No monitoring address is configured, so nobody could ask.
    Unknown { replicas: usize },
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |replicas: &usize| match replicas {
            1 => "one server".to_owned(),
            many => format!("{many} servers"),
        };
        match self {
            Self::Relaxed { replicas } => {
                let on = on(replicas);
                write!(f, "relaxed: {on}, acknowledging before it is on disk (sync_interval)")
            }
            Self::Synced { replicas } => {
                write!(f, "synced: {}, acknowledging what is on disk", on(replicas))
            }
            Self::Unknown { replicas } => {
                write!(f, "unknown: {}, and no monitoring address to ask for", on(replicas))?;
                f.write_str(" sync_interval")
            }
        }
    }
}

/// Makes the stream, or checks the one that is there; answers its number of replicas.
pub(super) async fn ensure(
    connection: &Connection,
    context: &jetstream::Context,
    options: &Options,
) -> Result<usize, LogError> {
    let client = &connection.client;
    if !client.is_server_compatible(2, 12, 3) {
        let version = client.server_info().version;
        let old = format!("the NATS server is version {version}; older than 2.12.3 loses commits");
        return Err(LogError::unavailable(old));
    }
    let config = match context.get_stream(&options.stream).await {
        Ok(stream) => stream.cached_info().config.clone(),
        Err(error) if is_missing(&error.kind()) => create(context, options).await?,
        Err(error) => return Err(LogError::unavailable(error)),
    };
    let weak = weaknesses(&config, options);
    if weak.is_empty() {
        return Ok(config.num_replicas);
    }
    let (name, weak) = (&options.stream, weak.join("; "));
    Err(LogError::unavailable(format!("the stream {name} is too weak to hold a log: {weak}")))
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    let code = ErrorCode::STREAM_NOT_FOUND;
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == code)
}

async fn create(context: &jetstream::Context, options: &Options) -> Result<Config, LogError> {
    let error = match context.create_stream(wanted(options)).await {
        Ok(stream) => return Ok(stream.cached_info().config.clone()),
        Err(error) => error,
    };
    // Perhaps another process was faster.
    let made = context.get_stream(&options.stream).await;
    let made = made.map(|stream| stream.cached_info().config.clone());
    let failed = format!("the stream {} cannot be made: {error}", options.stream);
    made.map_err(|_| LogError::unavailable(failed))
}

fn wanted(options: &Options) -> Config {
    Config {
        name: options.stream.clone(),
        description: Some("The event log of Palimpsest: the only truth, append only".into()),
        subjects: vec![Subjects::all(&options.prefix)],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_age: Duration::ZERO,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        num_replicas: options.replicas,
        duplicate_window: options.duplicate_window,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}

/// Each setting that is weaker than a log needs, and how to mend it.
fn weaknesses(config: &Config, options: &Options) -> Vec<String> {
    let edit = |flags: &str| format!("mend it: nats stream edit {} {flags}", config.name);
    let anew = "it cannot be changed: copy the log to a new stream";
    let all = Subjects::all(&options.prefix);
    let size = usize::try_from(config.max_message_size).unwrap_or(0);
    let checks = [
        (config.storage != StorageType::File, "it is kept in memory only", anew.into()),
        (
            config.retention != RetentionPolicy::Limits,
            "it drops commits that were consumed (retention)",
            edit("--retention=limits"),
        ),
        (
            config.discard != DiscardPolicy::New,
            "it drops old commits when it is full (discard)",
            edit("--discard=new"),
        ),
        (!config.max_age.is_zero(), "it drops old commits (max_age)", edit("--max-age=0")),
        (
            config.max_messages_per_subject > 0,
            "it drops old commits of an aggregate (max_msgs_per_subject)",
            edit("--max-msgs-per-subject=-1"),
        ),
        (!config.deny_delete, "commits can be deleted (deny_delete is off)", anew.into()),
        (!config.deny_purge, "commits can be purged (deny_purge is off)", anew.into()),
        (config.allow_rollup, "commits can be rolled up (allow_rollup)", edit("--no-allow-rollup")),
        (config.allow_message_ttl, "commits can expire (allow_msg_ttl)", anew.into()),
        (!config.allow_direct, "it cannot be read directly", edit("--allow-direct")),
        (
            config.persist_mode == Some(PersistenceMode::Async),
            "it acknowledges before it stores (persist_mode: async)",
            anew.into(),
        ),
        (config.no_ack, "it does not acknowledge (no_ack)", edit("--ack")),
        (config.sealed, "it is sealed, and takes no commits", anew.into()),
        (
            config.mirror.is_some() || config.sources.is_some(),
            "it is filled from other streams (mirror, sources)",
            anew.into(),
        ),
        (
            config.subject_transform.is_some(),
            "it changes subjects (subject_transform)",
            anew.into(),
        ),
        (
            config.subjects != [all.as_str()],
            "its subjects are not those of the log",
            edit(&format!("--subjects='{all}'")),
        ),
        (
            (1..MAX_COMMIT_BYTES).contains(&size),
            "it refuses large commits (max_msg_size)",
            edit("--max-msg-size=-1"),
        ),
        (
            config.num_replicas < options.replicas,
            "it has fewer replicas than configured",
            edit(&format!("--replicas={}", options.replicas)),
        ),
    ];
    let weak = checks.into_iter().filter(|(is_weak, ..)| *is_weak);
    weak.map(|(_, what, mend)| format!("{what}; {mend}")).collect()
}

/// Asks the monitoring endpoint, if there is one, when the server syncs.
pub(super) async fn durability(options: &Options, replicas: usize) -> Result<Durability, LogError> {
    let Some(monitor) = &options.monitor else {
        tracing::warn!(
            "whether NATS syncs before it acknowledges is not known: set its monitoring address, \
             and `sync_interval: always` in its jetstream block"
        );
        return Ok(Durability::Unknown { replicas });
    };
    if syncs_always(monitor).await.map_err(LogError::unavailable)? {
        return Ok(Durability::Synced { replicas });
    }
    if replicas == 1 && !options.allow_relaxed {
        return Err(LogError::unavailable(
            "NATS acknowledges commits before they are on disk, and keeps them on one server \
             only: set `sync_interval: always` in its jetstream block, or allow a relaxed log",
        ));
    }
    tracing::warn!(replicas, "NATS acknowledges commits before they are on disk");
    Ok(Durability::Relaxed { replicas })
}

async fn syncs_always(monitor: &str) -> reqwest::Result<bool> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let facts = client.get(format!("{}/jsz", monitor.trim_end_matches('/'))).send().await?;
    let facts: serde_json::Value = facts.error_for_status()?.json().await?;
    Ok(facts.pointer("/config/sync_always") == Some(&serde_json::Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_strong_enough() {
        let options = Options::default();
        assert_eq!(weaknesses(&wanted(&options), &options), Vec::<String>::new());
    }

    #[test]
    fn each_weak_setting_is_named_with_its_remedy() {
        let options = Options { replicas: 3, ..Options::default() };
        let config = Config {
            name: "PALIMPSEST".into(),
            storage: StorageType::Memory,
            max_age: Duration::from_mins(1),
            ..Config::default()
        };
        let weak = weaknesses(&config, &options);
        assert!(weak.iter().any(|it| it.starts_with("it is kept in memory only;")), "{weak:?}");
        let age = "it drops old commits (max_age); \
                   mend it: nats stream edit PALIMPSEST --max-age=0";
        assert!(weak.iter().any(|it| it == age), "{weak:?}");
        assert!(weak.iter().any(|it| it.contains("--replicas=3")), "{weak:?}");
    }
}
