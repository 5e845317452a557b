//! What others say: the server that runs here, and Discord.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::Finding;
use crate::config::Config;

/// How long an answer may take.
const SOON: Duration = Duration::from_secs(5);

/// Whether the API answers, and whether its read models follow the log.
pub(super) async fn server(url: &str) -> Finding {
    let about = "server";
    let answer = match ask(|http| http.get(format!("{url}/health/ready"))).await {
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
        ask(|http| http.get(url).header("authorization", authorization)).await
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

async fn ask(request: impl FnOnce(Client) -> RequestBuilder) -> Result<Response, String> {
    let client = Client::builder().timeout(SOON).build().map_err(|error| error.to_string())?;
    let agent = concat!("DiscordBot (palimpsest, ", env!("CARGO_PKG_VERSION"), ")");
    let sent = request(client).header("user-agent", agent).send().await;
    sent.map_err(|error| commands::describe(&error.without_url()))
}
