//! What behaviors did on Discord, as the read models have it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{BehaviorId, ChannelId, DiscordUserId, Undo};
use uuid::Uuid;

use crate::CommandError;

/// Behaviors from one revision on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// None: all of them.
    pub behavior: Option<BehaviorId>,
    pub from: u64,
    pub before: Option<u64>,
}

/// Which effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that nothing takes back.
    Lasting,
    /// Those that worked only in part.
    Troubled,
    /// Those that can be taken back, and are not yet.
    Undoable,
}

/// Something that a behavior did, or of which nobody knows whether it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub behavior: BehaviorId,
    pub call: Uuid,
    /// Its place among the actions of the call.
    pub action: u32,
    /// `reply`, `add_role` …
    pub kind: String,
    pub at: DateTime<Utc>,
    pub channel: Option<ChannelId>,
    /// Whom it was done to, or who called the behavior.
    pub user: Option<DiscordUserId>,
    pub outside_id: Option<String>,
    /// What did not work of it.
    pub trouble: Option<String>,
    /// What takes it back, or why nothing does.
    pub undo: Result<Undo, String>,
}

/// How many effects there are, by kind; without those that are being taken back, or were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    pub undoable: BTreeMap<String, u64>,
    pub lasting: BTreeMap<String, u64>,
}

impl Sums {
    /// How many can be taken back.
    pub fn can(&self) -> u64 {
        self.undoable.values().sum()
    }

    /// How many cannot.
    pub fn cannot(&self) -> u64 {
        self.lasting.values().sum()
    }
}

/// See the module.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Waits a moment until the read models hold this position.
    async fn shown(&self, position: u64);

    /// The files that a revision changed, and for each the next revision that did.
    async fn changed_in(&self, revision: u64) -> Result<Vec<(String, Option<u64>)>, CommandError>;

    /// A part of the effects, the newest first, and how many there are.
    async fn list(
        &self,
        spans: &[Span],
        which: Which,
        limit: u64,
        offset: u64,
    ) -> Result<(Vec<Effect>, u64), CommandError>;

    /// The effects that these calls had, the newest first.
    async fn of_calls(&self, spans: &[Span], calls: Vec<Uuid>)
    -> Result<Vec<Effect>, CommandError>;

    /// How many there are.
    async fn sums(&self, spans: &[Span]) -> Result<Sums, CommandError>;
}
