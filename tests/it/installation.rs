//! An installation of the platform as a process of its own, to start and to kill.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::DateTime;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tests::services::{nats_monitor_url, nats_url};
use tests::simulators::discord::DiscordSimulator;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory, and what a process needs to know to work in it.
pub(super) struct Installation {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// A process that serves. Dropping it kills it.
pub(super) struct Running {
    process: Child,
    words: Receiver<String>,
    url: String,
    key: String,
    http: Client,
}

impl Installation {
    /// All stores are files.
    pub(super) fn embedded() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            folder,
            variables: vec![
                ("PALIMPSEST_API__RATE_LIMITS__ENABLED", "false".into()),
                ("PALIMPSEST_CONVERSATION__RATE_LIMITS__ENABLED", "false".into()),
            ],
        }
    }

    /// The log is on the shared NATS server, in a stream of its own.
    pub(super) fn on_jetstream() -> Self {
        let mut it = Self::embedded();
        let own = Uuid::now_v7().simple();
        it.variables.extend([
            ("PALIMPSEST_JETSTREAM__MONITORING", nats_monitor_url()),
            ("PALIMPSEST_JETSTREAM__PREFIX", format!("drill.{own}")),
            ("PALIMPSEST_JETSTREAM__STREAM", format!("DRILL-{own}")),
            ("PALIMPSEST_LOG", nats_url()),
        ]);
        it
    }

    /// The bot is at home on this Discord.
    pub(super) fn with(mut self, discord: &DiscordSimulator) -> Self {
        self.variables.push(("DISCORD_API_URL", discord.url()));
        self.variables.push(("DISCORD_BOT_TOKEN", discord.token()));
        self
    }

    /// With this setting from now on.
    pub(super) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.retain(|(it, _)| *it != name);
        self.variables.push((name, value.into()));
        self
    }

    /// A file of the data directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    /// What is set for its processes.
    pub(super) fn variable(&self, name: &str) -> String {
        let found = self.variables.iter().find(|(it, _)| *it == name);
        found.map(|(_, value)| value.clone()).expect("a variable that is set")
    }

    /// Starts to serve, and waits for the door to open.
    pub(super) fn start(&self) -> Running {
        let mut process = self.launch();
        let words = words_of(&mut process);
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        let url = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = words.recv_timeout(left) else {
                let _ = process.kill();
                panic!("the platform did not start:\n{}", said.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("serves on ") {
                break rest.split(' ').next().unwrap_or_default().to_owned();
            }
            said.push(line);
        };
        let key = std::fs::read_to_string(self.data().join("bootstrap-api-key"));
        let key = key.expect("the first key").trim().to_owned();
        Running { process, words, url, key, http: Client::new() }
    }

    /// Starts to serve, and is killed after this time, however far it came.
    pub(super) fn start_and_kill(&self, after: Duration) {
        let mut process = self.launch();
        let words = words_of(&mut process);
        let deadline = Instant::now() + after;
        while words.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        process.kill().expect("the process can be killed");
        process.wait().expect("the process has ended");
    }

    /// What a command of the command line says, if it succeeds.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output();
        let Output { status, stdout, stderr } = output.expect("the command runs");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{arguments:?} ended with {status}:\n{stdout}\n{stderr}");
        stdout.into_owned()
    }

    /// What a command of the command line says, whose exit code tells of trouble.
    pub(super) fn run_in_vain(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output();
        let Output { status, stdout, stderr } = output.expect("the command runs");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!status.success(), "{arguments:?} went well:\n{stdout}\n{stderr}");
        format!("{stdout}\n{stderr}")
    }

    /// The files of the log, while no process works with it.
    pub(super) fn copy_log(&self, to: &Path) {
        copy_files(&self.data(), to, |name| name.starts_with("log.db"));
    }

    /// Puts these files in the place of the log's, while no process works with it.
    pub(super) fn put_back_log(&self, from: &Path) {
        for ending in ["", "-shm", "-wal"] {
            // It may not be there.
            let _ = std::fs::remove_file(self.data().join(format!("log.db{ending}")));
        }
        copy_files(from, &self.data(), |name| name.starts_with("log.db"));
    }

    /// Another installation with the same files, while no process works with them.
    pub(super) fn twin(&self) -> Self {
        let twin = Self { variables: self.variables.clone(), ..Self::embedded() };
        std::fs::create_dir(twin.data()).expect("a folder");
        copy_files(&self.data(), &twin.data(), |_| true);
        twin
    }

    /// What its processes wrote about themselves.
    pub(super) fn log_text(&self) -> String {
        let entries = std::fs::read_dir(self.data().join("logs")).expect("the application log");
        let texts = entries.map(|it| std::fs::read_to_string(it.expect("an entry").path()));
        texts.map(|text| text.expect("a text")).collect()
    }

    /// Whether a process wrote this about itself.
    pub(super) fn logged(&self, words: &str) -> bool {
        self.log_text().contains(words)
    }

    /// Removes what can be rebuilt; how many files that were.
    pub(super) fn lose_the_views(&self) -> usize {
        let entries = std::fs::read_dir(self.data()).expect("the data directory");
        let paths = entries.map(|it| it.expect("an entry").path());
        let views: Vec<_> = paths.filter(|path| is_views(path)).collect();
        for path in &views {
            std::fs::remove_file(path).expect("a file goes away");
        }
        views.len()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn launch(&self) -> Child {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        command.spawn().expect("the platform starts")
    }

    /// What is set on this machine does not matter here.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_platform"));
        let foreign =
            |name: &String| name.starts_with("PALIMPSEST_") || name.starts_with("DISCORD_");
        for name in std::env::vars().map(|(name, _)| name).filter(foreign) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PALIMPSEST_DATA_DIR", self.data()).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }
}

