//! Which files a wish is about.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::Files;
use crate::behaviors::{is_behavior, tests_of};

/// How many files are shown at first when nobody names any.
const MOST: usize = 6;

/// How many files are listed at most.
pub(super) const MOST_LISTED: usize = 1_000;

/// A word of the path says more than one in the text, of which only so many count.
const IN_PATH: usize = 10;
const IN_TEXT: usize = 5;

/// Shorter words are in every text.
const SHORTEST: usize = 3;

/// The named files, or those that say the most words of the wish; with each behavior its tests.
pub(super) fn chosen(files: &Files, named: &[String], wish: &str) -> Vec<String> {
    let mut paths = named.to_vec();
    if paths.is_empty() {
        let words = words(wish);
        let mut scored: Vec<_> = files
            .iter()
            .filter(|(path, _)| !path.ends_with(".test.rhai"))
            .map(|(path, text)| (score(&words, path, text), path))
            .filter(|(score, _)| *score > 0)
            .collect();
        scored.sort_by_key(|(score, path)| (Reverse(*score), *path));
        paths = scored.into_iter().take(MOST).map(|(_, path)| path.clone()).collect();
    }
    let mut all = Vec::new();
    for path in paths {
        let tests = is_behavior(&path).then(|| tests_of(&path));
        for path in [Some(path), tests].into_iter().flatten() {
            if files.contains_key(&path) && !all.contains(&path) {
                all.push(path);
            }
        }
    }
    all
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= SHORTEST).collect()
}

fn score(words: &BTreeSet<String>, path: &str, text: &str) -> usize {
    let (path, text) = (path.to_lowercase(), text.to_lowercase());
    let of = |word: &String| {
        let in_path = if path.contains(word.as_str()) { IN_PATH } else { 0 };
        in_path + text.matches(word.as_str()).take(IN_TEXT).count()
    };
    words.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_finds_its_files_and_a_behavior_brings_its_tests() {
        let files = Files::from(
            [
                ("behaviors/dice.rhai", "roll"),
                ("behaviors/faq.rhai", "answer the question"),
                ("behaviors/faq.test.rhai", "when"),
                ("settings/faq.toml", "[[entry]]"),
            ]
            .map(|(path, text)| (path.to_owned(), text.to_owned())),
        );
        let found = chosen(&files, &[], "make the FAQ answer shorter");
        assert_eq!(found, ["behaviors/faq.rhai", "behaviors/faq.test.rhai", "settings/faq.toml"]);
        assert_eq!(chosen(&files, &["settings/faq.toml".into()], "dice"), ["settings/faq.toml"]);
        assert!(chosen(&files, &[], "zzz").is_empty());
    }
}
