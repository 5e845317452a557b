//! What became of an import, while it runs and at its end.

use serde::{Deserialize, Serialize};

/// How many findings are kept in detail; the rest is only counted.
const DETAILED: usize = 100;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    pub file: String,
    /// How far the file was read, of how much.
    pub bytes: u64,
    pub total_bytes: u64,
    /// Messages that could be read; each is either new or known.
    pub messages: u64,
    pub new: u64,
    pub known: u64,
    /// Edits and reactions that are new.
    pub edits: u64,
    pub reactions: u64,
    /// Reactions left out, because the export does not say whose they are.
    pub anonymous_reactions: u64,
    /// Records that could not be read, the first of them in `bad`.
    pub bad_records: u64,
    pub bad: Vec<Finding>,
    /// Messages whose time in the export is not that of their id; the id is believed.
    pub misdated: u64,
    /// What else is odd; nothing is lost by it.
    pub notes: Vec<Finding>,
    /// The newest commit of the channel; 0 before the first one.
    pub position: u64,
}

/// Something that was found at one place of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// From 1.
    pub line: u64,
    /// In bytes, from 0.
    pub offset: u64,
    /// The number of the record in `messages`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    pub reason: String,
}

impl ImportReport {
    /// Whether there is nothing to complain about.
    pub fn is_clean(&self) -> bool {
        self.bad_records == 0 && self.notes.is_empty()
    }

    pub(super) fn add_bad(&mut self, finding: Finding) {
        self.bad_records += 1;
        if self.bad.len() < DETAILED {
            self.bad.push(finding);
        }
    }

    /// What is said of the whole file is always kept.
    pub(super) fn note(&mut self, finding: Finding) {
        if finding.record.is_none() || self.notes.len() < DETAILED {
            self.notes.push(finding);
        }
    }
}
