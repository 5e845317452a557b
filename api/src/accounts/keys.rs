//! `/.well-known/jwks.json`: the keys that others verify access tokens with.

use std::sync::Arc;

use commands::ports::Tokens;
use poem::http::{Method, header};
use poem::{Endpoint, Request, Response};

use crate::error::ApiError;

/// A JWK Set (RFC 7517), bare. A key is shown before anything is signed with it, or as it is: verifiers ask
/// again when they see an unknown `kid`.
pub(crate) struct PublicKeys(pub(crate) Arc<dyn Tokens>);

impl Endpoint for PublicKeys {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(poem::error::MethodNotAllowedError.into());
        }
        let keys = self.0.public_keys().await.map_err(ApiError::from)?;
        let builder = Response::builder().content_type("application/json");
        Ok(builder.header(header::CACHE_CONTROL, "public, max-age=300").body(keys.to_string()))
    }
}
