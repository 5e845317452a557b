//! What Cedar is not given to read: its words are counted before.

use std::collections::BTreeMap;
use std::{iter, mem};

/// How deep brackets nest.
const MOST_DEPTH: usize = 64;

/// What one policy, or one declaration of the schema, has at most. Cedar makes one level of each
/// operator of a chain, of each condition, and of each `else if`.
const MOST_OPERATORS: usize = 500;
const MOST_IFS: usize = 64;
const MOST_ENTRIES: usize = 256;

/// How many types a schema names, and how many words one declaration, and all of them, would have
/// if each name of a type were what it stands for: a few lines could stand for more than memory
/// holds.
const MOST_TYPES: usize = 64;
const MOST_WORDS: usize = 1_000;
const MOST_WORDS_IN_ALL: usize = 10_000;

/// Where one level more begins, brackets aside.
const OPERATORS: [&str; 20] = [
    "!", "!=", "%", "&&", "*", "+", "-", ".", "/", "<", "<=", "=", "==", ">", ">=", "has", "in",
    "is", "like", "||",
];

/// Where a text has more than Cedar is given, and why.
pub(super) fn too_much(text: &str, schema: bool) -> Option<(usize, String)> {
    let mut open = Vec::new();
    let (mut operators, mut ifs, mut entries) = (0, 0, 0);
    for (at, token) in tokens(text) {
        let closes = match token {
            ")" => Some("("),
            "]" => Some("["),
            "}" => Some("{"),
            ">" if schema => Some("<"),
            _ => None,
        };
        let opens = matches!(token, "(" | "[" | "{") || schema && token == "<";
        if opens {
            open.push(token);
        }
        // After an error Cedar reads on, and might see other brackets open than this does.
        if closes.is_some() && open.pop() != closes {
            return Some((at, format!("unexpected token `{token}`: no such bracket is open")));
        }
        match token {
            ";" if !schema && !open.is_empty() => {
                return Some((at, "unexpected token `;`: a bracket is still open".to_owned()));
            }
            ";" => (operators, ifs, entries) = (0, 0, 0),
            "," => entries += 1,
            "if" => ifs += 1,
            _ if opens || OPERATORS.contains(&token) => operators += 1,
            _ => {}
        }
        for (count, most, what) in [
            (open.len(), MOST_DEPTH, "brackets within each other"),
            (operators, MOST_OPERATORS, "operators and brackets before the next `;`"),
            (ifs, MOST_IFS, "`if` before the next `;`"),
            (entries, MOST_ENTRIES, "commas before the next `;`"),
        ] {
            if count > most {
                return Some((at, format!("there are more than {most} {what}")));
            }
        }
    }
    None
}

/// Where a schema says more than memory holds, by types that stand for one another.
pub(super) fn too_wide(schema: &str) -> Option<(usize, String)> {
    let statements = statements(schema);
    let named = || statements.iter().filter_map(|it| it.name.map(|name| (name, it)));
    if let Some((_, more)) = named().nth(MOST_TYPES) {
        return Some((more.at, format!("a schema names at most {MOST_TYPES} types")));
    }
    let too_large = |at| Some((at, "with its types written out this is too large".to_owned()));
    let mut sizes = BTreeMap::new();
    // In each round what stands for a type of the round before is counted rightly.
    for _ in 0..=named().count() {
        for (name, statement) in named() {
            let size = statement.size(&sizes);
            if size > MOST_WORDS {
                return too_large(statement.at);
            }
            let known = sizes.entry(name).or_insert(size);
            *known = size.max(*known);
        }
    }
    let mut total = 0_usize;
    for statement in &statements {
        let size = statement.size(&sizes);
        total = total.saturating_add(size);
        if size > MOST_WORDS || total > MOST_WORDS_IN_ALL {
            return too_large(statement.at);
        }
    }
    None
}

/// One declaration of a schema.
#[derive(Default)]
struct Statement<'a> {
    at: usize,
    /// Of a type.
    name: Option<&'a str>,
    words: Vec<&'a str>,
}

impl Statement<'_> {
    /// How many words it has, where those stand for types of these sizes.
    fn size(&self, sizes: &BTreeMap<&str, usize>) -> usize {
        let of_words = self.words.iter().map(|it| sizes.get(*it).copied().unwrap_or(1));
        of_words.fold(1, usize::saturating_add)
    }
}

fn statements(schema: &str) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    let mut this = Statement::default();
    let mut before = ["", ""];
    for (at, token) in tokens(schema) {
        match token {
            ";" => all.push(mem::replace(&mut this, Statement { at, ..Statement::default() })),
            "=" if before[0] == "type" => {
                this = Statement { at, name: Some(before[1]), words: Vec::new() };
            }
            word if word.starts_with(is_of_word) => this.words.push(word),
            _ => {}
        }
        before = [before[1], token];
    }
    all.push(this);
    all
}

fn is_of_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// The words and signs of a text and where they are, as Cedar finds them, without comments, texts
/// and numbers. Where a text does not end, Cedar reads no further either.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const PAIRS: [&str; 7] = ["!=", "&&", "::", "<=", "==", ">=", "||"];
    let mut at = 0;
    iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let begin = at;
            if first == '"' {
                at += length_of_string(rest)?;
            } else if rest.starts_with("//") {
                at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if first.is_ascii_alphabetic() || first == '_' {
                let word = rest.find(|it: char| !is_of_word(it)).unwrap_or(rest.len());
                at += word;
                return Some((begin, &rest[..word]));
            } else if first.is_ascii_punctuation() {
                let sign = if PAIRS.iter().any(|it| rest.starts_with(*it)) { 2 } else { 1 };
                at += sign;
                return Some((begin, &rest[..sign]));
            } else {
                at += first.len_utf8();
            }
        }
    })
}

/// Of the string that a text begins with, if it ends.
fn length_of_string(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, it)) = chars.next() {
        match it {
            '"' => return Some(at + 1),
            '\\' if chars.next().is_none_or(|(_, it)| it == '\n') => return None,
            _ => {}
        }
    }
    None
}
