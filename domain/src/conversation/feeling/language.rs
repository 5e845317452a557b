//! In which language a text is, as far as its small words tell.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::lexicon::Lexicon;

/// A language that can be judged.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
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
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    De,
    #[default]
    En,
    Es,
    Fr,
}

/// Words that are frequent in one of the languages and rare in the others.
const SMALL_WORDS: [(Language, &str); 4] = [
    (
        Language::De,
        " der die das und ist nicht ich du wir ihr sie es ein eine mit für auf auch aber wie was sehr \
         mir mich dir dich dem den hat habe bin bist sind war von zu zum zur schon noch heute kein ",
    ),
    (
        Language::En,
        " the and is are was were not you he she we they it this that with for have has had be been \
         to of in on my your so but what how i'm don't it's can will just today really very ",
    ),
    (
        Language::Es,
        " el la los las y es son yo tú él ella nosotros que de en un una con para por pero muy \
         como qué mi tu su lo te se está estoy estás eres soy hoy más todo gracias hola ",
    ),
    (
        Language::Fr,
        " le la les et est sont pas je tu il elle nous vous ils que de en un une avec pour mais très \
         comme mon ton son ce cette ça suis c'est j'ai n'est au aux du des aujourd'hui merci bonjour ",
    ),
];

impl Language {
    /// The one whose small words are most; English where nothing tells.
    pub fn guess(text: &str) -> Self {
        let mut counts = [0_u32; SMALL_WORDS.len()];
        let text: String = text.chars().take(1_000).collect::<String>().to_lowercase();
        let words = text.split(|c: char| !(c.is_alphabetic() || c == '\''));
        let words: BTreeSet<&str> = words.filter(|it| !it.is_empty()).collect();
        for word in &words {
            for (count, (_, small)) in counts.iter_mut().zip(SMALL_WORDS) {
                *count += u32::from(has(small, word));
            }
        }
        // Letters that the others do not have.
        for (sign, language) in [('ß', 0), ('ñ', 2), ('¿', 2), ('¡', 2), ('œ', 3)] {
            counts[language] += u32::from(text.contains(sign));
        }
        let best = counts.iter().copied().max().unwrap_or_default();
        if best == 0 || counts[1] == best {
            return Self::En;
        }
        let winner = counts.iter().position(|count| *count == best).unwrap_or(1);
        let guess = SMALL_WORDS[winner].0;
        if best <= counts[1] + 1 && felt(&words, Self::En) > felt(&words, guess) {
            return Self::En;
        }
        guess
    }
}

/// How many of the words say something of feelings in a language, small words left out.
fn felt(words: &BTreeSet<&str>, language: Language) -> usize {
    let lexicon = Lexicon::of(language);
    let is_small = |word: &str| SMALL_WORDS.iter().any(|(_, small)| has(small, word));
    words.iter().filter(|it| lexicon.find(it).is_some() && !is_small(it)).count()
}

fn has(small: &str, word: &str) -> bool {
    small.split(' ').any(|it| it == word)
}
