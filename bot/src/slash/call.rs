//! One use of a slash command.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use commands::ports::Caller;
use domain::kernel::{ChannelId, DiscordUserId, GuildId, MessageId};
use serde_json::Value;

/// See the module.
pub struct Call {
    pub id: MessageId,
    /// `edit propose`
    pub path: String,
    /// Who used it, and what he may do.
    pub caller: Caller,
    pub channel: ChannelId,
    pub guild: Option<GuildId>,
    pub user: DiscordUserId,
    pub user_name: String,
    /// When it was used, and how long it took to get here.
    pub at: DateTime<Utc>,
    pub latency_ms: u64,
    /// Where the log holds it.
    pub position: u64,
    /// What was filled in.
    pub options: BTreeMap<String, Value>,
    /// What people are called that were picked.
    pub names: BTreeMap<DiscordUserId, String>,
    /// Channels that were picked, and whether the caller may read their history.
    pub readable: BTreeMap<ChannelId, bool>,
    /// Whether a form was sent in.
    pub form: bool,
    /// Whether a button was pressed.
    pub pressed: bool,
}

impl Call {
    /// A text option; empty when it was left out.
    pub fn text(&self, name: &str) -> &str {
        self.options.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A text option that was filled in.
    pub fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty()).map(ToOwned::to_owned)
    }

    /// A number; buttons and forms carry it as a text.
    pub fn whole(&self, name: &str) -> Option<u64> {
        let value = self.options.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// Whether an option says yes.
    pub fn truth(&self, name: &str) -> bool {
        self.said(name).unwrap_or_default()
    }

    /// Yes or no, if it was filled in; buttons and forms carry it as a text.
    pub fn said(&self, name: &str) -> Option<bool> {
        let value = self.options.get(name)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }
}
