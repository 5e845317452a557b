//! The functions that scripts make actions with, and the few others that the platform adds.

use std::str::FromStr;

use commands::ports::Reads;
use domain::behaviors::Action;
use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, Map};

use super::{COMMANDS, SETTING, run, values};

/// How long a text is at most, in characters; what Discord takes at once is less, and is split.
const MOST_TEXT: usize = 6_000;

/// How late a reminder comes at most: a year.
const LATEST_S: INT = 366 * 24 * 3_600;

/// How many choices a poll has.
const CHOICES: [&str; 10] = ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣", "🔟"];

type Answer<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Action>("Action")
        .register_fn("add_role", |user: &str, role: &str| {
            Answer::Ok(Action::AddRole { user: id(user)?, role: role_id(role)? })
        })
        .register_fn("ask_ai", |prompt: &str| Answer::Ok(Action::AskAi { prompt: text(prompt)? }))
        .register_fn("delete_message", || {
            Answer::Ok(Action::DeleteMessage { message: this_message()? })
        })
        .register_fn("delete_message", |message: &str| {
            Answer::Ok(Action::DeleteMessage { message: id(message)? })
        })
        .register_fn("direct_message", |user: &str, words: &str| {
            Answer::Ok(Action::DirectMessage { user: id(user)?, text: text(words)? })
        })
        .register_fn("react", |emoji: &str| {
            Answer::Ok(Action::React { message: this_message()?, emoji: emoji_of(emoji)? })
        })
        .register_fn("react", |message: &str, emoji: &str| {
            Answer::Ok(Action::React { message: id(message)?, emoji: emoji_of(emoji)? })
        })
        .register_fn("remind", |seconds: INT, words: &str| remind(seconds, words))
        .register_fn("remove_role", |user: &str, role: &str| {
            Answer::Ok(Action::RemoveRole { user: id(user)?, role: role_id(role)? })
        })
        .register_fn("reply", |words: &str| reply(words, false))
        .register_fn("reply_privately", |words: &str| reply(words, true))
        .register_fn("send", |channel: &str, words: &str| {
            let reactions = Vec::new();
            Answer::Ok(Action::Send { channel: id(channel)?, text: text(words)?, reactions })
        })
        .register_fn("poll", poll)
        .register_fn("choose", choose)
        .register_fn(COMMANDS, commands)
        .register_fn("has_words", has_words)
        .register_fn("random", random)
        .register_fn(SETTING, setting);
}

fn reply(words: &str, private: bool) -> Answer<Action> {
    Ok(Action::Reply { text: text(words)?, private, reactions: Vec::new() })
}

fn remind(seconds: INT, words: &str) -> Answer<Action> {
    if !(1..=LATEST_S).contains(&seconds) {
        return Err(format!("a reminder comes after 1 to {LATEST_S} seconds").into());
    }
    Ok(Action::Remind { after_s: seconds.unsigned_abs(), text: text(words)? })
}

/// A question with numbered choices, and the numbers as reactions to vote with.
fn poll(question: &str, choices: Array) -> Answer<Action> {
    if !(2..=CHOICES.len()).contains(&choices.len()) {
        return Err(format!("a poll has 2 to {} choices", CHOICES.len()).into());
    }
    let mut words = format!("**{question}**");
    for (number, choice) in CHOICES.iter().zip(&choices) {
        words.push_str(&format!("\n{number} {choice}"));
    }
    let reactions = CHOICES.iter().take(choices.len()).map(|it| (*it).to_owned()).collect();
    Ok(Action::Reply { text: text(&words)?, private: false, reactions })
}

/// One of a list.
fn choose(list: Array) -> Answer<Dynamic> {
    let count = u64::try_from(list.len()).unwrap_or(u64::MAX);
    let Some(at) = run::chance().checked_rem(count) else {
        return Err("there is nothing to choose from".into());
    };
    let at = usize::try_from(at).unwrap_or_default();
    Ok(list.into_iter().nth(at).unwrap_or_default())
}

/// Whether the text holds these words, as whole words, upper or lower case.
fn has_words(text: &str, words: &str) -> bool {
    let (text, words) = (text.to_lowercase(), words.trim().to_lowercase());
    let (first, last) = (words.chars().next(), words.chars().next_back());
    let goes_on = |edge: Option<char>, next: Option<char>| {
        [edge, next].iter().all(|it| it.is_some_and(char::is_alphanumeric))
    };
    !words.is_empty()
        && text.match_indices(&words).any(|(at, found)| {
            let (before, after) = (&text[..at], &text[at + found.len()..]);
            !goes_on(first, before.chars().next_back()) && !goes_on(last, after.chars().next())
        })
}

/// A whole number between two, both included.
fn random(from: INT, to: INT) -> Answer<INT> {
    if from > to {
        return Err(format!("random({from}, {to}): the first number is the smaller one").into());
    }
    let span = to.abs_diff(from);
    let step = match span.checked_add(1) {
        Some(count) => run::chance() % count,
        None => run::chance(),
    };
    Ok(from.wrapping_add_unsigned(step))
}

/// The commands that people can call.
fn commands() -> Answer<Array> {
    let read = Reads { commands: true, ..Reads::default() };
    let known = run::workspace(read).ok_or_else(|| unseen(COMMANDS))?;
    Ok(known.commands.iter().map(values::of_described).collect())
}

/// What `settings/<name>.toml` of the workspace says.
fn setting(name: &str) -> Answer<Map> {
    let read = Reads { settings: true, ..Reads::default() };
    let known = run::workspace(read).ok_or_else(|| unseen(SETTING))?;
    let found =
        known.settings.get(name).cloned().map(values::of_json).and_then(Dynamic::try_cast::<Map>);
    found.ok_or_else(|| format!("there is no settings/{name}.toml").into())
}

/// Whoever compares two workspaces wants to know whom a difference concerns.
fn unseen(function: &str) -> String {
    format!("{function} is called, and its name does not stand in the script: write it out")
}

fn this_message<T: FromStr>() -> Answer<T> {
    let message = run::now(|run| run.message).flatten();
    let message = message.ok_or("there is no message that this is about")?;
    id(&message.to_string())
}

fn text(words: &str) -> Answer<String> {
    if words.trim().is_empty() {
        return Err("the text is empty".into());
    }
    if words.chars().count() > MOST_TEXT {
        return Err(format!("the text is longer than {MOST_TEXT} characters").into());
    }
    Ok(words.to_owned())
}

fn id<T: FromStr>(text: &str) -> Answer<T> {
    let plain = text.trim_start_matches(['<', '@', '!', '#']).trim_end_matches('>');
    plain.parse().map_err(|_| format!("“{text}” is not a Discord id").into())
}

fn role_id(text: &str) -> Answer<String> {
    let plain = text.trim_start_matches(['<', '@', '&']).trim_end_matches('>');
    let role: Option<u64> = plain.parse().ok();
    role.map(|it| it.to_string()).ok_or_else(|| format!("“{text}” is not a role's id").into())
}

fn emoji_of(text: &str) -> Answer<String> {
    let plain = text.trim_start_matches("<:").trim_start_matches("<a:").trim_end_matches('>');
    if plain.is_empty() || plain.chars().count() > 64 || plain.chars().any(char::is_whitespace) {
        return Err(format!("“{text}” is not an emoji").into());
    }
    Ok(plain.to_owned())
}
