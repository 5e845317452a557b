//! A chat model that needs no key and no network: it answers from the workspace's responders.

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{Answer, ChatModel, Prompt};
use serde::Deserialize;

/// Where the responders are.
const FILE: &str = "settings/responders.toml";

/// What is said when the workspace says nothing.
const SPEECHLESS: &str =
    "I have no responders: settings/responders.toml is missing or cannot be read.";

/// See the module.
pub struct LocalModel;

#[derive(Deserialize)]
struct Responders {
    #[serde(default)]
    responder: Vec<Responder>,
    fallback: Option<Fallback>,
}

#[derive(Deserialize)]
struct Responder {
    phrases: Vec<String>,
    answer: String,
}

#[derive(Deserialize)]
struct Fallback {
    answer: String,
}

#[async_trait]
impl ChatModel for LocalModel {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError> {
        let responders = prompt.workspace.get(FILE).and_then(|text| toml::from_str(text).ok());
        let text = responders.and_then(|it: Responders| it.answer(&prompt.text));
        let text = text.unwrap_or_else(|| SPEECHLESS.to_owned());
        prompt.deltas.tell(&text);
        Ok(Answer {
            tokens_in: words(&prompt.text).count() as u64,
            tokens_out: words(&text).count() as u64,
            text,
            provider: "local".to_owned(),
            model: "responders".to_owned(),
            ..Answer::default()
        })
    }
}

impl Responders {
    fn answer(self, said: &str) -> Option<String> {
        let heard: Vec<String> = words(said).collect();
        let matches = |phrase: &String| {
            let phrase: Vec<String> = words(phrase).collect();
            !phrase.is_empty() && heard.windows(phrase.len()).any(|window| window == phrase)
        };
        let found = self.responder.into_iter().find(|it| it.phrases.iter().any(matches));
        let answer = found.map(|it| it.answer).or_else(|| self.fallback.map(|it| it.answer))?;
        Some(answer.replace("{text}", said))
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    parts.filter(|part| !part.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONDERS: &str = r#"
        [[responder]]
        phrases = ["hi", "good morning"]
        answer = "Hello to “{text}”"
        [fallback]
        answer = "Hm."
    "#;

    #[tokio::test]
    async fn phrases_match_whole_words_in_any_case() {
        for (said, answer) in [
            ("Hi!", "Hello to “Hi!”"),
            ("well, GOOD   morning all", "Hello to “well, GOOD   morning all”"),
            ("this", "Hm."),
            ("morning, good", "Hm."),
        ] {
            assert_eq!(answered(said, Some(RESPONDERS)).await, answer, "{said}");
        }
    }

    #[tokio::test]
    async fn without_responders_it_says_what_is_missing() {
        for responders in [None, Some("= broken")] {
            assert!(answered("hi", responders).await.contains(FILE));
        }
    }

    async fn answered(text: &str, responders: Option<&str>) -> String {
        let workspace = responders.map(|text| (FILE.to_owned(), text.to_owned()));
        let workspace = workspace.into_iter().collect();
        let prompt = Prompt { text: text.to_owned(), workspace, ..Prompt::default() };
        LocalModel.answer(prompt).await.unwrap().text
    }
}
