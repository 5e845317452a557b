//! Imports a file into the installation in a folder, and says how many messages are recorded; made to be killed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use commands::discord::Observations;
use commands::discord::imports::{ImportReport, Imports, Progress};
use commands::ports::Caller;
use domain::identity::Permissions;
use domain::kernel::{Actor, Cause, Source};
use tests::embedded::Embedded;
use uuid::Uuid;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, folder, file] = &arguments[..] else { panic!("import-export <folder> <file>") };
    let platform = Embedded::open(Path::new(folder)).await;
    let observations = Observations {
        channels: platform.executors.channels.clone(),
        guilds: platform.executors.guilds.clone(),
        journal: platform.journal.clone(),
    };
    let cause = Cause::asked(Actor::system("import"), Uuid::now_v7(), Source::Cli);
    let caller = Caller::new(cause, Permissions::all(), [].into());
    let say: Progress = Arc::new(|report: &ImportReport| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", report.messages).expect("somebody listens");
    });
    let report = Imports { observations }.import(&caller, file, Path::new(file), &say).await;
    report.expect("the import");
}
