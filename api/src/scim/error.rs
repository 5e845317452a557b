//! How SCIM says no: RFC 7644, 3.12.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use serde_json::json;

use crate::error::ApiError;

/// The media type of everything here.
pub(crate) const MEDIA_TYPE: &str = "application/scim+json";

/// What kind of bad request it is: the `scimType` of RFC 7644, table 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum Kind {
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    Uniqueness,
}

/// A refusal.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct ScimError {
    pub(crate) status: StatusCode,
    pub(crate) kind: Option<Kind>,
    pub(crate) detail: String,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl ScimError {
    /// The request can never be right, for this reason.
    pub(crate) fn bad(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind: Some(kind), ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into(), headers: Vec::new() }
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
    }

    pub(crate) fn response(self) -> Response {
        let Self { status, kind, detail, headers } = self;
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_u16().to_string(),
            "detail": detail,
        });
        if let Some(kind) = kind {
            body["scimType"] = json!(kind.as_ref());
        }
        let mut response = (status, Body::from_string(body.to_string())).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response
    }
}

impl From<ApiError> for ScimError {
    fn from(error: ApiError) -> Self {
        let kind = match (error.status, error.details["fields"].is_array()) {
            (StatusCode::CONFLICT, true) => Some(Kind::Uniqueness),
            (StatusCode::BAD_REQUEST, _) => Some(Kind::InvalidValue),
            _ => None,
        };
        let headers = error.headers.into_iter().filter(|(name, _)| name != header::CONTENT_TYPE);
        Self { status: error.status, kind, detail: error.message, headers: headers.collect() }
    }
}

impl From<commands::CommandError> for ScimError {
    fn from(error: commands::CommandError) -> Self {
        ApiError::from(error).into()
    }
}
