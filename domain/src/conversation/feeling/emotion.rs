//! Which emotions a text shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sentiment::small;
use super::words::Word;
use super::{Sentiment, rounded, shares};

/// The basic emotions.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Basic {
    Anger,
    Fear,
    Joy,
    Neutral,
    Sadness,
    Surprise,
}

/// The emotions of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emotion {
    pub primary: Basic,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary: Option<Basic>,
    /// How much of each, 1 in all.
    pub emotions: BTreeMap<Basic, f64>,
    pub confidence: f64,
}

/// From which score on a text without a word of emotion shows one all the same.
const TELLING: f64 = 0.3;

pub(super) fn judge(words: &[Word], sentiment: &Sentiment) -> Emotion {
    let mut weights: BTreeMap<Basic, f64> = BTreeMap::new();
    let mut hits = 0;
    for word in words {
        let Some((emotion, valence)) = word.entry.and_then(|it| Some((it.emotion?, it.valence)))
        else {
            continue;
        };
        // “not happy” is no joy: a word whose sign the text turned says the other thing.
        let against = valence * sentiment.score < 0.0 && sentiment.magnitude >= TELLING;
        let emotion = match emotion {
            Basic::Joy if against => Basic::Sadness,
            Basic::Anger | Basic::Fear | Basic::Sadness if against => continue,
            other => other,
        };
        hits += 1;
        let weight = if word.shouted || word.drawn_out { 1.5 } else { 1.0 };
        *weights.entry(emotion).or_default() += weight;
    }
    if hits == 0 {
        let guessed = match sentiment.score {
            score if score >= TELLING => Basic::Joy,
            score if score <= -TELLING => Basic::Sadness,
            _ => Basic::Neutral,
        };
        let confidence = if guessed == Basic::Neutral { sentiment.confidence } else { 0.3 };
        let emotions = BTreeMap::from([(guessed, 1.0)]);
        return Emotion { primary: guessed, secondary: None, emotions, confidence };
    }
    let mut order: Vec<(Basic, f64)> = weights.iter().map(|(name, it)| (*name, *it)).collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    Emotion {
        primary: order[0].0,
        secondary: order.get(1).map(|it| it.0),
        emotions: shares(weights),
        confidence: rounded((0.3 + 0.2 * small(hits)).min(0.95)),
    }
}
