//! The built program on a data directory, seen from outside.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::built;

/// How long a first start may build its views.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) struct Server {
    process: Child,
    /// host:port
    pub(crate) address: String,
    /// From the start of the process until it said that it is ready.
    pub(crate) took: Duration,
}

pub(crate) async fn build() -> Result<PathBuf> {
    built::release("../Cargo.toml", "palimpsest").await
}

impl Server {
    pub(crate) async fn start(binary: &Path, data: &Path) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        drop(listener);
        let begun = Instant::now();
        let process = Command::new(binary)
            .arg("--data-dir")
            .arg(data)
            .args(["--listen", &address, "--reactors-from", "head"])
            .env("PALIMPSEST_API__RATE_LIMITS__ENABLED", "false")
            .env("PALIMPSEST_CONVERSATION__RATE_LIMITS__ENABLED", "false")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut server = Self { process, address, took: Duration::ZERO };
        while !server.is_ready().await {
            ensure!(begun.elapsed() < PATIENCE, "the server did not become ready");
            ensure!(server.process.try_wait()?.is_none(), "the server has ended");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.took = begun.elapsed();
        Ok(server)
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut client) = Client::connect(&self.address).await else { return false };
        client.get("/health/ready", None).await.is_ok_and(|(status, _)| status == 200)
    }

    /// The memory it holds now.
    pub(crate) fn memory_mb(&self) -> Result<f64> {
        let pid = self.process.id().context("the server runs")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held = held.and_then(|it| it.trim().strip_suffix(" kB")).context("Linux tells it")?;
        Ok(held.trim().parse::<f64>()? / 1024.0)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.process.id().context("the server runs")?;
        Command::new("kill").arg(pid.to_string()).status().await?;
        self.process.wait().await?;
        Ok(())
    }
}

/// The least of an HTTP client: one connection, kept open, one request at a time.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        Ok(Self(BufReader::new(connection)))
    }

    pub(crate) async fn get(&mut self, path: &str, bearer: Option<&str>) -> Result<(u16, Vec<u8>)> {
        let bearer = bearer.map(|it| format!("Authorization: Bearer {it}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n");
        self.0.write_all(request.as_bytes()).await?;

        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).context("a status line")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).await?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((status, body))
    }
}
