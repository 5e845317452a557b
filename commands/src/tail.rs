//! Watches the log for what other processes wrote, so that nothing in memory stays old.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Codec, EventLog, Journal, LogError, Recorded, StreamId};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::behaviors::Registries;
use crate::conversation::RecentTurns;
use crate::identity::policies::News;
use crate::ports::Snapshots;
use crate::{Executors, describe};

/// The pause before a log that failed is followed again.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module.
pub struct Tail {
    pub executors: Executors,
    pub journal: Journal,
    /// Of the workspace, for whoever keeps what follows from it.
    pub news: News,
    pub recent: RecentTurns,
    pub registries: Registries,
    pub snapshots: Arc<dyn Snapshots>,
    /// Hears what happens to the bot and to the workspace.
    pub hear: Arc<dyn Fn(&Recorded) + Send + Sync>,
}

impl Tail {
    /// Runs until it is told to stop. Whatever is in memory when it starts must be younger than
    /// the position it starts after.
    pub async fn run(self, mut after: u64, stop: CancellationToken) {
        loop {
            let followed = tokio::select! {
                () = stop.cancelled() => return,
                followed = self.follow(&mut after) => followed,
            };
            if let Err(error) = followed {
                tracing::warn!(error = %describe(&error), "the log cannot be followed, trying again");
                self.begin_anew(&mut after).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Forgets what was remembered of a longer log, if an earlier one was put in its place.
    async fn begin_anew(&self, after: &mut u64) {
        let head = self.journal.log().head().await;
        if let Some(head) = head.ok().filter(|head| *head < *after) {
            tracing::warn!(head, was = *after, "an earlier log was put in the place of this one");
            self.executors.forget_all();
            self.recent.forget();
            self.registries.forget().await;
            self.news.stir();
            if let Err(error) = self.snapshots.forget_after(head).await {
                tracing::warn!(error = %describe(&error), "snapshots of a longer log may be left");
            }
            *after = head;
        }
    }

    async fn follow(&self, after: &mut u64) -> Result<(), LogError> {
        let log: &dyn EventLog = self.journal.log().as_ref();
        let mut pages = log.follow(*after);
        while let Some(page) = pages.next().await {
            for commit in page?.commits {
                *after = commit.position;
                // What cannot be read is the projector's to complain about.
                let Ok(body) = Codec::parse(&commit) else { continue };
                let Some(stream) = StreamId::named(body.stream.as_ref()) else { continue };
                self.executors.observe(&stream, commit.position).await;
                match stream.kind() {
                    kind @ ("bot" | "workspace") => {
                        if kind == "workspace" {
                            self.news.stir();
                        }
                        let events = self.journal.decode(std::slice::from_ref(&commit)).await?;
                        for recorded in &events {
                            (self.hear)(recorded);
                        }
                    }
                    "person" => {
                        self.journal.codec().forget_keys();
                        self.recent.forget();
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
