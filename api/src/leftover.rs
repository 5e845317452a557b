//! What a refused request still wants to send: read and thrown away, so that its sender gets to
//! read the refusal, instead of a broken connection (RFC 9112, 9.6).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use poem::{Body, Request};

/// How much is read for nothing at most, in bytes, and for how long.
const MOST: usize = 32 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The unread rest of a body, shared with the request that has it.
#[derive(Clone)]
pub(crate) struct Leftover(Arc<Mutex<BoxStream<'static, io::Result<Bytes>>>>);

impl Leftover {
    /// Keeps a hand on the request's body.
    pub(crate) fn of(request: &mut Request) -> Self {
        let body = request.take_body().into_bytes_stream().boxed();
        let shared = Self(Arc::new(Mutex::new(body)));
        request.set_body(Body::from_bytes_stream(shared.clone()));
        shared
    }

    /// Reads on to the end, if that is near.
    pub(crate) async fn drain(mut self) {
        let reading = async {
            let mut read = 0;
            while let Some(Ok(bytes)) = self.next().await {
                read += bytes.len();
                if read > MOST {
                    break;
                }
            }
        };
        // Who sends too slowly has to live without an answer.
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
}

impl Stream for Leftover {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}
