//! Follows the log once for all clients, a step behind the read models.

use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{ChainHash, Event, Journal, Recorded};
use domain::lifecycle::BotEvent;
use futures_util::StreamExt;
use projections::Generations;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::messages;
use crate::request;

/// How long the read models are waited for before an event is told anyway.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before following is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Something to tell.
#[derive(Debug)]
pub(crate) struct News {
    pub(super) kind: String,
    pub(super) stream: String,
    /// Whether only those may hear it who may read the log.
    pub(super) of_log: bool,
    pub(super) text: String,
}

/// Where clients listen.
#[derive(Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<News>>,
}

impl Feed {
    /// Begins to follow, until told to stop.
    pub(crate) fn start(
        journal: Journal,
        views: Generations,
        stop: CancellationToken,
        buffer: usize,
    ) -> Self {
        let (sender, _) = broadcast::channel(buffer.max(1));
        let feed = Self { sender };
        let told = feed.clone();
        tokio::spawn(async move {
            stop.run_until_cancelled_owned(told.follow(journal, views)).await;
        });
        feed
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<News>> {
        self.sender.subscribe()
    }

    async fn follow(self, journal: Journal, views: Generations) {
        let mut after = None;
        loop {
            let start = match after {
                Some(position) => Ok(position),
                None => journal.log().head().await,
            };
            match start {
                Ok(position) => after = Some(self.follow_from(&journal, &views, position).await),
                Err(error) => tracing::warn!(%error, "the log's end is unknown to /ws"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Tells what comes after a position, and answers how far it came.
    async fn follow_from(&self, journal: &Journal, views: &Generations, mut at: u64) -> u64 {
        // Nobody looks at the chain's value here.
        let mut pages = journal.follow(at, ChainHash::default());
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, position = at, "/ws lost the log");
                    return at;
                }
            };
            at = page.position;
            if self.sender.receiver_count() == 0 {
                continue;
            }
            views.wait_for(at, PATIENCE).await;
            page.events.iter().for_each(|recorded| self.tell(recorded));
        }
        at
    }

    fn tell(&self, recorded: &Recorded) {
        let kind = recorded.event.type_name();
        let stream = recorded.stream.to_string();
        let text = messages::event(recorded.to_cloud_event());
        let news = News { kind, stream: stream.clone(), of_log: true, text };
        let _nobody_listens = self.sender.send(Arc::new(news));
        if let Event::Bot(_, event) = &recorded.event {
            let timestamp = request::shown(recorded.recorded_at);
            let text = messages::bot_status(status(event), &timestamp);
            let news = News { kind: "bot.status".to_owned(), stream, of_log: false, text };
            let _nobody_listens = self.sender.send(Arc::new(news));
        }
    }
}

/// The bot's status after this event.
fn status(event: &BotEvent) -> &'static str {
    match event {
        BotEvent::Connected { .. } => "online",
        BotEvent::Disconnected { .. } => "offline",
        BotEvent::RestartRequested { .. } => "restarting",
        BotEvent::ShutdownRequested { .. } => "stopping",
    }
}
