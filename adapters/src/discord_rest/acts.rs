//! How things other than messages are asked of Discord.

use std::fmt::Write as _;

use commands::ports::Act;
use domain::kernel::ChannelId;
use reqwest::Method;

/// How Discord is asked for it, and the channel whose rate limit it shares.
pub(super) fn place(act: &Act) -> (Method, String, Option<ChannelId>) {
    match act {
        Act::AddRole { guild, user, role } => {
            (Method::PUT, format!("/guilds/{guild}/members/{user}/roles/{}", encoded(role)), None)
        }
        Act::RemoveRole { guild, user, role } => (
            Method::DELETE,
            format!("/guilds/{guild}/members/{user}/roles/{}", encoded(role)),
            None,
        ),
        Act::Delete { channel, message } => {
            (Method::DELETE, format!("/channels/{channel}/messages/{message}"), Some(*channel))
        }
        Act::React { channel, message, emoji }
        | Act::RemoveReaction { channel, message, emoji } => {
            let emoji = encoded(emoji);
            let path = format!("/channels/{channel}/messages/{message}/reactions/{emoji}/@me");
            let adds = matches!(act, Act::React { .. });
            (if adds { Method::PUT } else { Method::DELETE }, path, Some(*channel))
        }
    }
}

/// Whether a refusal with this code says that what was to be taken back is not there.
pub(super) fn is_gone(act: &Act, code: u64) -> bool {
    const CHANNEL: u64 = 10_003;
    const MEMBER: u64 = 10_007;
    const MESSAGE: u64 = 10_008;
    const ROLE: u64 = 10_011;
    const USER: u64 = 10_013;
    const EMOJI: u64 = 10_014;
    match act {
        Act::Delete { .. } => matches!(code, CHANNEL | MESSAGE),
        Act::RemoveReaction { .. } => matches!(code, CHANNEL | EMOJI | MESSAGE),
        Act::RemoveRole { .. } => matches!(code, MEMBER | ROLE | USER),
        Act::AddRole { .. } | Act::React { .. } => false,
    }
}

/// A text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
