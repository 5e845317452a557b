//! What others say: the server that runs here, Discord, and the AI provider.

use std::time::Duration;

use adapters::genai_models::Protocol;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::Finding;
use crate::config::Config;

/// How long an answer may take.
const SOON: Duration = Duration::from_secs(5);

/// Who asks; Discord wants it in a form of its own.
const AGENT: &str = concat!("palimpsest/", env!("CARGO_PKG_VERSION"));
const DISCORD_AGENT: &str = concat!("DiscordBot (palimpsest, ", env!("CARGO_PKG_VERSION"), ")");

/// Whether the API answers, and whether its read models follow the log.
pub(super) async fn server(url: &str) -> Finding {
    let about = "server";
    let answer = match ask(AGENT, |http| http.get(format!("{url}/health/ready"))).await {
        Ok(answer) => answer,
        Err(error) => return Finding::bad(about, format!("{url} does not answer: {error}")),
    };
    if answer.status().is_success() {
        return Finding::good(about, "answers, and its read models follow the log");
    }
    let body: Value = answer.json().await.unwrap_or_default();
    let word = |name: &str| body[name].as_str().unwrap_or("unknown").to_owned();
    Finding::bad(about, format!("not ready: {}: {}", word("component"), word("reason")))
}

/// Whether Discord can be reached, and takes the token.
pub(super) async fn discord(config: &Config) -> Finding {
    let about = "Discord";
    let token = config.discord.token.reveal();
    if token.is_empty() {
        let lacks = config.roles().is_ok_and(|roles| config.lacks_token_to_answer(roles));
        let offline = "no DISCORD_BOT_TOKEN: the bot stays offline";
        let silent = "no DISCORD_BOT_TOKEN: reactors send the answers to Discord and need it";
        return Finding::weak(about, if lacks { silent } else { offline });
    }
    let place = config.discord.api_url.trim_end_matches('/');
    let get = async |path: &str| {
        let authorization = format!("Bot {token}");
        let url = format!("{place}/api/v10{path}");
        ask(DISCORD_AGENT, |http| http.get(url).header("authorization", authorization)).await
    };
    let me = match get("/users/@me").await {
        Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => {
            return Finding::bad(about, "Discord refuses the token; set a new DISCORD_BOT_TOKEN");
        }
        Ok(answer) if answer.status().is_success() => answer,
        Ok(answer) => return Finding::bad(about, format!("answers {}", answer.status())),
        Err(error) => return Finding::bad(about, format!("cannot be reached: {error}")),
    };
    let me: Value = me.json().await.unwrap_or_default();
    let name = me["username"].as_str().unwrap_or("?");
    let gateway = get("/gateway/bot").await;
    if !gateway.is_ok_and(|it| it.status().is_success()) {
        return Finding::bad(about, format!("knows the bot as {name}, but names no gateway"));
    }
    match config.other_discord() {
        Some(url) => Finding::weak(about, format!("a stand-in at {url} knows the bot as {name}")),
        None => Finding::good(about, format!("knows the bot as {name}, and names its gateway")),
    }
}

/// Whether an AI provider is configured, can be reached, and takes the key. Lists models, which
/// costs nothing.
pub(super) async fn ai(config: &Config) -> Finding {
    let about = "AI provider";
    let provider = match config.ai.provider() {
        Ok(Some(provider)) => provider,
        Ok(None) => {
            let says = "none: conversations are answered by settings/responders.toml, and nobody \
                        suggests edits; ai.provider, ai.model and ai.api_key name one";
            return Finding::good(about, says);
        }
        Err(error) => return Finding::bad(about, format!("{error:#}")),
    };
    let url = provider.url();
    let key = &provider.api_key;
    let answer = ask(AGENT, |http| {
        let request = http.get(format!("{url}models"));
        match provider.protocol {
            Protocol::Anthropic => {
                request.header("x-api-key", key).header("anthropic-version", "2023-06-01")
            }
            Protocol::OpenAi => request.bearer_auth(key),
        }
    });
    let (word, model) = (provider.protocol.word(), &provider.model);
    match answer.await {
        Ok(answer) if answer.status().is_success() => {
            Finding::good(about, format!("{word} takes the key; the model is {model}"))
        }
        Ok(answer) if matches!(answer.status().as_u16(), 401 | 403) => {
            Finding::bad(about, format!("{word} refuses the key; set a new ai.api_key"))
        }
        Ok(answer) => {
            let status = answer.status();
            Finding::weak(about, format!("{word} answers {status} when asked for its models"))
        }
        Err(error) => Finding::weak(about, format!("{word} cannot be reached: {error}")),
    }
}

async fn ask(
    agent: &str,
    request: impl FnOnce(Client) -> RequestBuilder,
) -> Result<Response, String> {
    let client = Client::builder().timeout(SOON).build().map_err(|error| error.to_string())?;
    let sent = request(client).header("user-agent", agent).send().await;
    sent.map_err(|error| commands::describe(&error.without_url()))
}
