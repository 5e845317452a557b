//! How positive a text is.

use serde::{Deserialize, Serialize};

use super::lexicon::Lexicon;
use super::words::Word;
use super::{Language, rounded};

/// How positive a text is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// From -1 to 1.
    pub score: f64,
    /// How much feeling there is: the score without its sign.
    pub magnitude: f64,
    pub confidence: f64,
}

/// How much a word before changes one, and the least distance at which it does less.
const BOOST: f64 = 0.293;
/// What a negation leaves of a word, and turns around.
const NEGATED: f64 = -0.74;
/// What capitals add.
const SHOUT: f64 = 0.733;
/// What each exclamation mark adds, up to four.
const EXCLAMATION: f64 = 0.292;
/// How fast the sum comes near 1.
const BEND: f64 = 6.0;

/// What is said to mean the opposite.
const IRONY: &[&str] = &["yeah right", "yea right", "sure jan", "as if!", "🙄"];
/// The same at the end of it.
const IRONIC_ENDS: &[&str] = &["/s", ". not!", "! not!", ", not!", "… not!", "\nnot!"];

pub(super) fn judge(text: &str, words: &[Word], language: Language) -> Sentiment {
    let lexicon = Lexicon::of(language);
    let mut valences: Vec<f64> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let is_booster = lexicon.boosters.contains(&word.text.as_str())
            || lexicon.dampers.contains(&word.text.as_str());
        let own = word.entry.map_or(0.0, |it| it.valence);
        // A word that makes others stronger says little itself: “pretty”, “damn”.
        let leads = is_booster && words.get(at + 1).is_some_and(|it| it.entry.is_some());
        valences.push(if own == 0.0 || leads { 0.0 } else { valence(own, words, at, lexicon) });
    }
    weigh_turns(&mut valences, words, lexicon);

    let hits = valences.iter().filter(|it| **it != 0.0).count();
    if hits == 0 {
        return Sentiment {
            score: 0.0,
            magnitude: 0.0,
            confidence: if words.is_empty() { 0.0 } else { 0.3 },
        };
    }
    let mut sum: f64 = valences.iter().sum();
    let marks = text.matches('!').count().min(4);
    sum += sum.signum() * EXCLAMATION * small(marks);
    if sum > 0.0 {
        let lower = text.to_lowercase();
        let ends = |it: &&str| lower.trim_end().ends_with(*it);
        if IRONY.iter().any(|it| lower.contains(it)) || IRONIC_ENDS.iter().any(ends) {
            sum *= NEGATED;
        }
    }
    let score = rounded((sum / (sum * sum + BEND).sqrt()).clamp(-1.0, 1.0));
    let confidence = rounded((0.4 + 0.2 * small(hits)).min(0.95));
    Sentiment { score, magnitude: score.abs(), confidence }
}

/// What a word says where it stands.
fn valence(own: f64, words: &[Word], at: usize, lexicon: &Lexicon) -> f64 {
    // “No cheque :(” is as sad as it looks.
    if words[at].is_sign() {
        return own;
    }
    let mut valence = own;
    if words[at].shouted {
        valence += SHOUT * own.signum();
    }
    if words[at].drawn_out {
        valence += BOOST * own.signum();
    }
    let mut negated = false;
    for distance in 1..=3 {
        let Some(before) = at.checked_sub(distance).map(|it| &words[it]) else { break };
        if before.ends_clause {
            break;
        }
        let text = before.text.as_str();
        let fades = [1.0, 0.95, 0.9][distance - 1];
        let louder = if before.shouted || before.drawn_out { 0.3 } else { 0.0 };
        // “so” of “sooo” is found by its plain form.
        let plain = text.trim_end_matches('o').len() + 1;
        let is_so = text.starts_with("so") && plain == 2 && text.len() > 2;
        if lexicon.boosters.contains(&text) || is_so {
            valence += (BOOST + louder) * fades * own.signum();
        } else if lexicon.dampers.contains(&text) {
            valence -= BOOST * fades * own.signum();
        }
        // “Never so well” is well indeed.
        let mut between = words[at - distance + 1..at].iter();
        if text == "never" && between.any(|it| ["so", "this"].contains(&it.text.as_str())) {
            valence += BOOST * own.signum();
        } else if text != "no" || distance < 3 {
            negated |= is_negation(text, lexicon);
        }
    }
    if lexicon.negates_behind && !words[at].ends_clause {
        for after in words.iter().skip(at + 1).take(3) {
            negated |= is_negation(&after.text, lexicon);
            if after.ends_clause {
                break;
            }
        }
    }
    if negated { valence * NEGATED } else { valence }
}

fn is_negation(text: &str, lexicon: &Lexicon) -> bool {
    lexicon.negations.contains(&text) || text.ends_with("n't") || text.starts_with("n'")
}

/// What stands behind a “but” is what was meant.
fn weigh_turns(valences: &mut [f64], words: &[Word], lexicon: &Lexicon) {
    let Some(turn) = words.iter().rposition(|it| lexicon.turns.contains(&it.text.as_str())) else {
        return;
    };
    if !valences[turn..].iter().any(|it| *it != 0.0) {
        return;
    }
    for (at, valence) in valences.iter_mut().enumerate() {
        *valence *= if at < turn { 0.5 } else { 1.5 };
    }
}

/// Counts here are small.
pub(super) fn small(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
