//! What is left to whoever has the token of a slash command, and how long he is waited for.

use chrono::TimeDelta;
use domain::behaviors::Call;

/// When whoever has the token of a slash command has mostly answered it.
const PROMPTLY: TimeDelta = TimeDelta::seconds(10);

/// How long that token lives: after this nobody answers any more.
const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(15);

/// Whether this reactor does it: a reminder waits for its time, and who has the token of a slash
/// command answers it.
pub(super) fn is_mine(call: &Call, kind: &str) -> bool {
    kind != "remind" && !is_told(call, kind)
}

/// Whether whoever has the token of a slash command does it.
pub(super) fn is_told(call: &Call, kind: &str) -> bool {
    call.interaction.is_some() && ["ask_ai", "reply"].contains(&kind)
}

/// How long to wait for whoever has the token of a slash command; none when it is worth nothing
/// any more.
pub(super) fn wait_for_the_holder(age: TimeDelta) -> Option<TimeDelta> {
    if age < PROMPTLY {
        return Some(PROMPTLY);
    }
    Some(TOKEN_LIFE - age).filter(|wait| *wait > TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use domain::kernel::MessageId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_has_the_token_is_waited_for_as_long_as_it_lives() {
        assert_eq!(wait_for_the_holder(TimeDelta::seconds(-3)), Some(PROMPTLY));
        assert_eq!(wait_for_the_holder(TimeDelta::minutes(1)), Some(TimeDelta::minutes(14)));
        assert_eq!(wait_for_the_holder(TOKEN_LIFE), None);
    }

    #[test]
    fn reminders_and_answers_to_slash_commands_are_for_others() {
        let mut call = Call {
            id: Uuid::nil(),
            revision: 1,
            what: "command".into(),
            position: None,
            at_ms: 0,
            guild: None,
            channel: None,
            user: None,
            message: None,
            interaction: None,
        };
        let mine =
            |call: &Call| ["add_role", "ask_ai", "remind", "reply"].map(|kind| is_mine(call, kind));
        assert_eq!(mine(&call), [true, true, false, true]);
        call.interaction = Some(MessageId(7));
        assert_eq!(mine(&call), [true, false, false, false]);
    }
}
