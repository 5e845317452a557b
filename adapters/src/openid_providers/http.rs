//! Requests to providers: short, small, and never led elsewhere.

use std::time::Duration;

use commands::CommandError;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 256 * 1_024;

/// See the module.
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            // What leads elsewhere must get neither code nor secret.
            .redirect(Policy::none())
            // GitHub answers nobody who does not say who he is.
            .user_agent("palimpsest")
            .build()?;
        Ok(Self(client))
    }

    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url).header("accept", "application/json")
    }

    /// An answer of JSON, whatever its status; null when it is something else.
    pub(super) async fn answer(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Value), CommandError> {
        let down = |error: reqwest::Error| CommandError::unavailable(error.without_url());
        let mut answer = request.send().await.map_err(down)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(down)? {
            if body.len() + piece.len() > LARGEST {
                return Err(CommandError::unavailable("a provider's answer is too large"));
            }
            body.extend_from_slice(&piece);
        }
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// What stands at an address.
    pub(super) async fn get(&self, url: &str) -> Result<Value, CommandError> {
        self.read(self.request(Method::GET, url)).await
    }

    /// What is shown to whoever has an access token.
    pub(super) async fn get_with(&self, url: &str, token: &str) -> Result<Value, CommandError> {
        self.read(self.request(Method::GET, url).bearer_auth(token)).await
    }

    async fn read(&self, request: RequestBuilder) -> Result<Value, CommandError> {
        let (status, body) = self.answer(request).await?;
        if status == StatusCode::OK && !body.is_null() {
            return Ok(body);
        }
        Err(CommandError::unavailable(format!(
            "a provider answered {status} where JSON was expected"
        )))
    }
}
