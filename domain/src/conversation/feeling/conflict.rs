//! Whether somebody is picking a quarrel.

use serde::{Deserialize, Serialize};

use super::words::Word;
use super::{Basic, Emotion, Sentiment, rounded};

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::AsRefStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    Low,
    Medium,
    High,
}

/// Whether somebody is picking a quarrel. Without one: low, 0, and nothing that tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    pub is_conflict: bool,
    pub severity: Severity,
    pub confidence: f64,
    pub indicators: Vec<String>,
}

/// Words that are thrown at people, by how they begin; in all four languages.
const INSULTS: &[&str] = &[
    "arschloch",
    "asshole",
    "bastard",
    "bitch",
    "clown",
    "connard",
    "coward",
    "dumb",
    "dumm",
    "fool",
    "idiot",
    "imbecil",
    "imbécil",
    "jerk",
    "liar",
    "loser",
    "mentir",
    "moron",
    "pathetic",
    "pig",
    "scum",
    "stupid",
    "stupide",
    "tonto",
    "trash",
    "troll",
    "worthless",
    "estúpid",
    "lügner",
];

/// Words that threaten.
const THREATS: &[&str] =
    &["destroy", "hurt", "kill", "punch", "regret", "beat", "umbringen", "matar", "tuer", "smash"];

/// Words that are spat out.
const CURSES: &[&str] =
    &["fuck", "shit", "damn", "mierda", "merde", "scheiß", "scheisse", "putain", "crap"];

/// Words that mean the one who is spoken to.
const YOU: &[&str] = &[
    "du", "dich", "dir", "te", "tu", "tú", "u", "usted", "vous", "toi", "ur", "you", "your",
    "you're", "youre", "eres", "es",
];

/// What sends people away.
const DISMISSALS: &[[&str; 2]] =
    &[["shut", "up"], ["go", "away"], ["get", "lost"], ["screw", "you"]];

pub(super) fn judge(
    words: &[Word],
    sentiment: &Sentiment,
    emotion: &Emotion,
    before: &[f64],
) -> Conflict {
    let starts =
        |list: &[&str]| words.iter().any(|word| list.iter().any(|it| word.text.starts_with(it)));
    let at_you = words.iter().any(|word| YOU.contains(&word.text.as_str()));
    let dismissed = words
        .windows(2)
        .any(|two| DISMISSALS.iter().any(|it| two[0].text == it[0] && two[1].text == it[1]));
    let shouted = words.iter().filter(|word| word.shouted).count() >= 3;

    let negative = sentiment.score <= -0.3;
    let mut score = 0.0;
    let mut indicators = Vec::new();
    let mut tells = |is: bool, name: &str, weight: f64| {
        if is {
            score += weight;
            indicators.push(name.to_owned());
        }
    };
    let insulted = starts(INSULTS) && (at_you || words.len() <= 3) && sentiment.score < 0.0;
    tells(insulted || dismissed, "aggression", 0.5);
    tells(starts(THREATS) && at_you && negative, "threat", 0.6);
    tells(starts(CURSES) && negative, "profanity", 0.2);
    tells(negative && emotion.primary == Basic::Anger, "anger", 0.2);
    tells(negative && shouted, "shouting", 0.2);
    tells(negative, "negative sentiment", 0.1);
    let last: Vec<_> = before.iter().rev().take(2).collect();
    tells(negative && last.len() == 2 && last.iter().all(|it| **it <= -0.3), "escalation", 0.2);

    if score < 0.45 {
        return Conflict {
            is_conflict: false,
            severity: Severity::Low,
            confidence: 0.0,
            indicators: Vec::new(),
        };
    }
    let severity = match score {
        score if score >= 0.95 => Severity::High,
        score if score >= 0.7 => Severity::Medium,
        _ => Severity::Low,
    };
    let confidence = rounded(f64::min(score, 0.95));
    Conflict { is_conflict: true, severity, confidence, indicators }
}
