//! What a text says about how its writer feels. Pure: the same text gives the same answer.
//!
//! By rules and word lists: valence after VADER (Hutto & Gilbert, ICWSM 2014) with its word list, for English;
//! shorter lists of our own for Spanish, German and French. Nothing here leaves the process.

mod conflict;
mod emotion;
mod language;
mod lexicon;
mod mood;
mod sentiment;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use conflict::{Conflict, Severity};
pub use emotion::{Basic, Emotion};
pub use language::Language;
pub use mood::Mood;
pub use sentiment::Sentiment;

/// How many characters are looked at; what follows changes nothing.
const LONGEST: usize = 10_000;

/// How somebody feels, as far as a text tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feeling {
    pub language: Language,
    pub sentiment: Sentiment,
    pub emotion: Emotion,
    pub mood: Mood,
    pub conflict: Conflict,
}

/// Judges a text, after what its writer said before, oldest first. Without a language, it is guessed.
pub fn judge(text: &str, before: &[&str], language: Option<Language>) -> Feeling {
    let language = language.unwrap_or_else(|| Language::guess(text));
    let read = |text: &str| {
        let words = words::words(cut(text), language);
        let sentiment = sentiment::judge(text, &words, language);
        let emotion = emotion::judge(&words, &sentiment);
        (words, sentiment, emotion)
    };
    let (words, sentiment, emotion) = read(text);
    let earlier: Vec<_> = before.iter().map(|text| read(text)).collect();
    let scores: Vec<f64> = earlier.iter().map(|(_, sentiment, _)| sentiment.score).collect();
    let mood = mood::judge(&sentiment, &emotion, &scores);
    let conflict = conflict::judge(&words, &sentiment, &emotion, &scores);
    Feeling { language, sentiment, emotion, mood, conflict }
}

/// The first characters of a text.
fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// Two digits are as exact as this gets.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Weights that sum up to 1.
fn shares(weights: BTreeMap<Basic, f64>) -> BTreeMap<Basic, f64> {
    let sum: f64 = weights.values().sum();
    weights.into_iter().map(|(name, weight)| (name, rounded(weight / sum))).collect()
}
