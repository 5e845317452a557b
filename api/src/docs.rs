//! `/openapi.json`, and `/docs`: the same for people, without a word from elsewhere.

use std::collections::HashMap;
use std::marker::PhantomData;

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::Method;
use poem::{Endpoint, Response};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::Value;

use crate::openapi;

/// An API on paper: it can be described, not called.
struct Paper<T>(PhantomData<fn() -> T>);

impl<T: OpenApi> OpenApi for Paper<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The service that answers.
pub(crate) fn service<T: OpenApi>(apis: T) -> OpenApiService<T, ()> {
    OpenApiService::new(apis, "Palimpsest", env!("CARGO_PKG_VERSION"))
}

/// The finished document, and the page that shows it.
pub(crate) fn written<T: OpenApi>() -> (Value, String) {
    let service = service(Paper::<T>(PhantomData));
    let raw = service.spec();
    let document = openapi::finished(&raw);
    let page = service.swagger_ui_html().replace(&raw, &document.to_string());
    (document, page)
}

/// The document as it is.
pub(crate) fn json(document: &Value) -> impl Endpoint<Output = Response> + 'static {
    let text = document.to_string();
    make_sync(move |_| {
        let json = Response::builder().content_type("application/json");
        json.header("Cache-Control", "public, max-age=60").body(text.clone())
    })
}

/// A page that shows the document and lets people try it.
pub(crate) fn page(html: String) -> impl Endpoint<Output = Response> + 'static {
    make_sync(move |_| {
        let page = Response::builder().content_type("text/html; charset=utf-8");
        page.header("Cache-Control", "public, max-age=60").body(html.clone())
    })
}
