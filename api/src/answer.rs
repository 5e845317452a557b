//! What endpoints answer with: the envelope, a status and the headers that go with it.

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};

use crate::envelope::Success;
use crate::error::ApiError;

/// An answer with this status; one to a write says where in the log its effect stands.
pub(crate) struct Answer<T, const STATUS: u16, const WRITE: bool> {
    data: T,
    message: Option<String>,
    position: Option<u64>,
    tag: Option<Tag>,
    location: Option<String>,
    instead: Option<T>,
}

/// What the `ETag` is made of.
#[derive(Clone, Copy)]
enum Tag {
    /// All that is shown follows from the version.
    Version(u64),
    /// More than that is shown, so the body is in it as well.
    VersionAndBody(u64),
}

/// What was asked for.
pub(crate) type Found<T> = Answer<T, 200, false>;
/// It was done.
pub(crate) type Written<T> = Answer<T, 200, true>;
/// It was made.
pub(crate) type Created<T> = Answer<T, 201, true>;
/// It was begun, and goes on.
pub(crate) type Accepted<T> = Answer<T, 202, true>;

/// Every endpoint's result.
pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// What is kept under an idempotency key in place of the body: what is shown once stays so.
#[derive(Clone)]
pub(crate) struct KeptInstead(pub(crate) Vec<u8>);

impl<T> Found<T> {
    pub(crate) fn of(data: T) -> Self {
        Self::new(data, None)
    }
}

impl<T, const STATUS: u16> Answer<T, STATUS, true> {
    /// The effect stands in this commit.
    pub(crate) fn at(position: u64, data: T) -> Self {
        Self::new(data, Some(position))
    }
}

impl<T> Written<T> {
    /// There was nothing to do.
    pub(crate) fn nothing(data: T) -> Self {
        Self::new(data, None)
    }
}

impl<T> Accepted<T> {
    /// What was begun stands nowhere in the log yet.
    pub(crate) fn begun(data: T) -> Self {
        Self::new(data, None)
    }
}

impl<T, const STATUS: u16, const WRITE: bool> Answer<T, STATUS, WRITE> {
    fn new(data: T, position: Option<u64>) -> Self {
        Self { data, message: None, position, tag: None, location: None, instead: None }
    }

    /// What was done, in words.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The version of the resource, as its `ETag`.
    pub(crate) fn version(mut self, version: u64) -> Self {
        self.tag = Some(Tag::Version(version));
        self
    }

    /// The version of the resource where more is shown than follows from it: the body counts too.
    /// Without a version, as when what is shown may be older, there is no `ETag`.
    pub(crate) fn seen_at(mut self, version: Option<u64>) -> Self {
        self.tag = version.map(Tag::VersionAndBody);
        self
    }

    /// Where the new resource is.
    pub(crate) fn location(mut self, path: String) -> Self {
        self.location = Some(path);
        self
    }

    /// What a repeat of the request is answered with.
    pub(crate) fn repeated_as(mut self, data: T) -> Self {
        self.instead = Some(data);
        self
    }
}

impl<T: ParseFromJSON + ToJSON, const STATUS: u16, const WRITE: bool> IntoResponse
    for Answer<T, STATUS, WRITE>
{
    fn into_response(self) -> Response {
        let Self { data, message, position, tag, location, instead } = self;
        let instead = instead.map(|data| Success::of(data, message.clone()).to_json_string());
        let body = Success::of(data, message).to_json_string();
        let status = poem::http::StatusCode::from_u16(STATUS).unwrap_or_default();
        let mut builder = Response::builder().status(status).content_type("application/json");
        if let Some(position) = position {
            builder = builder.header("X-Event-Position", position);
        }
        if let Some(tag) = tag {
            builder = builder.header(header::ETAG, tag.shown(&body));
        }
        if let Some(location) = location {
            builder = builder.header(header::LOCATION, location);
        }
        let mut response = builder.body(body);
        if let Some(instead) = instead {
            response.extensions_mut().insert(KeptInstead(instead.into_bytes()));
        }
        response
    }
}

impl Tag {
    fn shown(self, body: &str) -> String {
        match self {
            Self::Version(version) => format!("\"{version}\""),
            Self::VersionAndBody(version) => {
                // The envelope ends with the time of the answer.
                let end = body.rfind("\"timestamp\"").unwrap_or(body.len());
                let hash = blake3::hash(&body.as_bytes()[..end]).to_hex();
                format!("\"{version}-{}\"", &hash[..16])
            }
        }
    }
}

impl<T, const STATUS: u16, const WRITE: bool> ApiResponse for Answer<T, STATUS, WRITE>
where
    T: ParseFromJSON + ToJSON,
{
    fn meta() -> MetaResponses {
        let description = match STATUS {
            201 => "It was made.",
            202 => "It was begun, and goes on.",
            _ => "It worked.",
        };
        let header = |name: &str, about: &str, schema: MetaSchemaRef| MetaHeader {
            name: name.to_owned(),
            description: Some(about.to_owned()),
            required: false,
            deprecated: false,
            schema,
        };
        let text = || MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let mut headers = Vec::new();
        if WRITE {
            let about = "The commit of the log that shows the effect.";
            headers.push(header("X-Event-Position", about, u64::schema_ref()));
        }
        if STATUS == 201 {
            headers.push(header("Location", "Where it is.", text()));
        }
        if STATUS == 200 {
            headers.push(header("ETag", "The version, where the resource has one.", text()));
        }
        let schema = <Json<Success<T>> as Payload>::schema_ref();
        let content = vec![MetaMediaType { content_type: "application/json", schema }];
        let status = Some(STATUS);
        let response = MetaResponse { description, status, status_range: None, content, headers };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        <Json<Success<T>> as Payload>::register(registry);
    }
}

/// It was made, or was there already.
pub(crate) enum Made<T> {
    Known(Written<T>),
    New(Created<T>),
}

impl<T: ParseFromJSON + ToJSON> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Known(answer) => answer.into_response(),
            Self::New(answer) => answer.into_response(),
        }
    }
}

impl<T: ParseFromJSON + ToJSON> ApiResponse for Made<T> {
    fn meta() -> MetaResponses {
        let both = [Written::<T>::meta(), Created::<T>::meta()];
        MetaResponses { responses: both.into_iter().flat_map(|it| it.responses).collect() }
    }

    fn register(registry: &mut Registry) {
        Created::<T>::register(registry);
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    use std::fmt::Write;
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
