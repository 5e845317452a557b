//! Somebody who is nobody yet: he asks to come in.

use domain::kernel::{Actor, Cause, Origin, Source};
use poem::{FromRequest, Request, RequestBody};

use super::cookies;
use crate::auth::Credentials;
use crate::request;

/// Where he came from, and what he brought.
pub(crate) struct Visitor {
    /// Why the commands of this request are given: the visitor himself is not known.
    pub(crate) cause: Cause,
    /// The refresh token that came as a cookie.
    pub(super) refresh_token: Option<String>,
    /// Who he is, where he brought a good token all the same.
    pub(super) caller: Option<commands::ports::Caller>,
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let mut cause = Cause::asked(Actor::system("visitor"), request::id(), Source::Api);
        if let Some(origin) = request.extensions().get::<Origin>() {
            cause = cause.from(origin.clone());
        }
        let refresh_token = cookies::refresh_token(request.headers()).map(ToOwned::to_owned);
        let caller = match request.extensions().get::<Credentials>() {
            Some(Credentials::Known(caller)) => Some(caller.clone()),
            _ => None,
        };
        Ok(Self { cause, refresh_token, caller })
    }
}
