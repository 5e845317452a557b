//! What a behavior answered, in words that fit into a report.

use domain::behaviors::Action;

use crate::ports::{Fault, Ran};

/// How much of an answer, and of what was said, is shown, in characters.
pub(super) const LONGEST: usize = 600;

/// None for silence.
pub(super) fn answer(ran: &Ran) -> Option<String> {
    match &ran.wanted {
        Ok(actions) if actions.is_empty() => None,
        Ok(actions) => {
            let actions: Vec<_> = actions.iter().map(action).collect();
            Some(short(&actions.join("\n")))
        }
        Err(Fault { reason, .. }) => Some(short(&format!("error: {reason}"))),
    }
}

/// The beginning of a long text.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn action(action: &Action) -> String {
    let with = |text: String, reactions: &[String]| match reactions {
        [] => text,
        reactions => format!("{text} [{}]", reactions.join(" ")),
    };
    match action {
        Action::AddRole { user, role } => format!("give <@{user}> the role {role}"),
        Action::AskAi { prompt } => format!("ask the AI: {prompt}"),
        Action::DeleteMessage { message } => format!("delete message {message}"),
        Action::DirectMessage { user, text } => format!("write to <@{user}>: {text}"),
        Action::React { message, emoji } => format!("react to message {message} with {emoji}"),
        Action::Remind { after_s, text } => format!("remind in {after_s} s: {text}"),
        Action::RemoveRole { user, role } => format!("take the role {role} from <@{user}>"),
        Action::Reply { text, private: false, reactions } => {
            with(format!("reply: {text}"), reactions)
        }
        Action::Reply { text, private: true, .. } => format!("reply privately: {text}"),
        Action::Send { channel, text, reactions } => {
            with(format!("write into <#{channel}>: {text}"), reactions)
        }
    }
}
