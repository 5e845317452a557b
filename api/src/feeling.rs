//! How people feel, as answers show it; and `/conversational/emotional/analyze`.

use std::collections::BTreeMap;

use domain::conversation::feeling::{self, Feeling};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use crate::Tag;
use crate::answer::{Result, Written};
use crate::auth::{May, needs};

pub(crate) struct FeelingApi;

/// How positive a text is, in short.
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
    pub(crate) primary: String,
    confidence: f64,
}

/// How somebody feels in a conversation.
#[derive(Object)]
pub(crate) struct EmotionalContext {
    sentiment: Sentiment,
    emotion: Emotion,
    mood: Mood,
    conflict: Conflict,
}

#[derive(Object)]
struct Sentiment {
    /// From -1 to 1.
    score: f64,
    /// The score without its sign.
    magnitude: f64,
    confidence: f64,
    /// How it was judged.
    approach: String,
}

#[derive(Object)]
struct Emotion {
    /// `joy`, `neutral`, `sadness`, `anger`, `fear` or `surprise`.
    primary: String,
    #[oai(skip_serializing_if_is_none)]
    secondary: Option<String>,
    /// The weight of each, 1 in all.
    emotions: BTreeMap<String, f64>,
    confidence: f64,
}

#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the wire says so")]
struct Mood {
    mood: String,
    intensity: f64,
    confidence: f64,
    /// What it was read from.
    factors: Vec<String>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the wire says so")]
struct Conflict {
    is_conflict: bool,
    /// `low`, `medium` or `high`.
    severity: String,
    confidence: f64,
    /// What tells of it.
    indicators: Vec<String>,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Speaker {
    Assistant,
    User,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct SaidBefore {
    role: Speaker,
    #[oai(validator(max_length = 4000))]
    content: String,
    #[oai(validator(max_length = 64))]
    timestamp: Option<String>,
}

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TextToJudge {
    #[oai(validator(min_length = 1, max_length = 4000))]
    text: String,
    /// What was said before, oldest first.
    #[oai(default, validator(max_items = 100))]
    history: Vec<SaidBefore>,
}

#[OpenApi(prefix_path = "/api/v1/conversational/emotional", tag = "Tag::Conversation")]
impl FeelingApi {
    /// Judge how the writer of a text feels
    ///
    /// By rules and word lists, for English, Spanish, German and French; nothing is kept, and nothing leaves
    /// the process.
    #[oai(path = "/analyze", method = "post", operation_id = "analyzeFeeling")]
    #[expect(clippy::unused_async, reason = "the framework asks for it")]
    async fn analyze(
        &self,
        _may: May<needs::WriteConversation>,
        body: Json<TextToJudge>,
    ) -> Result<Written<EmotionalContext>> {
        let TextToJudge { text, history } = body.0;
        let before = history.iter().filter(|it| it.role == Speaker::User);
        let before: Vec<&str> = before.map(|it| it.content.as_str()).collect();
        let felt = feeling::judge(&text, &before, None);
        Ok(Written::nothing(EmotionalContext::of(felt)))
    }
}

impl SentimentGuess {
    pub(crate) fn of(felt: &Feeling) -> Self {
        let feeling::Sentiment { score, magnitude, confidence } = felt.sentiment;
        Self { score, magnitude, confidence }
    }
}

impl EmotionGuess {
    pub(crate) fn of(felt: &Feeling) -> Self {
        let primary = felt.emotion.primary.as_ref().to_owned();
        Self { primary, confidence: felt.emotion.confidence }
    }
}

impl EmotionalContext {
    pub(crate) fn of(felt: Feeling) -> Self {
        let Feeling { sentiment, emotion, mood, conflict, .. } = felt;
        let named = |it: feeling::Basic| it.as_ref().to_owned();
        Self {
            sentiment: Sentiment {
                score: sentiment.score,
                magnitude: sentiment.magnitude,
                confidence: sentiment.confidence,
                approach: "rule-based".to_owned(),
            },
            emotion: Emotion {
                primary: named(emotion.primary),
                secondary: emotion.secondary.map(named),
                emotions: emotion
                    .emotions
                    .into_iter()
                    .map(|(it, share)| (named(it), share))
                    .collect(),
                confidence: emotion.confidence,
            },
            mood: Mood {
                mood: mood.mood,
                intensity: mood.intensity,
                confidence: mood.confidence,
                factors: mood.factors,
            },
            conflict: Conflict {
                is_conflict: conflict.is_conflict,
                severity: conflict.severity.as_ref().to_owned(),
                confidence: conflict.confidence,
                indicators: conflict.indicators,
            },
        }
    }
}
