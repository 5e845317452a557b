//! The settings of the AI provider, and what is made of them.

use std::sync::Arc;
use std::time::Duration;

use adapters::fallback_model::FallbackModel;
use adapters::genai_models::{GenaiModel, Protocol, Provider};
use adapters::local_model::LocalModel;
use anyhow::{bail, ensure};
use commands::ports::{ChatModel, RecentFaults};
use commands::self_editing::Suggesting;
use serde::Deserialize;

use crate::config::Secret;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai {
    pub provider: String,
    pub base_url: String,
    pub model: String,
    pub api_key: Secret,
    pub timeout_s: u64,
    pub max_output_tokens: u32,
    pub attempts: u32,
    pub autonomy: bool,
}

impl Ai {
    pub fn is_configured(&self) -> bool {
        self.provider != "none"
    }

    /// The provider; none when none is configured. Says which setting is wrong.
    pub fn provider(&self) -> anyhow::Result<Option<Provider>> {
        let protocol = match self.provider.as_str() {
            "anthropic" => Protocol::Anthropic,
            "none" => return Ok(None),
            "openai" => Protocol::OpenAi,
            other => bail!(
                "the setting “ai.provider” is wrong: “{other}” is none of none, openai, anthropic"
            ),
        };
        ensure!(
            !self.model.is_empty(),
            "the setting “ai.model” is missing: name a model of the provider"
        );
        let own = !self.base_url.is_empty();
        let keyless = own && protocol == Protocol::OpenAi;
        ensure!(
            keyless || !self.api_key.is_empty(),
            "the setting “ai.api_key” (PALIMPSEST_AI__API_KEY) is missing"
        );
        let parsed = reqwest::Url::parse(&self.base_url).ok();
        ensure!(
            !own || parsed
                .is_some_and(|it| ["http", "https"].contains(&it.scheme()) && it.has_host()),
            "the setting “ai.base_url” is wrong: it is an address such as {}",
            protocol.url()
        );
        ensure!(self.timeout_s > 0, "the setting “ai.timeout_s” is wrong: it is at least 1");
        ensure!(
            self.max_output_tokens > 0,
            "the setting “ai.max_output_tokens” is wrong: it is at least 1"
        );
        ensure!(
            (1..=10).contains(&self.attempts),
            "the setting “ai.attempts” is wrong: it is 1 to 10"
        );
        Ok(Some(Provider {
            protocol,
            base_url: own.then(|| self.base_url.clone()),
            model: self.model.clone(),
            api_key: self.api_key.reveal().to_owned(),
            timeout: Duration::from_secs(self.timeout_s),
            max_output_tokens: self.max_output_tokens,
        }))
    }

    /// What people talk with, and what suggests edits.
    pub(crate) fn models(
        &self,
        faults: Arc<dyn RecentFaults>,
    ) -> anyhow::Result<(Arc<dyn ChatModel>, Suggesting)> {
        let Some(provider) = self.provider()? else {
            return Ok((Arc::new(LocalModel), Suggesting::default()));
        };
        let model: Arc<dyn ChatModel> = Arc::new(FallbackModel(GenaiModel::new(provider)?));
        Ok((model.clone(), Suggesting::new(model, faults, self.attempts, self.autonomy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_told_by_name() {
        let fit = Ai {
            provider: "anthropic".into(),
            base_url: String::new(),
            model: "m".into(),
            api_key: Secret::from("k".to_owned()),
            timeout_s: 1,
            max_output_tokens: 1,
            attempts: 1,
            autonomy: false,
        };
        let url = fit.provider().unwrap().map(|it| it.url());
        assert_eq!(url.as_deref(), Some("https://api.anthropic.com/v1/"));
        let local = Ai { base_url: "http://127.0.0.1:9/v1".into(), ..fit.clone() };
        let local = Ai { provider: "openai".into(), api_key: Secret::default(), ..local };
        let url = local.provider().unwrap().map(|it| it.url());
        assert_eq!(url.as_deref(), Some("http://127.0.0.1:9/v1/"));

        for (wrong, setting) in [
            (Ai { provider: "other".into(), ..fit.clone() }, "ai.provider"),
            (Ai { model: String::new(), ..fit.clone() }, "ai.model"),
            (Ai { api_key: Secret::default(), ..fit.clone() }, "ai.api_key"),
            (Ai { base_url: "localhost".into(), ..fit.clone() }, "ai.base_url"),
            (Ai { timeout_s: 0, ..fit.clone() }, "ai.timeout_s"),
            (Ai { max_output_tokens: 0, ..fit.clone() }, "ai.max_output_tokens"),
            (Ai { attempts: 0, ..fit.clone() }, "ai.attempts"),
        ] {
            let Err(error) = wrong.provider() else { panic!("{setting}") };
            assert!(error.to_string().contains(&format!("“{setting}”")), "{error}");
        }
    }
}
