//! The servers that `scripts/test` provides, and NATS servers of a test's own to kill and start again.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The shared NATS server: JetStream, `sync_interval: always`. Take streams of your own.
pub fn nats_url() -> String {
    provided("PALIMPSEST_TEST_NATS")
}

/// The monitoring endpoint of the shared NATS server.
pub fn nats_monitor_url() -> String {
    provided("PALIMPSEST_TEST_NATS_MONITOR")
}

/// The shared PostgreSQL server. Make a database or a schema of your own.
pub fn postgres_url() -> String {
    provided("PALIMPSEST_TEST_POSTGRES")
}

fn provided(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set. This test needs servers: run it by `scripts/test <filter>`")
    })
}

/// When JetStream calls fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before every acknowledgment.
    Always,
    /// Every two minutes, as nats-server does unless told.
    Default,
}

/// A NATS server of one's own, on free ports, with its data in a temporary folder.
/// Dropping it kills the server and removes the data.
#[derive(Debug)]
pub struct NatsServer {
    data: tempfile::TempDir,
    sync: Sync,
    max_payload: &'static str,
    /// Kept over a restart, so that clients find the server again.
    client_port: u16,
    monitor_port: u16,
    process: Process,
}

/// A child that does not outlive its owner.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl NatsServer {
    pub fn start(sync: Sync) -> Self {
        Self::start_with(sync, "1MB")
    }

    /// One that takes messages of this size at most.
    pub fn start_with(sync: Sync, max_payload: &'static str) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (process, client_port, monitor_port) = launch(data.path(), sync, max_payload, -1, -1);
        Self { data, sync, max_payload, client_port, monitor_port, process }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.client_port)
    }

    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// Ends the server without giving it a chance to tidy up (SIGKILL).
    pub fn kill(&mut self) {
        self.process.0.kill().expect("the server can be killed");
        self.process.0.wait().expect("the server has ended");
    }

    /// Starts a killed server again, on the same ports and the same data.
    pub fn start_again(&mut self) {
        let ports = (self.client_port.into(), self.monitor_port.into());
        let folder = self.data.path();
        (self.process, ..) = launch(folder, self.sync, self.max_payload, ports.0, ports.1);
    }
}

/// Returns once the server says that it is ready; -1 asks for a free port.
fn launch(
    data: &Path,
    sync: Sync,
    max_payload: &str,
    client: i32,
    monitor: i32,
) -> (Process, u16, u16) {
    let store = data.join("store");
    let config = data.join("nats.conf");
    let sync = if sync == Sync::Always { "sync_interval: always" } else { "" };
    let text = format!(
        "listen: \"127.0.0.1:{client}\"\nhttp: \"127.0.0.1:{monitor}\"\nmax_payload: {max_payload}\n\
         jetstream {{ store_dir: \"{}\"\n{sync} }}\n",
        store.display()
    );
    std::fs::write(&config, text).expect("the configuration can be written");

    let child = Command::new(provided("PALIMPSEST_TEST_NATS_SERVER"))
        .arg("--config")
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .expect("nats-server starts");
    let mut process = Process(child);
    let log = process.0.stderr.take().expect("its log is piped");
    let (lines, ready) = mpsc::channel();
    // The pipe is read to its end: a full one would stop the server.
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });

    let (mut client_port, mut monitor_port) = (0, 0);
    let mut seen = Vec::new();
    loop {
        let Ok(line) = ready.recv_timeout(Duration::from_secs(30)) else {
            panic!("nats-server did not become ready:\n{}", seen.join("\n"));
        };
        if line.contains("Listening for client connections on") {
            client_port = port_at_the_end(&line);
        } else if line.contains("Starting http monitor on") {
            monitor_port = port_at_the_end(&line);
        } else if line.contains("Server is ready") {
            return (process, client_port, monitor_port);
        }
        seen.push(line);
    }
}

fn port_at_the_end(line: &str) -> u16 {
    let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    port.unwrap_or_else(|| panic!("no port in: {line}"))
}
