//! `/`: what this is, for somebody who looks in with a browser.

use poem::error::MethodNotAllowedError;
use poem::http::{Method, header};
use poem::{Endpoint, Request, Response};

use crate::About;

/// Nothing from elsewhere, no scripts, and in nobody's frame.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Shows the page at `/`, and leaves every other path to what is behind it.
pub(crate) struct Home<E> {
    html: String,
    inner: E,
}

impl<E> Home<E> {
    pub(crate) fn before(inner: E, about: &About) -> Self {
        Self { html: page(about), inner }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Home<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.uri().path() != "/" {
            return self.inner.call(request).await;
        }
        let html = match *request.method() {
            Method::GET => self.html.clone(),
            Method::HEAD => String::new(),
            _ => return Err(MethodNotAllowedError.into()),
        };
        let page = Response::builder().content_type("text/html; charset=utf-8");
        let page = page.header(header::CONTENT_SECURITY_POLICY, POLICY);
        let page = page.header(header::REFERRER_POLICY, "no-referrer");
        Ok(page.header(header::CACHE_CONTROL, "public, max-age=60").body(html))
    }
}

/// A small page that needs nothing else.
fn page(about: &About) -> String {
    let (name, version) = (escaped(&about.name), escaped(&about.version));
    let environment = escaped(&about.environment);
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n\
         </head>\n\
         <body>\n\
         <main>\n\
         <h1>{name}</h1>\n\
         <p>A Discord bot that can edit its own behavior, safely: every event, command, self-edit \
         and rollback is in one log.</p>\n\
         <p>Version {version}, {environment}.</p>\n\
         <ul>\n\
         <li><a href=\"/docs\">The HTTP API, to read and to try</a></li>\n\
         <li><a href=\"/openapi.json\">Its OpenAPI document</a></li>\n\
         <li><a href=\"/health\">How the server is</a></li>\n\
         </ul>\n\
         </main>\n\
         </body>\n\
         </html>\n"
    )
}

/// A text that says only itself in HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            plain => safe.push(plain),
        }
    }
    safe
}
