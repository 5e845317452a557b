//! What takes back what a behavior did.

use super::Action;
use crate::kernel::{ChannelId, GuildId, MessageId, Undo};

/// What takes an action back that is done; none where nothing does. Of people who were erased only
/// the kind of the action is left, and for what was said where the call came from that is enough.
pub fn undo(
    kind: &str,
    action: Option<&Action>,
    (guild, channel): (Option<GuildId>, Option<ChannelId>),
    (outside_id, also): (&str, &[MessageId]),
) -> Option<Undo> {
    let written: Option<MessageId> = outside_id.parse().ok();
    let also = also.to_vec();
    match (kind, action) {
        ("apology" | "ask_ai" | "remind" | "reply", _) => {
            Some(Undo::DeleteMessage { channel: channel?, message: written?, also })
        }
        (_, Some(Action::Send { channel, .. })) => {
            Some(Undo::DeleteMessage { channel: *channel, message: written?, also })
        }
        (_, Some(Action::DirectMessage { user, .. })) => {
            Some(Undo::DeleteDirectMessage { user: *user, message: written?, also })
        }
        (_, Some(Action::AddRole { user, role })) => {
            Some(Undo::RemoveRole { guild: guild?, user: *user, role: role.clone() })
        }
        (_, Some(Action::RemoveRole { user, role })) => {
            Some(Undo::AddRole { guild: guild?, user: *user, role: role.clone() })
        }
        (_, Some(Action::React { message, emoji })) => Some(Undo::RemoveReaction {
            channel: channel?,
            message: *message,
            emoji: emoji.clone(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::DiscordUserId;

    #[test]
    fn what_was_given_is_taken_and_what_was_written_is_deleted() {
        let (guild, channel) = (GuildId(1), ChannelId(2));
        let of = |kind: &str, action: Option<Action>, outside: &str| {
            undo(kind, action.as_ref(), (Some(guild), Some(channel)), (outside, &[]))
        };
        let (user, role) = (DiscordUserId(7), "5".to_owned());
        let given = Action::AddRole { user, role: role.clone() };
        assert_eq!(of("add_role", Some(given), ""), Some(Undo::RemoveRole { guild, user, role }));
        let deleted = Some(Undo::DeleteMessage { channel, message: MessageId(9), also: vec![] });
        assert_eq!(of("reply", None, "9"), deleted);
        assert_eq!(of("remind", None, "9"), deleted);
        // Nobody knows what it is called, or where it stands.
        assert_eq!(of("reply", None, ""), None);
        assert_eq!(of("send", None, "9"), None);
        let gone = Action::DeleteMessage { message: MessageId(3) };
        assert_eq!(of("delete_message", Some(gone), ""), None);
    }

    #[test]
    fn a_message_in_parts_is_deleted_with_all_of_them() {
        let (channel, message, also) = (ChannelId(2), MessageId(9), vec![MessageId(10)]);
        let place = (None, Some(channel));
        let deleted = undo("reply", None, place, ("9", &also)).unwrap();
        assert_eq!(deleted.words(), "delete all parts of the message");
        assert_eq!(deleted, Undo::DeleteMessage { channel, message, also });
    }
}
