//! How somebody feels over a conversation.

use serde::{Deserialize, Serialize};

use super::{Basic, Emotion, Sentiment, rounded};

/// How somebody feels over a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mood {
    /// A word for it.
    pub mood: String,
    /// From 0 to 1.
    pub intensity: f64,
    pub confidence: f64,
    /// What it was read from, in plain words.
    pub factors: Vec<String>,
}

/// How much of a message's weight the one before it has.
const FADES: f64 = 0.6;

pub(super) fn judge(sentiment: &Sentiment, emotion: &Emotion, before: &[f64]) -> Mood {
    let (mut sum, mut weights, mut weight) = (sentiment.score, 1.0, 1.0);
    for score in before.iter().rev().take(10) {
        weight *= FADES;
        sum += score * weight;
        weights += weight;
    }
    let score = rounded(sum / weights);
    let word = match (emotion.primary, score) {
        (_, score) if score >= 0.5 => "happy",
        (_, score) if score >= 0.1 => "content",
        (Basic::Anger, score) if score <= -0.1 => "angry",
        (Basic::Fear, score) if score <= -0.1 => "anxious",
        (Basic::Sadness, score) if score <= -0.1 => "sad",
        (_, score) if score <= -0.1 => "upset",
        _ => "neutral",
    };
    let mut factors = Vec::new();
    match sentiment.score {
        score if score >= 0.1 => factors.push("positive sentiment".to_owned()),
        score if score <= -0.1 => factors.push("negative sentiment".to_owned()),
        _ => {}
    }
    if score < 0.1 && ![Basic::Joy, Basic::Neutral].contains(&emotion.primary) {
        factors.push(format!("words of {}", emotion.primary.as_ref()));
    }
    if let Some(last) = before.last() {
        match sentiment.score - last {
            change if change >= 0.5 => factors.push("getting better".to_owned()),
            change if change <= -0.5 => factors.push("getting worse".to_owned()),
            _ => {}
        }
    }
    Mood {
        mood: word.to_owned(),
        intensity: score.abs(),
        confidence: sentiment.confidence,
        factors,
    }
}
