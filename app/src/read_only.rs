//! The state of a moment is only read: what would write is refused before anything is done.

use adapters::SystemClock;
use domain::kernel::Clock;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response};
use serde_json::json;

/// See the module; without a moment everything passes.
pub(crate) struct ReadOnly<E> {
    pub moment: bool,
    pub routes: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for ReadOnly<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        // This one reads by its method and writes all the same.
        let begins = request.uri().path().ends_with("/integrations/discord/install");
        if !self.moment || (reads && !begins) {
            return self.routes.call(request).await;
        }
        let message = "this server shows the state of one moment, which is only read; ask the \
                       live server to change something";
        let error = json!({
            "code": "CONFLICT",
            "message": message,
            "details": {},
            "request_id": uuid::Uuid::now_v7(),
        });
        let body = json!({ "success": false, "error": error, "timestamp": SystemClock.now() });
        let refused = Response::builder().status(StatusCode::CONFLICT);
        Ok(refused.content_type("application/json").body(body.to_string()))
    }
}
