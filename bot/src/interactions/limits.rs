//! How often a command may be used: by one person, in one server, by everybody together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use commands::{CommandError, Refusal};
use domain::discord::ChannelEvent;
use domain::kernel::Ground;
use tokio::time::Instant;

use crate::CommandLimits;

/// After so many buckets, those that are full again are forgotten.
const MANY: usize = 10_000;

/// Buckets that fill up again, each with its own size.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<String, Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// How many commands are left.
    left: f64,
    at: Instant,
    per_minute: u32,
}

impl Bucket {
    fn full(per_minute: u32, now: Instant) -> Self {
        Self { left: per_minute.into(), at: now, per_minute }
    }

    /// As it is by now; a bucket that was given another size keeps no more than that.
    fn now(self, per_minute: u32, now: Instant) -> Self {
        let filled = now.duration_since(self.at).as_secs_f64() / 60.0 * f64::from(per_minute);
        Self { left: (self.left + filled).min(per_minute.into()), at: now, per_minute }
    }

    /// How long until a command is left; none when there is one.
    fn wait(self) -> Option<Duration> {
        let lacking = 1.0 - self.left;
        (lacking > 1e-9)
            .then(|| Duration::from_secs_f64(lacking * 60.0 / f64::from(self.per_minute)))
    }
}

impl Limits {
    /// Takes a command out of all its buckets, or says how long to wait; then none is touched.
    ///
    /// `personal` is how many commands of any name one person may use a minute.
    pub(super) fn take(
        &self,
        limits: &CommandLimits,
        personal: u32,
        received: &ChannelEvent,
        now: Instant,
    ) -> Result<(), CommandError> {
        let ChannelEvent::InteractionReceived { user, guild, command, .. } = received else {
            return Ok(());
        };
        if !limits.enabled {
            return Ok(());
        }
        let name = command.split(' ').next().unwrap_or_default();
        let mut wanted = vec![
            ("all".to_owned(), limits.global_per_minute.max(1)),
            (format!("user:{user}"), personal.max(1)),
            (format!("user:{user}:{name}"), limits.user_per_minute.max(1)),
        ];
        wanted
            .extend(guild.map(|it| (format!("guild:{it}:{name}"), limits.guild_per_minute.max(1))));

        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MANY {
            buckets.retain(|_, it| it.now(it.per_minute, now).left < it.per_minute.into());
        }
        let found = wanted.into_iter().map(|(key, per_minute)| {
            let bucket = buckets.get(&key).copied();
            let bucket =
                bucket.map_or_else(|| Bucket::full(per_minute, now), |it| it.now(per_minute, now));
            (key, bucket)
        });
        let found: Vec<_> = found.collect();
        if let Some(wait) = found.iter().filter_map(|(_, it)| it.wait()).max() {
            return Err(too_many(wait));
        }
        for (key, bucket) in found {
            buckets.insert(key, Bucket { left: bucket.left - 1.0, ..bucket });
        }
        Ok(())
    }
}

fn too_many(wait: Duration) -> CommandError {
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::State,
        reason: format!("⏰ That was a little fast for me. Please try again in {seconds} {unit}."),
        code: Some("RATE_LIMIT_EXCEEDED"),
        field: None,
        details: None,
    }))
}

#[cfg(test)]
mod tests {
    use domain::kernel::{DiscordUserId, GuildId, MessageId, Person, Personal};
    use serde_json::json;

    use super::*;

    const FEW: CommandLimits = CommandLimits {
        enabled: true,
        global_per_minute: 6,
        guild_per_minute: 4,
        user_per_minute: 2,
    };

    #[test]
    fn each_bucket_is_counted_by_itself_and_fills_up_again() {
        let (limits, start) = (Limits::default(), Instant::now());
        let take = |user, guild, command: &str, after| {
            let now = start + Duration::from_secs(after);
            limits.take(&FEW, 3, &used(user, guild, command), now).map_err(|no| no.to_string())
        };
        assert_eq!(take(1, 1, "ask", 0), Ok(()));
        assert_eq!(take(1, 1, "ask", 0), Ok(()));
        let no = take(1, 1, "ask", 10).unwrap_err();
        assert!(no.contains("in 20 seconds"), "{no}");
        // Another command of the same person, until all of them together are too many.
        assert_eq!(take(1, 1, "edit propose", 10), Ok(()));
        assert!(take(1, 1, "status", 10).is_err());
        // Somebody else in the same server, until the server had enough of that command.
        assert_eq!(take(2, 1, "ask", 10), Ok(()));
        assert_eq!(take(3, 1, "ask", 10), Ok(()));
        assert!(take(4, 1, "ask", 10).is_err());
        // Elsewhere, until everybody together had enough.
        assert_eq!(take(4, 2, "ask", 10), Ok(()));
        assert_eq!(take(5, 2, "ask", 10), Ok(()));
        assert!(take(6, 3, "ask", 10).unwrap_err().contains("in 10 seconds"));
        assert_eq!(take(1, 1, "ask", 90), Ok(()));
    }

    #[test]
    fn without_limits_everybody_may() {
        let limits = Limits::default();
        let off = CommandLimits { enabled: false, ..FEW };
        let now = Instant::now();
        assert!((0..100).all(|_| limits.take(&off, 1, &used(1, 1, "ask"), now).is_ok()));
    }

    fn used(user: u64, guild: u64, command: &str) -> ChannelEvent {
        let person = Person::discord(user);
        ChannelEvent::InteractionReceived {
            id: MessageId(1),
            user: DiscordUserId(user),
            guild: Some(GuildId(guild)),
            user_name: Personal::of(person.clone(), "ana".into()),
            command: command.into(),
            options: Personal::of(person, json!({})),
        }
    }
}
