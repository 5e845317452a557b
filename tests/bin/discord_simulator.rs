//! The Discord simulator as a program, for shells and for bots in other processes.
//!
//! `discord-simulator [address]` prints one line of JSON with `url`, `gateway` and `token`, and
//! runs until it is interrupted. It is played over `POST /_sim/<act>`. It ends with 1 when the
//! bot has broken Discord's document.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use tests::simulators::discord::DiscordSimulator;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let address: Option<SocketAddr> = std::env::args().nth(1).map(|it| it.parse()).transpose()?;
    let mut builder = DiscordSimulator::builder();
    if let Some(address) = address {
        builder = builder.listen(address);
    }
    let discord = builder.start().await?;
    let facts = serde_json::json!({
        "url": discord.url(),
        "gateway": discord.gateway_url(),
        "token": discord.token(),
    });
    writeln!(io::stdout(), "{facts}")?;

    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    let violations = discord.violations();
    for violation in &violations {
        writeln!(io::stderr(), "{violation}")?;
    }
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
