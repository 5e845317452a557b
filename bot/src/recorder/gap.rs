//! What may be missing from the record of a channel. The router opens gaps, the lane closes them.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::kernel::MessageId;
use tokio::sync::Notify;

/// Counts instead of flags: a gap that opens while an older one is being closed stays open.
#[derive(Debug)]
pub(super) struct Gap {
    /// How often something was lost.
    opened: AtomicU64,
    /// Up to which loss there is something to be read by now.
    due: AtomicU64,
    /// The newest message that is known to exist.
    newest: AtomicU64,
    pub(super) wake: Notify,
}

impl Gap {
    /// A channel that was just met: what was said there before is not known yet.
    pub(super) fn new(newest: MessageId) -> Self {
        Self {
            opened: AtomicU64::new(1),
            due: AtomicU64::new(1),
            newest: AtomicU64::new(newest.0),
            wake: Notify::new(),
        }
    }

    /// Something may be missing from here on.
    pub(super) fn open(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on, what is new comes live: what is missing can be read. Nothing newer than
    /// `newest` is missing, if that is known.
    pub(super) fn fill(&self, newest: Option<MessageId>) {
        self.newest.fetch_max(newest.map_or(u64::MAX, |id| id.0), Ordering::SeqCst);
        self.due.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// How often something was lost so far.
    pub(super) fn losses(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    /// The losses that can be made up for now.
    pub(super) fn due(&self) -> u64 {
        self.due.load(Ordering::SeqCst)
    }

    /// Whether everything up to this message is all there is.
    pub(super) fn ends_at(&self, message: MessageId) -> bool {
        message.0 >= self.newest.load(Ordering::SeqCst)
    }
}
