//! A text as words, with what surrounds them.

use super::Language;
use super::lexicon::{Entry, Lexicon, emoji};

/// One word, emoticon or emoji.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// In lower case, without the signs around it.
    pub(super) text: String,
    /// What the lists say of it.
    pub(super) entry: Option<Entry>,
    /// In capitals, while others are not.
    pub(super) shouted: bool,
    /// With a letter drawn out: `sooo`.
    pub(super) drawn_out: bool,
    /// A sign that ends a clause follows.
    pub(super) ends_clause: bool,
}

/// The words of a text.
pub(super) fn words(text: &str, language: Language) -> Vec<Word> {
    // Emoticons say the same in every language; they stand in the English list.
    let (lexicon, signs_of_all) = (Lexicon::of(language), Lexicon::of(Language::En));
    let is_shout = |token: &str| {
        let mut letters = token.chars().filter(|c| c.is_alphabetic()).peekable();
        let several = token.chars().filter(|c| c.is_alphabetic()).count() > 1;
        several && letters.peek().is_some() && letters.all(char::is_uppercase)
    };
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let shouts = tokens.iter().filter(|it| is_shout(it)).count();
    let mixed = shouts > 0 && shouts < tokens.len();

    let mut words = Vec::with_capacity(tokens.len());
    for token in tokens {
        let signs: Vec<f64> = token.chars().filter_map(emoji).collect();
        let lower = token.to_lowercase();
        // Emoticons are made of the signs that others end with, and of a letter or two: `:D`.
        if let Some(entry) = signs_of_all.find(&lower).filter(|_| is_emoticon(&lower)) {
            words.push(Word::sign(lower, entry));
            continue;
        }
        let trimmed = lower.trim_matches(|c: char| !c.is_alphanumeric());
        if !trimmed.is_empty() {
            let (entry, drawn_out) = look_up(lexicon, trimmed, language);
            let bare = token.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
            let ends_clause = bare.ends_with(['.', ',', ';', ':', '!', '?']);
            let shouted = mixed && is_shout(token);
            words.push(Word {
                shouted,
                drawn_out,
                ends_clause,
                ..Word::of(trimmed.to_owned(), entry)
            });
        }
        for valence in signs {
            words.push(Word::sign(String::new(), Entry { valence, emotion: None }));
        }
    }
    words
}

impl Word {
    fn of(text: String, entry: Option<Entry>) -> Self {
        Self { text, entry, shouted: false, drawn_out: false, ends_clause: false }
    }

    /// An emoticon or emoji: it stands at the end of what it is about.
    fn sign(text: String, entry: Entry) -> Self {
        Self { ends_clause: true, ..Self::of(text, Some(entry)) }
    }

    /// Whether it is no word, but an emoticon or an emoji: words have their signs taken off.
    pub(super) fn is_sign(&self) -> bool {
        let is_word = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
        !is_word(self.text.chars().next()) || !is_word(self.text.chars().last())
    }
}

fn is_emoticon(token: &str) -> bool {
    let letters = token.chars().filter(|c| c.is_alphanumeric()).count();
    letters == 0 || letters < token.chars().count() && token.chars().count() <= 4 && letters <= 2
}

/// The entry of a word, of the word without drawn-out letters, or of what it is made from.
fn look_up(lexicon: &Lexicon, word: &str, language: Language) -> (Option<Entry>, bool) {
    if let Some(entry) = lexicon.find(word) {
        return (Some(entry), false);
    }
    for kept in [2, 1] {
        let shorter = without_runs(word, kept);
        if shorter.len() + 1 < word.len()
            && let Some(entry) = lexicon.find(&shorter)
        {
            return (Some(entry), true);
        }
    }
    if language != Language::En {
        return (None, false);
    }
    for (ending, instead) in [
        ("ness", ""),
        ("iness", "y"),
        ("ily", "y"),
        ("ly", ""),
        ("ing", ""),
        ("ing", "e"),
        ("ed", "e"),
        ("es", ""),
        ("s", ""),
        ("'s", ""),
    ] {
        let Some(stem) = word.strip_suffix(ending).filter(|it| it.len() > 2) else { continue };
        if let Some(entry) = lexicon.find(&format!("{stem}{instead}")) {
            return (Some(entry), false);
        }
    }
    (None, false)
}

/// A word in which no letter stands more than so often in a row, where it did three times or more.
fn without_runs(word: &str, kept: usize) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    while let Some(letter) = rest.next() {
        let mut run = 1;
        while rest.next_if_eq(&letter).is_some() {
            run += 1;
        }
        let times = if run > 2 { kept } else { run };
        out.extend(std::iter::repeat_n(letter, times));
    }
    out
}
