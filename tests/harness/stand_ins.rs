//! What stands behind a port where the real thing is not what is tested.

use std::sync::Mutex;

use api::{Checks, Condition, Health};
use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Access, Answer, ChatModel, Grant, OAuth, Prompt};
use domain::kernel::Actor;
use projections::{LivePointer, PointerError};

/// Which generation is live, in memory.
#[derive(Default)]
pub struct Pointer(Mutex<Option<u64>>);

#[async_trait]
impl LivePointer for Pointer {
    async fn get(&self) -> Result<Option<u64>, PointerError> {
        Ok(*self.0.lock().expect("a number"))
    }

    async fn switch(&self, from: Option<u64>, to: u64) -> Result<bool, PointerError> {
        let mut number = self.0.lock().expect("a number");
        let moves = *number == from;
        if moves {
            *number = Some(to);
        }
        Ok(moves)
    }
}

impl Pointer {
    /// As if the store that holds it was lost.
    ///
    /// # Panics
    /// If another thread panicked while it held the number.
    pub fn forget(&self) {
        *self.0.lock().expect("a number") = None;
    }
}

/// Repeats what was said; falls over when told to.
pub(crate) struct Echo;

#[async_trait]
impl ChatModel for Echo {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError> {
        assert!(prompt.text != "fall over", "a secret inside");
        let text = format!("You said: {}", prompt.text);
        Ok(Answer {
            text,
            provider: "echo".into(),
            model: "echo-1".into(),
            tokens_out: 3,
            ..Answer::default()
        })
    }
}

/// Discord agrees to everything.
pub(crate) struct Willing;

#[async_trait]
impl OAuth for Willing {
    fn install_url(&self, state: &str) -> Result<String, CommandError> {
        Ok(format!("https://discord.example/authorize?state={state}"))
    }

    async fn redeem(&self, _: &str) -> Result<Grant, CommandError> {
        let guild = Some(("42".to_owned(), "Home".to_owned()));
        Ok(Grant { secret: b"tokens".to_vec(), scope: "bot".into(), guild })
    }
}

/// There are always others.
pub struct Nobody;

#[async_trait]
impl Access for Nobody {
    async fn is_only_administrator(&self, _: &Actor) -> Result<bool, CommandError> {
        Ok(false)
    }
}

/// All that can be asked is well.
pub(crate) struct Well;

#[async_trait]
impl Health for Well {
    async fn checks(&self) -> Checks {
        let (log, discord) = (Condition::Healthy, Condition::Disabled);
        let (operational, vault) = (Condition::Healthy, Condition::Healthy);
        Checks { log, operational, vault, discord, ai_services: Condition::Disabled }
    }
}
