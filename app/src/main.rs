//! The program.

use clap::Parser;
use std::process::ExitCode;

use palimpsest::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match palimpsest::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("palimpsest: {error:#}");
            ExitCode::FAILURE
        }
    }
}
