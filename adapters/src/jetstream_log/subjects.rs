//! Every stream has a subject of its own, whatever its name is made of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use domain::kernel::StreamId;

/// A subject is a part of every message and every index; longer names stand there as a hash.
const LONGEST: usize = 160;

/// Names subjects below one prefix.
pub(super) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The filter that covers every subject of the log.
    pub(super) fn all(prefix: &str) -> String {
        format!("{prefix}.>")
    }

    /// The subject of a stream: `<prefix>.main.<type>.<id>`.
    pub(super) fn of(&self, stream: &StreamId) -> String {
        let (kind, id) = (token(stream.kind()), token(stream.id()));
        format!("{}.main.{kind}.{id}", self.prefix)
    }
}

/// A name as one token. What is in order stays as it is; the rest becomes `_` and base64, or, if
/// that is long, `__` and a hash. No two names become the same: no plain token begins with `_`,
/// and base64 begins with `_` only for bytes that no text in UTF-8 begins with.
fn token(name: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    let is_plain = !name.is_empty() && !name.starts_with('_') && name.bytes().all(plain);
    if is_plain && name.len() <= LONGEST {
        name.to_owned()
    } else if name.len() <= LONGEST / 4 * 3 {
        format!("_{}", BASE64.encode(name))
    } else {
        format!("__{}", BASE64.encode(blake3::hash(name.as_bytes()).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ordinary_names_can_be_read_in_the_subject() {
        let stream = StreamId::named("bot_settings.0197a1b2-c3d4").unwrap();
        assert_eq!(Subjects::new("ev").of(&stream), "ev.main.bot_settings.0197a1b2-c3d4");
    }

    #[test]
    fn every_name_has_a_valid_token_of_its_own() {
        let mut names: Vec<String> =
            ["", " ", "*", ">", "a.b", "a b", "_", "__", "ÿ", "\u{10ffff}"]
                .map(String::from)
                .into();
        names.extend(["user 1:ß€😀", "ß", "_w58", "\t\r\n\0", "x"].map(String::from));
        names.extend((100..300).map(|length| "x".repeat(length)));
        names.extend((100..300).map(|length| "ß".repeat(length)));
        // Whatever a name becomes is a name, too.
        names.extend(names.clone().iter().map(|name| token(name)).filter(|it| it.starts_with('_')));
        let names: HashSet<String> = names.into_iter().collect();

        let tokens: HashSet<String> = names.iter().map(|name| token(name)).collect();
        assert_eq!(tokens.len(), names.len());
        for token in tokens {
            assert!(!token.is_empty() && token.len() <= LONGEST + 1, "{token}");
            let valid = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
            assert!(token.chars().all(valid), "{token}");
        }
    }
}
