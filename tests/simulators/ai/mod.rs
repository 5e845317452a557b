//! AI providers: OpenAI's chat completions and Anthropic's messages, streamed, as a test wants them.
//!
//! It holds requests against the protocols and answers 400 where the real ones would.

mod anthropic;
mod openai;
mod script;
mod server;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use script::Said;

/// The key that it takes; of no use anywhere else.
pub const KEY: &str = "simulated-0123456789abcdef0123456789abcdef";

/// A provider that runs until it is dropped.
pub struct AiSimulator {
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

/// What it shall say, and what it was asked.
struct State {
    script: Mutex<std::collections::VecDeque<Said>>,
    requests: watch::Sender<Vec<Value>>,
}

impl AiSimulator {
    pub async fn start() -> Self {
        let state =
            Arc::new(State { script: Mutex::default(), requests: watch::Sender::new(Vec::new()) });
        let (address, server) = server::start(state.clone()).await.expect("a free port");
        Self { url: format!("http://{address}/v1"), state, server }
    }

    /// What to set as the address of the provider.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it says next, after what it was told before. Left alone it says that it is lost.
    pub fn says(&self, said: impl IntoIterator<Item = Said>) {
        self.state.script().extend(said);
    }

    /// What it was asked, oldest first: the bodies of requests with a key that it takes.
    pub fn requests(&self) -> Vec<Value> {
        self.state.requests.borrow().clone()
    }

    /// Waits until it was asked so often.
    pub async fn asked(&self, times: usize) {
        let mut requests = self.state.requests.subscribe();
        requests.wait_for(|all| all.len() >= times).await.expect("it runs");
    }
}

impl Drop for AiSimulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    fn script(&self) -> std::sync::MutexGuard<'_, std::collections::VecDeque<Said>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: Value) -> Said {
        self.requests.send_modify(|all| all.push(request));
        self.script().pop_front().unwrap_or_else(|| Said::text("I am lost."))
    }
}
