//! Finds where a JSON value ends, and where the next record begins when one is damaged.

/// White space of JSON.
pub(super) const BLANK: &[u8] = b" \t\r\n";

/// How much of what is ahead a look at a record's beginning may need.
pub(super) const GLANCE: usize = 512;

/// Matches brackets and strings, byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brackets {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    pub(super) fn in_string(self) -> bool {
        self.in_string
    }

    /// Takes the next byte; whether the value that began with the first one ends with it.
    pub(super) fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => return false,
            }
            return self.depth == 0 && !self.in_string;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// How the records of a file begin: everything up to the name of the second member, whatever the
/// plain values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(Vec<u8>),
    Plain,
    Symbol(u8),
}

impl Default for Signature {
    /// As DiscordChatExporter writes them.
    fn default() -> Self {
        use Token::{Name, Plain, Symbol};
        let (id, kind) = (b"id".to_vec(), b"type".to_vec());
        Self(vec![Symbol(b'{'), Name(id), Plain, Symbol(b','), Name(kind)])
    }
}

impl Signature {
    /// The signature of a record, if it has one.
    pub(super) fn of(record: &[u8]) -> Option<Self> {
        let mut rest = symbol(record, b'{')?;
        let (mut tokens, mut names) = (vec![Token::Symbol(b'{')], 0);
        while names < 2 {
            if let Some((name, value)) = name(rest) {
                tokens.push(Token::Name(name.to_vec()));
                (rest, names) = (value, names + 1);
            } else if let Some(after) = plain(rest) {
                tokens.push(Token::Plain);
                rest = after;
            } else {
                let found = b"{}[],".iter().find_map(|it| Some((*it, symbol(rest, *it)?)))?;
                tokens.push(Token::Symbol(found.0));
                rest = found.1;
            }
        }
        Some(Self(tokens))
    }

    /// Whether a record begins here.
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let glance = &text[..text.len().min(GLANCE)];
        // Most objects are told apart by their first member.
        let first = symbol(glance, b'{').and_then(name).map(|(name, _)| name);
        let likely = matches!((self.0.get(1), first), (Some(Token::Name(name)), Some(first)) if name == first);
        likely && Self::of(glance).as_ref() == Some(self)
    }
}

/// Whether the list of messages ends here. The text must reach to the end of the file if it is
/// shorter than a glance.
pub(super) fn list_ends(text: &[u8]) -> bool {
    let glance = &text[..text.len().min(GLANCE)];
    let Some(rest) = symbol(glance, b']') else { return false };
    let blank = |rest: &[u8]| text.len() < GLANCE && rest.iter().all(|byte| BLANK.contains(byte));
    let goes_on = || name(symbol(rest, b',')?);
    blank(rest) || symbol(rest, b'}').is_some_and(blank) || goes_on().is_some()
}

/// Whether an export ends as exports do: with the count, or with the file.
pub(super) fn export_ends(text: &[u8]) -> bool {
    let counted = || name(symbol(symbol(text, b']')?, b',')?);
    list_ends(text) && counted().is_none_or(|(name, _)| name == b"messageCount")
}

/// Whether a member of the root object begins here.
pub(super) fn member_begins(text: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] =
        [b"channel", b"dateRange", b"exportedAt", b"guild", b"messageCount", b"messages"];
    if text.first() != Some(&b'"') {
        return false;
    }
    name(&text[..text.len().min(GLANCE)]).is_some_and(|(name, _)| NAMES.contains(&name))
}

/// Whether what follows a value in the list of messages, or in the root object, is in order.
pub(super) fn goes_on(text: &[u8], root: bool) -> bool {
    symbol(text, b',').is_some()
        || if root { symbol(text, b'}').is_some() } else { list_ends(text) }
}

fn symbol(text: &[u8], symbol: u8) -> Option<&[u8]> {
    let start = text.iter().position(|byte| !BLANK.contains(byte))?;
    (text[start] == symbol).then(|| &text[start + 1..])
}

/// The name of a member, and what follows its colon.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = string(text)?;
    Some((name, symbol(rest, b':')?))
}

/// A string without escapes.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = symbol(text, b'"')?;
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
    (text[end] == b'"').then(|| (&text[..end], &text[end + 1..]))
}

/// What follows a value that is neither an object nor a list.
fn plain(text: &[u8]) -> Option<&[u8]> {
    if let Some((_, rest)) = string(text) {
        return Some(rest);
    }
    let start = text.iter().position(|byte| !BLANK.contains(byte))?;
    let end = text[start..].iter().position(|byte| b",{}[]\"\\:".contains(byte))?;
    (end > 0).then(|| &text[start + end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_with_its_last_bracket_or_quote() {
        for (text, length) in [
            (r#"{"a":"}\"{"} "#, 12),
            (r#"[1,[2],{"b":[]}],"#, 16),
            (r#""a\\","#, 5),
            (r#""\u0022{" "#, 9),
        ] {
            let mut brackets = Brackets::default();
            let end = text.bytes().position(|byte| brackets.ends_with(byte));
            assert_eq!(end, Some(length - 1), "{text}");
        }
    }

    #[test]
    fn a_record_is_known_by_its_first_two_members() {
        let message = br#"{ "id": "1", "type": "Default", "content": "" }"#;
        assert_eq!(Signature::of(message), Some(Signature::default()));
        assert!(Signature::default().begins(br#"{"id":7,"type":0}"#));
        for other in [
            r#"{"id":"1","name":"Ana"}"#,
            r#"{"type":"1","id":"Ana"}"#,
            r#"{"id":{"type":1}}"#,
            r#"{"id":["1","type"]}"#,
            r#"{"id":"1"}"#,
            r#"{\"id\":\"1\",\"type\":\"x\"}"#,
            "",
        ] {
            assert!(!Signature::default().begins(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_end_of_the_list_is_known_by_what_follows() {
        for (text, list, export) in [
            ("], \"messageCount\": 3 }", true, true),
            ("\n  ]\n}\n", true, true),
            ("],\"channel\":{}", true, false),
            ("],", false, false),
            ("]}, that is what he said", false, false),
        ] {
            assert_eq!(list_ends(text.as_bytes()), list, "{text}");
            assert_eq!(export_ends(text.as_bytes()), export, "{text}");
        }
    }
}
