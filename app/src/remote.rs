//! A running server, for the commands that go through it.

use std::path::Path;

use anyhow::{Context, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::data_dir::{Holder, bootstrap_key};

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
                "process {} works in {} and does not answer yet; try again when it is done",
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

    /// A request to the API, with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key)
    }

    /// The `data` of the answer; an error says what the server said.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.send().await.context("the server cannot be reached")?;
        let status = answer.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let mut body: Value = answer.json().await.context("the server's answer is no JSON")?;
        if !status.is_success() {
            let error = &body["error"];
            let message = error["message"].as_str().unwrap_or("no reason given");
            bail!("{} ({})", message, error["code"].as_str().unwrap_or(status.as_str()));
        }
        Ok(body["data"].take())
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
