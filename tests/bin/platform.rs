//! The platform, built beside the tests, for tests that start it and kill it.

use std::process::ExitCode;

use clap::Parser;
use palimpsest::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(palimpsest::run(Cli::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("platform: {error:#}");
            ExitCode::FAILURE
        }
    }
}
