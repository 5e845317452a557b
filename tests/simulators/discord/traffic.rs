//! What the bot asked over REST, and what it should not have asked.

use std::fmt;

use serde_json::Value;

/// One request of the bot and how it was answered.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// The path as Discord's document writes it, with its parameters named.
    pub route: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
    pub status: u16,
}

/// Something that Discord's document does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub method: String,
    pub path: String,
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.method, self.path, self.reason)
    }
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: Vec<Request>,
    violations: Vec<Violation>,
    read: usize,
}

impl Traffic {
    pub(super) fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// Every violation so far; from now on they count as read.
    pub(super) fn read_violations(&mut self) -> Vec<Violation> {
        self.read = self.violations.len();
        self.violations.clone()
    }

    pub(super) fn unread_violations(&self) -> &[Violation] {
        &self.violations[self.read..]
    }
}