/// Copies the files of a folder whose names are like this.
fn copy_files(from: &Path, to: &Path, like: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_file() && like(&name.to_string_lossy()) {
            std::fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}

impl Running {
    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.process.kill().expect("the platform can be killed");
        self.process.wait().expect("the platform has ended");
    }

    /// Ends as a process does that is told to.
    pub(super) fn end(mut self) {
        let told = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(told.expect("kill runs").success(), "the platform can be told");
        let status = self.process.wait().expect("the platform has ended");
        assert!(status.success(), "{status}");
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.key, method, path)
    }

    /// A request of somebody else.
    pub(super) fn request_as(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(key)
    }

    /// The `data` of an answer; none when the connection broke.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Option<Value> {
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let mut body: Value = answer.json().await.ok()?;
        assert!(status.is_success(), "{status}: {body}");
        Some(body["data"].take())
    }

    /// Asks for the health until it is like this: status and body.
    pub(super) async fn until_ready_is(&self, like: impl Fn(u16, &Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.http.get(format!("{}/health/ready", self.url)).send().await;
            let answer = answer.expect("an answer");
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.expect("JSON");
            if like(status, &body) {
                return body;
            }
            assert!(Instant::now() < deadline, "waited in vain: {status} {body}");
        }
    }

    /// Imports a file to its end.
    pub(super) async fn import(&self, file: String) -> Value {
        let upload = self.request(Method::POST, "/imports").body(file);
        let upload = upload.header("content-type", "application/octet-stream");
        let started = self.ask(upload).await.expect("an answer");
        let path = format!("/imports/{}", word(&started, "import_id"));
        self.until(&path, |state| !["queued", "running"].contains(&word(state, "status"))).await
    }

    /// Asks again and again until the answer is like this.
    pub(super) async fn until(&self, path: &str, like: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.ask(self.request(Method::GET, path)).await.expect("an answer");
            if like(&state) {
                return state;
            }
            let in_time = Instant::now() < deadline;
            let said = || self.words.try_iter().collect::<Vec<_>>().join("\n");
            assert!(in_time, "waited in vain at {path}: {state}\n{}", said());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A text in an answer.
pub(super) fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// An export with so many messages, in a channel of its own.
pub(super) fn export(channel: u64, messages: u64) -> String {
    let message = |n: u64| {
        let ms = channel * 100_000 + n;
        let time = i64::try_from(ms + 1_420_070_400_000).ok();
        let time = time.and_then(DateTime::from_timestamp_millis).expect("a time");
        json!({
            "id": (ms << 22).to_string(),
            "type": "Default",
            "timestamp": time.to_rfc3339(),
            "content": format!("message {n} of channel {channel}"),
            "author": { "id": (100 + n % 7).to_string(), "name": "somebody", "isBot": false },
        })
    };
    let all: Vec<_> = (1..=messages).map(message).collect();
    json!({
        "guild": { "id": "100", "name": "The past" },
        "channel": { "id": channel.to_string(), "type": "GuildTextChat", "name": "then" },
        "messages": all,
        "messageCount": messages,
    })
    .to_string()
}

fn is_views(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("views"))
}

/// What a process says on its standard error; the pipe is read to its end.
fn words_of(process: &mut Child) -> Receiver<String> {
    let lines = BufReader::new(process.stderr.take().expect("a pipe"));
    let (sender, words) = channel();
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    words
}
