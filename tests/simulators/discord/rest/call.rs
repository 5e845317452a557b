//! One request as it came in.

use poem::{Body, Request, http::header::AUTHORIZATION};
use serde_json::Value;

use super::{
    super::{
        snowflake::Snowflake,
        validation::{self, Lost, Route},
    },
    reply::Refusal,
};

const PREFIX: &str = "/api/v10";

pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) route: Result<Route, Lost>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    /// The bot token, without its `Bot `.
    pub(super) token: Option<String>,
    /// Why the body is not JSON.
    pub(super) unreadable: Option<String>,
}

impl Call {
    pub(super) async fn read(request: &Request, body: Body) -> Self {
        let method = request.method().to_string();
        let full = request.original_uri().path();
        let (path, route) = match full.strip_prefix(PREFIX) {
            Some(path) => (path.to_owned(), validation::route(&method, path)),
            None => (full.to_owned(), Err(Lost::Path)),
        };
        let token = request.header(AUTHORIZATION).and_then(|it| it.strip_prefix("Bot "));
        let token = token.map(str::to_owned);
        let query = request.params().unwrap_or_default();
        let (body, unreadable) = match body.into_bytes().await {
            Ok(bytes) if bytes.is_empty() => (None, None),
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(body) => (Some(body), None),
                Err(error) => (None, Some(format!("the body is not JSON: {error}"))),
            },
            Err(error) => (None, Some(error.to_string())),
        };
        Self { method, path, route, query, body, token, unreadable }
    }

    pub(super) fn template(&self) -> &str {
        self.route.as_ref().map_or(self.path.as_str(), |route| route.template)
    }

    /// A parameter of the path, as it is written there.
    pub(super) fn named(&self, name: &str) -> &str {
        let params = self.route.as_ref().ok().map(|route| &route.params);
        params.and_then(|params| params.get(name)).map_or("", String::as_str)
    }

    /// An id in the path; ids too large to exist lead to what is not there.
    pub(super) fn id(&self, name: &str) -> Snowflake {
        self.named(name).parse().unwrap_or(Snowflake(0))
    }

    pub(super) fn asked<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.query.iter().find(|(key, _)| key == name)?.1.parse().ok()
    }

    /// A field of the body; null counts as absent.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.body.as_ref()?.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn must_be_own_application(&self, own: Snowflake) -> Result<(), Refusal> {
        if self.id("application_id") == own { Ok(()) } else { Err(Refusal::not_yours()) }
    }
}
