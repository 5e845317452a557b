//! Runs what may take very long on a thread of its own, and waits for it only so long.
//!
//! Nothing can end a thread from outside. One that is not waited for any more runs to its end; so
//! that they do not become many, nothing new is begun while some of them run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How many threads may run that nobody waits for.
const MOST_OVERDUE: usize = 2;

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    Done(T),
    /// It panicked, or there was no thread for it.
    Failed,
    TooLong,
    /// Too much of what was begun before still runs.
    Busy,
}

/// `overdue` counts what nobody waits for any more.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    stack: usize,
    overdue: &'static AtomicUsize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Ended<T> {
    if overdue.load(Ordering::SeqCst) >= MOST_OVERDUE {
        return Ended::Busy;
    }
    let (tell, told) = sync_channel(1);
    let parted = Arc::new(AtomicBool::new(false));
    let end = End { parted: parted.clone(), overdue };
    let work = move || {
        let _end = end;
        // Who does not wait any more does not hear it.
        let _ = tell.send(work());
    };
    if thread::Builder::new().stack_size(stack).spawn(work).is_err() {
        return Ended::Failed;
    }
    match told.recv_timeout(limit) {
        Ok(done) => Ended::Done(done),
        Err(RecvTimeoutError::Disconnected) => Ended::Failed,
        Err(RecvTimeoutError::Timeout) => {
            overdue.fetch_add(1, Ordering::SeqCst);
            if parted.swap(true, Ordering::SeqCst) {
                // It ended in this moment.
                overdue.fetch_sub(1, Ordering::SeqCst);
            }
            Ended::TooLong
        }
    }
}

/// The end of the thread, also by a panic. Of it and whoever waits, the second to let go knows that
/// it is.
struct End {
    parted: Arc<AtomicBool>,
    overdue: &'static AtomicUsize,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.parted.swap(true, Ordering::SeqCst) {
            self.overdue.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    const STACK: usize = 256 * 1024;
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_done_in_time_is_answered() {
        static OVERDUE: AtomicUsize = AtomicUsize::new(0);
        assert_eq!(within(LONG, STACK, &OVERDUE, || 7), Ended::Done(7));
        let panics = || -> u8 { panic!("on purpose") };
        assert_eq!(within(LONG, STACK, &OVERDUE, panics), Ended::Failed);
        assert_eq!(OVERDUE.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn what_takes_too_long_is_not_waited_for_and_not_begun_again_and_again() {
        static OVERDUE: AtomicUsize = AtomicUsize::new(0);
        let stuck = || {
            let (end, ends) = channel::<()>();
            // Until its other end is dropped.
            assert_eq!(
                within(SHORT, STACK, &OVERDUE, move || ends.recv().is_err()),
                Ended::TooLong
            );
            end
        };
        let held: [Sender<()>; MOST_OVERDUE] = [stuck(), stuck()];
        assert_eq!(within(LONG, STACK, &OVERDUE, || 7), Ended::Busy);
        drop(held);
        while OVERDUE.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        assert_eq!(within(LONG, STACK, &OVERDUE, || 7), Ended::Done(7));
    }
}
