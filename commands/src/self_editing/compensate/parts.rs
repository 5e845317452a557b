//! Deletes a message that went out in several parts.

use std::iter;

use domain::kernel::{ChannelId, MessageId, Outcome};

use crate::ports::{Act, Discord, TryLater};

/// Deletes all parts, the others also where one of them cannot be; what is gone already counts as
/// deleted, so it bears repeating. It is done when all of them are gone; else it tells how far it
/// came.
pub(super) async fn delete(
    discord: &dyn Discord,
    reason: &str,
    channel: ChannelId,
    message: MessageId,
    also: Vec<MessageId>,
) -> Result<Outcome, TryLater> {
    let parts = also.len() + 1;
    let (mut gone, mut refused) = (0, None);
    for message in iter::once(message).chain(also) {
        match discord.undo(&Act::Delete { channel, message }, reason).await {
            Ok(Outcome::Delivered { .. }) => gone += 1,
            Ok(Outcome::Failed { reason } | Outcome::Unknown { reason }) => {
                refused.get_or_insert(reason);
            }
            Err(TryLater { reason, after }) => {
                return Err(TryLater { reason: so_far(gone, parts, reason), after });
            }
        }
    }
    Ok(match refused {
        None => Outcome::Delivered { outside_id: String::new() },
        Some(reason) => Outcome::Failed { reason: so_far(gone, parts, reason) },
    })
}

fn so_far(gone: usize, parts: usize, reason: String) -> String {
    if parts == 1 {
        return reason;
    }
    format!("{gone} of {parts} parts of the message are deleted; of another one: {reason}")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use domain::kernel::{DiscordUserId, GuildId};

    use super::*;
    use crate::ports::Post;

    /// Refuses to delete one message, and has too much to do for another one.
    #[derive(Default)]
    struct Stubborn {
        keeps: Option<MessageId>,
        busy: Option<MessageId>,
        deleted: Mutex<Vec<MessageId>>,
    }

    #[async_trait]
    impl Discord for Stubborn {
        async fn post(&self, _: &Post) -> Result<Outcome, TryLater> {
            unreachable!("nothing is sent")
        }

        async fn act(&self, _: &Act, _: &str) -> Result<Outcome, TryLater> {
            unreachable!("nothing is done")
        }

        async fn undo(&self, act: &Act, _: &str) -> Result<Outcome, TryLater> {
            let Act::Delete { message, .. } = act else { unreachable!("nothing else is undone") };
            if self.busy == Some(*message) {
                return Err(TryLater { reason: "too many requests".to_owned(), after: None });
            }
            if self.keeps == Some(*message) {
                return Ok(Outcome::Failed { reason: "Missing Permissions".to_owned() });
            }
            self.deleted.lock().unwrap().push(*message);
            Ok(Outcome::Delivered { outside_id: String::new() })
        }

        async fn has_role(
            &self,
            _: GuildId,
            _: DiscordUserId,
            _: &str,
        ) -> Result<Option<bool>, TryLater> {
            unreachable!("nobody asks for roles")
        }

        async fn direct(&self, _: DiscordUserId) -> Result<Result<ChannelId, String>, TryLater> {
            unreachable!("nobody is written to")
        }

        async fn me(&self) -> Result<DiscordUserId, TryLater> {
            unreachable!("nobody asks")
        }
    }

    #[tokio::test]
    async fn all_parts_are_deleted() {
        let discord = Stubborn::default();
        let outcome = delete_three(&discord).await.unwrap();
        assert_eq!(outcome, Outcome::Delivered { outside_id: String::new() });
        assert_eq!(*discord.deleted.lock().unwrap(), [1, 2, 3].map(MessageId));
    }

    #[tokio::test]
    async fn what_is_left_is_told_and_the_others_are_deleted() {
        let discord = Stubborn { keeps: Some(MessageId(2)), ..Stubborn::default() };
        let Ok(Outcome::Failed { reason }) = delete_three(&discord).await else {
            panic!("one of them is left");
        };
        assert!(reason.contains("2 of 3 parts") && reason.contains("Permissions"), "{reason}");
        assert_eq!(*discord.deleted.lock().unwrap(), [1, 3].map(MessageId));

        let discord = Stubborn { busy: Some(MessageId(3)), ..Stubborn::default() };
        let later = delete_three(&discord).await.unwrap_err();
        assert!(later.reason.contains("2 of 3 parts"), "{later}");
    }

    #[tokio::test]
    async fn of_one_message_only_the_reason_is_told() {
        let discord = Stubborn { keeps: Some(MessageId(1)), ..Stubborn::default() };
        let outcome = delete(&discord, "", ChannelId(9), MessageId(1), Vec::new()).await.unwrap();
        assert_eq!(outcome, Outcome::Failed { reason: "Missing Permissions".to_owned() });
    }

    async fn delete_three(discord: &Stubborn) -> Result<Outcome, TryLater> {
        let also = vec![MessageId(2), MessageId(3)];
        delete(discord, "", ChannelId(9), MessageId(1), also).await
    }
}
