//! What is said about moods. Nobody judges them yet, so all of it is neutral.

use std::collections::BTreeMap;

use poem_openapi::Object;

/// How positive a text is.
#[derive(Object)]
pub(crate) struct SentimentGuess {
    /// From -1 to 1.
    score: f64,
    magnitude: f64,
    confidence: f64,
}

/// The strongest emotion.
#[derive(Object)]
pub(crate) struct EmotionGuess {
    primary: String,
    confidence: f64,
}

/// The mood of a conversation.
#[derive(Object)]
pub(crate) struct EmotionalContext {
    sentiment: Sentiment,
    emotion: Emotion,
    mood: Mood,
}

#[derive(Object)]
struct Sentiment {
    score: f64,
    magnitude: f64,
    confidence: f64,
    /// How it was judged.
    approach: String,
}

#[derive(Object)]
struct Emotion {
    primary: String,
    /// The weight of each.
    emotions: BTreeMap<String, f64>,
    confidence: f64,
}

#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the wire says so")]
struct Mood {
    mood: String,
    intensity: f64,
    confidence: f64,
    factors: Vec<String>,
}

impl SentimentGuess {
    pub(crate) fn neutral() -> Self {
        Self { score: 0.0, magnitude: 0.0, confidence: 0.0 }
    }
}

impl EmotionGuess {
    pub(crate) fn neutral() -> Self {
        Self { primary: "neutral".to_owned(), confidence: 0.0 }
    }
}

impl EmotionalContext {
    pub(crate) fn neutral() -> Self {
        let neutral = || "neutral".to_owned();
        Self {
            sentiment: Sentiment {
                score: 0.0,
                magnitude: 0.0,
                confidence: 0.0,
                approach: "rule-based".to_owned(),
            },
            emotion: Emotion {
                primary: neutral(),
                emotions: BTreeMap::from([(neutral(), 1.0)]),
                confidence: 0.0,
            },
            mood: Mood { mood: neutral(), intensity: 0.0, confidence: 0.0, factors: Vec::new() },
        }
    }
}
