//! A POST that comes twice with the same key is done once and answered twice the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commands::ports::{CLAIM_LASTS, Claim, IdempotencyKeys};
use futures_util::{StreamExt, TryStreamExt};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Request, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::KeptInstead;
use crate::error::ApiError;

/// The header that carries the key.
pub(crate) const HEADER: &str = "idempotency-key";

/// The headers of an answer that a repeat has too.
static KEPT: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    HeaderName::from_static("x-event-position"),
];

/// One request's claim on its key.
pub(crate) struct Once {
    keys: Arc<dyn IdempotencyKeys>,
    credential: String,
    key: String,
}

/// What a request with a key leads to.
pub(crate) enum Turn {
    /// It was answered before.
    Again(Kept),
    /// It is the first.
    First(Once),
}

/// An answer that was given before.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// The hash of the file that came with the request, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// The file of a request as it is read: its hash, and how much it was.
#[derive(Clone, Default)]
pub(crate) struct Passing(Arc<Mutex<(blake3::Hasher, u64)>>);

impl Passing {
    /// Looks at the request's file while somebody else reads it.
    pub(crate) fn of(request: &mut Request) -> Self {
        let passing = Self::default();
        let watching = passing.clone();
        let body = request.take_body().into_bytes_stream();
        let body = body.inspect_ok(move |piece| watching.saw(piece));
        request.set_body(Body::from_bytes_stream(body));
        passing
    }

    fn saw(&self, piece: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.update(piece);
        seen.1 += piece.len() as u64;
    }

    fn hash(&self) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.finalize().to_hex().to_string()
    }

    fn size(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// Reads the key; none when there is no such header.
pub(crate) fn key(value: Option<&HeaderValue>) -> Result<Option<String>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::field(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(key.to_owned()))
}

/// Names a request, so that another one under the same key is noticed.
pub(crate) fn fingerprint(method: &str, target: &str, body: &[u8]) -> String {
    let mut hash = blake3::Hasher::new();
    for part in [method.as_bytes(), b" ", target.as_bytes(), b"\n", body] {
        hash.update(part);
    }
    hash.finalize().to_hex().to_string()
}

/// The id of the command that a request under a key gives.
pub(crate) fn command(credential: &str, key: &str, fingerprint: &str) -> Uuid {
    let name = format!("{fingerprint} {}:{credential}{key}", credential.len());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// Claims a key for this request.
pub(crate) async fn claim(
    keys: &Arc<dyn IdempotencyKeys>,
    credential: String,
    key: String,
    fingerprint: &str,
    lasts: Duration,
) -> Result<Turn, ApiError> {
    match keys.claim(&credential, &key, fingerprint, lasts).await? {
        Claim::Mine => Ok(Turn::First(Once { keys: keys.clone(), credential, key })),
        Claim::Answered(bytes) => {
            let kept = serde_json::from_slice(&bytes).map_err(|error| ApiError::internal(&error));
            Ok(Turn::Again(kept?))
        }
        Claim::Different => Err(another()),
        Claim::Busy => {
            let message = "the first request with this key is still being answered";
            let busy = ApiError::new(StatusCode::CONFLICT, message);
            Err(busy.with_header(header::RETRY_AFTER, 1))
        }
    }
}

fn another() -> ApiError {
    let message = "this idempotency key came with another request before";
    ApiError::new(StatusCode::CONFLICT, message)
}

impl Kept {
    /// The answer once more; not to another file, of which at most so much is read.
    pub(crate) async fn again(
        self,
        request: &mut Request,
        most: u64,
    ) -> Result<Response, ApiError> {
        if let Some(file) = &self.file {
            let passing = Passing::of(request);
            let mut body = request.take_body().into_bytes_stream();
            while passing.size() <= most
                && let Some(piece) = body.next().await
            {
                piece.map_err(|error| ApiError::field("file", error.to_string()))?;
            }
            if passing.hash() != *file {
                return Err(another());
            }
        }
        let mut response = Response::builder()
            .status(StatusCode::from_u16(self.status).unwrap_or_default())
            .header("Idempotency-Replayed", "true");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        Ok(response.body(self.body))
    }
}

impl Once {
    /// Does the work, and says all the time that it is being done.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(CLAIM_LASTS / 3, &mut work).await {
                Ok(done) => return done,
                Err(_) => {
                    let renewed = self.keys.renew(&self.credential, &self.key).await;
                    warned(renewed, Response::default());
                }
            }
        }
    }

    /// Keeps the answer of what was done, or lets go of the key when nothing was.
    pub(crate) async fn answered(self, response: Response, file: Option<Passing>) -> Response {
        let Self { keys, credential, key } = self;
        let status = response.status();
        let kept = if status.is_success() {
            let (response, kept) = copied(response, file.map(|it| it.hash())).await;
            let kept = match kept {
                Ok(kept) => keys.keep(&credential, &key, &kept).await,
                Err(error) => Err(commands::CommandError::unavailable(error)),
            };
            return warned(kept, response);
        } else {
            keys.release(&credential, &key).await
        };
        warned(kept, response)
    }

    /// The request broke off.
    pub(crate) async fn broken(self) {
        let released = self.keys.release(&self.credential, &self.key).await;
        warned(released, Response::default());
    }
}

/// The answer stands whether or not it could be kept.
fn warned(kept: Result<(), commands::CommandError>, response: Response) -> Response {
    if let Err(error) = kept {
        let request_id = crate::request::id();
        tracing::warn!(%request_id, %error, "an idempotency key could not be updated");
    }
    response
}

/// The answer, whole again, and the bytes to keep of it.
async fn copied(
    response: Response,
    file: Option<String>,
) -> (Response, Result<Vec<u8>, CopyError>) {
    let (parts, body) = response.into_parts();
    let body = match body.into_bytes().await {
        Ok(body) => body,
        Err(error) => {
            let response = Response::from_parts(parts, Body::empty());
            return (response, Err(error.into()));
        }
    };
    let shown = parts.extensions.get::<KeptInstead>().map_or(&*body, |instead| &*instead.0);
    let headers = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    });
    let kept = Kept {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(shown).into_owned(),
        file,
    };
    let kept = serde_json::to_vec(&kept).map_err(CopyError::from);
    (Response::from_parts(parts, Body::from_bytes(body)), kept)
}

#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Body(#[from] poem::error::ReadBodyError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}
