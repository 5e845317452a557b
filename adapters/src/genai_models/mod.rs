//! Models of providers that speak OpenAI's or Anthropic's protocol, through the library `genai`.

mod failures;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::{
    Answer, ChatModel, Deltas, Message, ModelError, ModelName, Prompt, Step, Work,
};
use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatStreamEvent, StreamEnd};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget, WebConfig};
use reqwest_of_genai::redirect::Policy;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How large an answer may be, in bytes of its texts and calls.
const MAX_ANSWER: usize = 1024 * 1024;

/// The protocol of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Anthropic,
    OpenAi,
}

/// How a provider is reached.
#[derive(Clone)]
pub struct Provider {
    pub protocol: Protocol,
    /// Without one, the provider's own address.
    pub base_url: Option<String>,
    pub model: String,
    pub api_key: String,
    pub timeout: Duration,
    pub max_output_tokens: u32,
}

/// The provider cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("the client of the AI provider cannot be made: {0}")]
pub struct NoClient(String);

/// See the module.
pub struct GenaiModel {
    client: Client,
    target: ServiceTarget,
    options: ChatOptions,
    timeout: Duration,
    name: ModelName,
}

impl Protocol {
    /// What the provider is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }

    /// Where the provider itself is.
    pub fn url(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com/v1/",
            Self::OpenAi => "https://api.openai.com/v1/",
        }
    }

    fn adapter(self) -> AdapterKind {
        match self {
            Self::Anthropic => AdapterKind::Anthropic,
            Self::OpenAi => AdapterKind::OpenAI,
        }
    }
}

impl Provider {
    /// The address that paths are put behind, with a slash at its end.
    pub fn url(&self) -> String {
        let url = self.base_url.as_deref().unwrap_or(self.protocol.url());
        format!("{}/", url.trim_end_matches('/'))
    }
}

impl GenaiModel {
    pub fn new(provider: Provider) -> Result<Self, NoClient> {
        let web = WebConfig::default().with_connect_timeout(CONNECT);
        // What leads elsewhere must not get the key.
        let http = reqwest_of_genai::Client::builder().redirect(Policy::none());
        let http = web.apply_to_builder(http).build();
        let http = http.map_err(|error| NoClient(error.to_string()))?;
        let client = Client::builder().with_reqwest(http).build();
        let options = ChatOptions::default()
            .with_max_tokens(provider.max_output_tokens)
            .with_capture_content(true)
            .with_capture_tool_calls(true)
            .with_capture_usage(true);
        Ok(Self {
            client: client.map_err(|error| NoClient(error.to_string()))?,
            target: ServiceTarget {
                endpoint: Endpoint::from_owned(provider.url()),
                model: ModelIden::new(provider.protocol.adapter(), provider.model.as_str()),
                auth: AuthData::from_single(provider.api_key),
            },
            options,
            timeout: provider.timeout,
            name: ModelName {
                provider: provider.protocol.word().to_owned(),
                model: provider.model,
            },
        })
    }

    async fn in_time(&self, work: &Work, deltas: &Deltas) -> Result<Step, ModelError> {
        let answered = tokio::time::timeout(self.timeout, self.streamed(work, deltas)).await;
        Ok(wire::step(answered.map_err(|_| ModelError::TimedOut)??))
    }

    /// The whole answer, taken and told as it comes.
    async fn streamed(&self, work: &Work, deltas: &Deltas) -> Result<StreamEnd, ModelError> {
        let request = wire::request(work);
        let mut options = self.options.clone();
        if let Some(temperature) = work.temperature {
            options = options.with_temperature(temperature);
        }
        if let Some(most) = work.max_tokens {
            options = options.with_max_tokens(most);
        }
        let target = self.target.clone();
        let opened = self.client.exec_chat_stream(target, request, Some(&options)).await;
        let mut stream = opened.map_err(|error| failures::understood(&error))?.stream;
        let (mut size, mut open_call) = (0, (String::new(), 0));
        while let Some(event) = stream.next().await {
            match event.map_err(|error| failures::understood(&error))? {
                ChatStreamEvent::Chunk(it) => {
                    size += it.content.len();
                    deltas.tell(&it.content);
                }
                ChatStreamEvent::ReasoningChunk(it) => size += it.content.len(),
                // It comes as far as it is known each time.
                ChatStreamEvent::ToolCallChunk(it) => {
                    let call = it.tool_call;
                    let known = call.fn_arguments.as_str().map_or(0, str::len);
                    if call.call_id != open_call.0 {
                        size += open_call.1;
                    }
                    open_call = (call.call_id, known);
                }
                ChatStreamEvent::End(end) => return Ok(end),
                ChatStreamEvent::Heartbeat
                | ChatStreamEvent::Start
                | ChatStreamEvent::ThoughtSignatureChunk(_) => {}
            }
            if size + open_call.1 > MAX_ANSWER {
                let reason = format!("it is larger than {MAX_ANSWER} bytes");
                return Err(ModelError::BadAnswer(reason));
            }
        }
        Err(ModelError::BadAnswer("it broke off".to_owned()))
    }
}

#[async_trait]
impl ChatModel for GenaiModel {
    async fn answer(&self, prompt: Prompt) -> Result<Answer, CommandError> {
        let Prompt { system, text, before, temperature, max_tokens, deltas, .. } = prompt;
        // The first word is a person's.
        let before = before.into_iter().skip_while(|turn| turn.by_bot);
        let mut messages: Vec<_> = before
            .map(|turn| {
                if turn.by_bot {
                    Message::Model { text: turn.text, calls: Vec::new() }
                } else {
                    Message::User(turn.text)
                }
            })
            .collect();
        messages.push(Message::User(text));
        let work = Work { system, messages, temperature, max_tokens, ..Work::default() };
        let step = self.in_time(&work, &deltas).await?;
        if step.text.trim().is_empty() {
            return Err(ModelError::BadAnswer("it is empty".to_owned()).into());
        }
        let ModelName { provider, model } = self.name.clone();
        let (tokens_in, tokens_out) = (step.tokens_in, step.tokens_out);
        let text = step.text;
        Ok(Answer { text, provider, model, tokens_in, tokens_out, ..Answer::default() })
    }

    fn worker(&self) -> Option<ModelName> {
        Some(self.name.clone())
    }

    async fn work(&self, work: &Work) -> Result<Step, ModelError> {
        self.in_time(work, &Deltas::default()).await
    }
}
