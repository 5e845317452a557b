//! What people told the bot to do: be there, come back, stay away.

use domain::kernel::{Event, Recorded};
use domain::lifecycle::{Bot, BotEvent, Wanted};
use tokio::sync::watch;

/// Fed with the events of the log by whoever follows it; the bot obeys the newest.
#[derive(Debug, Clone)]
pub struct Orders {
    orders: watch::Sender<Order>,
    /// The newest commit that changed the workspace.
    revised: watch::Sender<u64>,
}

/// The newest word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    /// How often a restart was asked for.
    pub(crate) restarts: u64,
    /// Whether to leave at once, with work unfinished.
    pub(crate) force: bool,
    pub(crate) reason: String,
    /// The commit it stands in; 0 when it comes from memory.
    position: u64,
}

impl Default for Orders {
    fn default() -> Self {
        Self { orders: watch::Sender::new(Order::default()), revised: watch::Sender::new(0) }
    }
}

impl Orders {
    /// An event of the log, as it happened. Those that are no orders are passed over.
    pub fn heard(&self, recorded: &Recorded) {
        if matches!(recorded.event, Event::Workspace(..)) {
            self.revised.send_replace(recorded.position);
        }
        let Event::Bot(_, event) = &recorded.event else { return };
        let (force, reason, restart) = match event {
            BotEvent::RestartRequested { force, reason, .. } => (*force, reason, true),
            BotEvent::ShutdownRequested { force, reason, .. } => (*force, reason, false),
            BotEvent::Connected { .. } | BotEvent::Disconnected { .. } => return,
        };
        self.orders.send_if_modified(|order| {
            if recorded.position <= order.position {
                return false;
            }
            order.wanted = if restart { Wanted::Running } else { Wanted::Stopped };
            order.restarts += u64::from(restart);
            (order.force, order.position) = (force, recorded.position);
            order.reason.clone_from(reason);
            true
        });
    }

    /// What the bot was told before this process began.
    pub(crate) fn remember(&self, bot: &Bot, position: u64) {
        self.orders.send_if_modified(|order| {
            if position < order.position {
                return false;
            }
            (order.wanted, order.position) = (bot.wanted(), position);
            true
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Order> {
        self.orders.subscribe()
    }

    /// Tells when the workspace has changed.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revised.subscribe()
    }
}
