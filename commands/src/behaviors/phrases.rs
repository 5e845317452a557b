//! Finds the phrases that a text holds, all at once: as whole words, upper or lower case.

use aho_corasick::AhoCorasick;

/// See the module. Each phrase leads to a number.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    /// None when there are no phrases.
    automaton: Option<AhoCorasick>,
    numbers: Vec<usize>,
}

impl Phrases {
    /// What cannot be searched for is left out and told.
    pub(super) fn new(phrases: Vec<(String, usize)>) -> Self {
        let (words, numbers): (Vec<_>, Vec<_>) =
            phrases.into_iter().map(|(phrase, number)| (folded(&phrase), number)).unzip();
        if words.is_empty() {
            return Self::default();
        }
        match AhoCorasick::new(&words) {
            Ok(automaton) => Self { automaton: Some(automaton), numbers },
            Err(error) => {
                tracing::error!(%error, "the phrases of responders cannot be searched for");
                Self::default()
            }
        }
    }

    /// The numbers of the phrases in a text, sorted, each once.
    pub(super) fn of(&self, text: &str) -> Vec<usize> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let text = folded(text);
        let whole = |start: usize, end: usize| {
            let before = text[..start].chars().next_back();
            let after = text[end..].chars().next();
            let inside = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
            !inside(before) && !inside(after)
        };
        let found = automaton.find_overlapping_iter(&text);
        let found = found.filter(|it| whole(it.start(), it.end()));
        let mut numbers: Vec<_> = found.map(|it| self.numbers[it.pattern().as_usize()]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Without upper case, and with single spaces.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_as_whole_words_whatever_their_case() {
        let phrases = [("how do I join", 2), ("rules", 0), ("Straße", 1), ("c++", 3)];
        let phrases = Phrases::new(phrases.map(|(it, number)| (it.to_owned(), number)).into());
        for (text, found) in [
            ("What are the RULES? How  do i\njoin?", vec![0, 2]),
            ("rulest", vec![]),
            ("die straße", vec![1]),
            ("I like C++!", vec![3]),
            ("", vec![]),
        ] {
            assert_eq!(phrases.of(text), found, "{text}");
        }
    }
}
