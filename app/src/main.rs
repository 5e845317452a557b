//! The program.

use clap::Parser;
use std::process::ExitCode;

use palimpsest::cli::Cli;

/// Many small values live shortly: events, rows, what scripts see.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(palimpsest::run(Cli::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("palimpsest: {error:#}");
            ExitCode::FAILURE
        }
    }
}
