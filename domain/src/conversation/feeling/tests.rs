//! What holds for judgements of feelings.

use proptest::prelude::*;

use super::*;

#[test]
fn the_sample_of_the_catalogue_is_exact() {
    let felt = judge("I'm so happy today!", &[], None);
    assert_eq!(felt.language, Language::En);
    assert_eq!(felt.sentiment, Sentiment { score: 0.8, magnitude: 0.8, confidence: 0.6 });
    assert_eq!(felt.emotion.primary, Basic::Joy);
    assert_eq!(felt.emotion.emotions, BTreeMap::from([(Basic::Joy, 1.0)]));
    assert_eq!((felt.emotion.secondary, felt.emotion.confidence), (None, 0.5));
    assert_eq!((felt.mood.mood.as_str(), felt.mood.intensity), ("happy", 0.8));
    assert_eq!(felt.mood.factors, ["positive sentiment"]);
    assert!(!felt.conflict.is_conflict && felt.conflict.indicators.is_empty());
    assert_eq!((felt.conflict.severity, felt.conflict.confidence), (Severity::Low, 0.0));
}

#[test]
fn signs_are_read_in_four_languages() {
    for (text, language, positive) in [
        ("I am not happy with this.", Language::En, false),
        ("This is sooo goooood 😀", Language::En, true),
        ("The food was great, but the service was horrible.", Language::En, false),
        ("oh yeah right, what a wonderful day", Language::En, false),
        ("I like it a lot. Not!", Language::En, false),
        ("Hope not! He is a good one, as if made for it", Language::En, true),
        ("I have never slept so well", Language::En, true),
        ("Still no cheque :(", Language::En, false),
        ("Me voy a la playa :D", Language::Es, true),
        ("Words that should die this year. Die die die", Language::En, false),
        ("Bad bus, no biscuit", Language::En, false),
        ("Die Katze ist nicht glücklich", Language::De, false),
        ("Estoy muy feliz con el resultado", Language::Es, true),
        ("No me gusta, es un horror y estoy muy triste", Language::Es, false),
        ("Ich bin sehr glücklich mit dem Ergebnis", Language::De, true),
        ("Das ist nicht gut und ich bin wütend", Language::De, false),
        ("Je suis très heureux de ce résultat", Language::Fr, true),
        ("Je n'aime pas ça, c'est vraiment nul", Language::Fr, false),
    ] {
        let felt = judge(text, &[], None);
        assert_eq!(felt.language, language, "{text}");
        assert_eq!(felt.sentiment.score > 0.0, positive, "{text}: {:?}", felt.sentiment);
        assert!(felt.sentiment.magnitude > 0.0, "{text}");
    }
}

#[test]
fn emphasis_makes_stronger_and_hedges_make_weaker() {
    let score = |text| judge(text, &[], Some(Language::En)).sentiment.score;
    assert!(score("it is very good") > score("it is good"));
    assert!(score("it is GOOD really") > score("it is good really"));
    assert!(score("it is good!!!") > score("it is good"));
    assert!(score("it is slightly good") < score("it is good"));
}

#[test]
fn a_quarrel_is_seen_with_its_severity() {
    for (text, severity, indicator) in [
        ("You are an idiot", Some(Severity::Medium), "aggression"),
        ("go away", Some(Severity::Low), "aggression"),
        ("SHUT UP you stupid idiot, I fucking hate you", Some(Severity::High), "aggression"),
        ("I will kill you, you worthless scum, I hate you", Some(Severity::High), "threat"),
        ("I was an idiot to forget my keys", None, ""),
        ("This bug is killing me", None, ""),
        ("I disagree with you.", None, ""),
    ] {
        let found = judge(text, &[], None).conflict;
        assert_eq!(found.is_conflict, severity.is_some(), "{text}: {found:?}");
        if let Some(severity) = severity {
            assert_eq!(found.severity, severity, "{text}: {found:?}");
            assert!(found.indicators.iter().any(|it| it == indicator), "{text}: {found:?}");
        }
    }
}

#[test]
fn moods_follow_the_conversation() {
    let before = ["this is terrible", "I hate it, it is awful"];
    let felt = judge("and now it is broken again, I am so angry", &before, None);
    assert_eq!(felt.mood.mood, "angry", "{felt:?}");
    let better = judge("it works now, thank you so much, I love it!", &before, None);
    assert!(better.mood.factors.iter().any(|it| it == "getting better"), "{better:?}");
}

proptest! {
    #[test]
    fn every_text_is_judged_within_bounds(text in "\\PC{0,300}", before in "\\PC{0,50}") {
        let felt = judge(&text, &[&before], None);
        prop_assert!((-1.0..=1.0).contains(&felt.sentiment.score));
        prop_assert!((felt.sentiment.magnitude - felt.sentiment.score.abs()).abs() < 1e-9);
        for part in [felt.sentiment.confidence, felt.emotion.confidence, felt.mood.intensity] {
            prop_assert!((0.0..=1.0).contains(&part));
        }
        let sum: f64 = felt.emotion.emotions.values().sum();
        prop_assert!((sum - 1.0).abs() < 0.05, "{}", sum);
        prop_assert_eq!(felt.conflict.is_conflict, !felt.conflict.indicators.is_empty());
    }
}
