//! A part of the platform: something that runs until it is told to stop.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a part may take to end once it was told to; what is left then is made up for at the
/// next start.
pub(crate) const END: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    pub(crate) deadline: Duration,
}

impl Part {
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        run: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { name, stop, task, deadline: END }
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        match tokio::time::timeout(self.deadline, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(part = self.name, %error, "ended badly"),
            Err(_) => {
                tracing::error!(part = self.name, "does not end and is left behind");
                self.task.abort();
            }
        }
    }
}
