//! The word lists.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Basic, Language};

/// What one list says of a word.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Entry {
    /// From -4 to 4.
    pub(super) valence: f64,
    pub(super) emotion: Option<Basic>,
}

/// The words of one language, and the beginnings of words.
#[derive(Default)]
pub(super) struct Lexicon {
    words: HashMap<&'static str, f64>,
    stems: HashMap<&'static str, f64>,
    felt: HashMap<&'static str, Basic>,
    felt_stems: HashMap<&'static str, Basic>,
    /// Words that turn what follows into its opposite.
    pub(super) negations: &'static [&'static str],
    /// Words that make what follows stronger, and weaker.
    pub(super) boosters: &'static [&'static str],
    pub(super) dampers: &'static [&'static str],
    /// What follows these counts more than what stood before.
    pub(super) turns: &'static [&'static str],
    /// Negations also stand behind what they negate.
    pub(super) negates_behind: bool,
}

static EMOJI: LazyLock<HashMap<char, f64>> = LazyLock::new(|| {
    let lines = rows(include_str!("data/emoji.tsv"));
    lines
        .filter_map(|mut row| Some((row.next()?.chars().next()?, row.next()?.parse().ok()?)))
        .collect()
});

static ENGLISH: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        negations: &[
            "aint", "ain't", "cannot", "cant", "dont", "doesnt", "didnt", "hardly", "isnt", "lack",
            "lacks", "neither", "never", "no", "nobody", "none", "nope", "nor", "not", "nothing",
            "nowhere", "rarely", "scarcely", "seldom", "wasnt", "without", "wont", "wouldnt",
        ],
        boosters: &[
            "absolutely",
            "amazingly",
            "awfully",
            "completely",
            "considerably",
            "damn",
            "decidedly",
            "deeply",
            "enormously",
            "entirely",
            "especially",
            "exceptionally",
            "extremely",
            "fabulously",
            "fucking",
            "fully",
            "greatly",
            "highly",
            "hugely",
            "incredibly",
            "intensely",
            "more",
            "most",
            "particularly",
            "purely",
            "quite",
            "really",
            "remarkably",
            "so",
            "substantially",
            "such",
            "super",
            "thoroughly",
            "too",
            "totally",
            "tremendously",
            "uber",
            "unbelievably",
            "unusually",
            "utterly",
            "very",
        ],
        dampers: &[
            "almost",
            "barely",
            "hardly",
            "kinda",
            "less",
            "little",
            "marginally",
            "occasionally",
            "partly",
            "scarcely",
            "slightly",
            "somewhat",
            "sorta",
        ],
        turns: &["but", "however", "yet"],
        ..Lexicon::default()
    };
    lexicon.read(include_str!("data/en.tsv"));
    for line in lines(include_str!("data/emotions_en.txt")) {
        let Some((name, words)) = line.split_once(':') else { continue };
        let Ok(emotion) = name.parse::<Basic>() else { continue };
        for word in words.split_whitespace() {
            lexicon.feel(word, emotion);
        }
    }
    lexicon
});

static GERMAN: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        negations: &[
            "kein", "keine", "keinen", "keiner", "nicht", "nichts", "nie", "niemals", "ohne",
            "weder",
        ],
        boosters: &[
            "absolut",
            "besonders",
            "echt",
            "extrem",
            "mega",
            "richtig",
            "sehr",
            "so",
            "total",
            "unglaublich",
            "viel",
            "voll",
            "wirklich",
            "zu",
        ],
        dampers: &["bisschen", "etwas", "fast", "kaum", "leicht", "wenig"],
        turns: &["aber", "doch", "jedoch"],
        negates_behind: true,
        ..Lexicon::default()
    };
    lexicon.read(include_str!("data/de.tsv"));
    lexicon
});

static SPANISH: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        negations: &["jamás", "nada", "ni", "ningún", "ninguna", "no", "nunca", "sin", "tampoco"],
        boosters: &[
            "bastante",
            "demasiado",
            "mucha",
            "mucho",
            "muy",
            "más",
            "realmente",
            "re",
            "súper",
            "super",
            "tan",
            "tanto",
            "totalmente",
        ],
        dampers: &["algo", "apenas", "casi", "poco"],
        turns: &["pero", "sino", "aunque"],
        ..Lexicon::default()
    };
    lexicon.read(include_str!("data/es.tsv"));
    lexicon
});

static FRENCH: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        negations: &["aucun", "aucune", "jamais", "ne", "ni", "pas", "rien", "sans"],
        boosters: &[
            "extrêmement",
            "si",
            "tellement",
            "totalement",
            "trop",
            "très",
            "vachement",
            "vraiment",
        ],
        dampers: &["peu", "presque", "plutôt", "légèrement"],
        turns: &["mais", "cependant", "pourtant"],
        negates_behind: true,
        ..Lexicon::default()
    };
    lexicon.read(include_str!("data/fr.tsv"));
    lexicon
});

impl Lexicon {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::De => &GERMAN,
            Language::En => &ENGLISH,
            Language::Es => &SPANISH,
            Language::Fr => &FRENCH,
        }
    }

    fn read(&mut self, list: &'static str) {
        for mut row in rows(list) {
            let (Some(word), Some(Ok(valence))) = (row.next(), row.next().map(str::parse)) else {
                continue;
            };
            match word.strip_suffix('*').filter(|stem| !stem.is_empty()) {
                Some(stem) if row.clone().next().is_some() || stem.len() > 1 => {
                    self.stems.insert(stem, valence);
                }
                _ => {
                    self.words.insert(word, valence);
                }
            }
            if let Some(emotion) = row.next().and_then(|it| it.parse().ok()) {
                self.feel(word, emotion);
            }
        }
    }

    fn feel(&mut self, word: &'static str, emotion: Basic) {
        match word.strip_suffix('*') {
            Some(stem) => self.felt_stems.insert(stem, emotion),
            None => self.felt.insert(word, emotion),
        };
    }

    /// What the list says of a word in lower case; none when it says nothing.
    pub(super) fn find(&self, word: &str) -> Option<Entry> {
        let valence = self.words.get(word).or_else(|| longest(&self.stems, word)).copied();
        let emotion = self.felt.get(word).or_else(|| longest(&self.felt_stems, word)).copied();
        let known = valence.is_some() || emotion.is_some();
        known.then(|| Entry { valence: valence.unwrap_or_default(), emotion })
    }
}

/// The valence of an emoji, if it has one.
pub(super) fn emoji(sign: char) -> Option<f64> {
    EMOJI.get(&sign).copied()
}

/// The entry of the longest beginning of a word.
fn longest<'a, T>(stems: &'a HashMap<&'static str, T>, word: &str) -> Option<&'a T> {
    let ends = word.char_indices().map(|(at, _)| at).skip(2).collect::<Vec<_>>();
    let whole = stems.get(word);
    whole.or_else(|| ends.into_iter().rev().find_map(|end| stems.get(&word[..end])))
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with("# ") && !line.is_empty())
}

fn rows(list: &'static str) -> impl Iterator<Item = std::str::Split<'static, char>> {
    lines(list).map(|line| line.split('\t'))
}
