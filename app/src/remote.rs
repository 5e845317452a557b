//! A running server, for the commands that go through it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::data_dir::{Holder, bootstrap_key};
use crate::edit::place_and_reason;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Clone)]
pub(crate) struct Remote {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Remote {
    /// The server that holds this data directory.
    pub(crate) fn of(
        holder: &Holder,
        data_dir: &Path,
        api_key: Option<&str>,
    ) -> anyhow::Result<Self> {
        let Some(url) = holder.url.clone() else {
            bail!(
                "process {} works in {} and has no API: it is starting, it is a command that ends \
                 soon, or it serves without the role api. Try again, or stop it first",
                holder.pid,
                data_dir.display()
            );
        };
        let key = api_key.map(ToOwned::to_owned).or_else(|| bootstrap_key(data_dir));
        let key = key.with_context(|| {
            format!(
                "a server runs on {}, and this needs a key: give one with --api-key",
                data_dir.display()
            )
        })?;
        Ok(Self { http: reqwest::Client::new(), url, key })
    }

    /// The same server, spoken to with this key.
    pub(crate) fn with_key(self, key: String) -> Self {
        Self { key, ..self }
    }

    /// A request to the API, with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key)
    }

    /// The `data` of the answer; an error says what the server said. Waits as long as a busy server
    /// asks to.
    pub(crate) async fn ask(&self, mut request: RequestBuilder) -> anyhow::Result<Value> {
        loop {
            let again = request.try_clone();
            let answer = request.send().await.context("the server cannot be reached")?;
            match (pause(&answer), again) {
                (Some(pause), Some(again)) => {
                    tokio::time::sleep(pause).await;
                    request = again;
                }
                _ => return data(answer).await,
            }
        }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(self.request(Method::DELETE, path)).await
    }
}

/// How long the server asks to wait, when it has too much to do.
pub(crate) fn pause(answer: &Response) -> Option<Duration> {
    let asked = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
    let busy = answer.status() == StatusCode::TOO_MANY_REQUESTS;
    busy.then(|| Duration::from_secs(asked.unwrap_or(5).clamp(1, 60)))
}

/// The `data` of the answer; an error says what the server said.
pub(crate) async fn data(answer: Response) -> anyhow::Result<Value> {
    let status = answer.status();
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let mut body: Value = answer.json().await.context("the server's answer is no JSON")?;
    if !status.is_success() {
        let message = body["error"]["message"].as_str().unwrap_or("no reason given");
        let code = body["error"]["code"].as_str().unwrap_or(status.as_str());
        bail!("{message} ({code}){}", more(message, &body["error"]["details"]));
    }
    Ok(body["data"].take())
}

/// What else the server said: fields that are wrong, what was found where, hunks that meet.
fn more(message: &str, details: &Value) -> String {
    let list = |name: &str| details[name].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fields = list("fields").filter(|it| !message.contains(&text(&it["reason"])));
    let fields = fields.map(|it| format!("\n  {}: {}", text(&it["field"]), text(&it["reason"])));
    let findings = list("findings").map(|it| format!("\n  {}", place_and_reason(it)));
    let conflicts = list("conflicts")
        .map(|it| format!("\n{}\n{}", text(&it["file"]), text(&it["hunk"]).trim_end()));
    fields.chain(findings).chain(conflicts).collect()
}

/// How often a server is asked how far it is: soon first, then with more patience.
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = LAST_PAUSE.min(self.0 * 3 / 2);
    }
}

/// A text as one part of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // A text takes everything.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_one_part_of_a_path() {
        assert_eq!(segment("user:a-b_c~9"), "user:a-b_c~9");
        assert_eq!(segment("a/../b?c#é."), "a%2F%2E%2E%2Fb%3Fc%23%C3%A9%2E");
    }
}
