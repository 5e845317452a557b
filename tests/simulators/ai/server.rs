//! The socket, and how an answer goes over it: in small pieces, as it comes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, Json};
use poem::{Body, EndpointExt, Request, Response, Route, Server, get, handler, post};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::script::Said;
use super::{KEY, State, anthropic, openai};

/// How many bytes go over the wire at once: less than a line, and not at the borders of letters.
const PIECE: usize = 13;

/// To a request: a text and calls of tools, as events.
type Speak = fn(&Value, &str, &[(String, Value)], Cut) -> Vec<String>;

/// A protocol: how it is spoken.
pub(super) struct Tongue {
    /// What is wrong with a request.
    pub(super) check: fn(&Value) -> Option<String>,
    /// The events of an answer, without their end.
    pub(super) events: Speak,
    /// The body of an error.
    pub(super) error: fn(u16, &str) -> Value,
    /// An error in the middle of a stream.
    pub(super) overloaded: &'static str,
}

/// Where an answer ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// In the middle of the arguments of a call, as the limit of tokens does it.
    Arguments,
    /// Where it should.
    Nowhere,
}

pub(super) async fn start(state: Arc<State>) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    let address = *acceptor.local_addr()[0].as_socket_addr().expect("an address of TCP");
    let routes = Route::new()
        .at("/v1/chat/completions", post(completions))
        .at("/v1/messages", post(messages))
        .at("/v1/models", get(models))
        .data(state);
    let server = Server::new_with_acceptor(acceptor).run(routes);
    Ok((address, tokio::spawn(async move { server.await.expect("it serves") })))
}

#[handler]
fn completions(request: &Request, body: Json<Value>, state: Data<&Arc<State>>) -> Response {
    let key = request.header("authorization").and_then(|it| it.strip_prefix("Bearer "));
    answer(&openai::TONGUE, key, body.0, state.0)
}

#[handler]
fn messages(request: &Request, body: Json<Value>, state: Data<&Arc<State>>) -> Response {
    if request.header("anthropic-version") != Some("2023-06-01") {
        return failed(&anthropic::TONGUE, 400, "anthropic-version: header is required", None);
    }
    answer(&anthropic::TONGUE, request.header("x-api-key"), body.0, state.0)
}

#[handler]
fn models(request: &Request) -> Response {
    let bearer = request.header("authorization").and_then(|it| it.strip_prefix("Bearer "));
    match bearer.or(request.header("x-api-key")) {
        Some(KEY) => said(StatusCode::OK, &json!({ "object": "list", "data": [] })),
        other => failed(&openai::TONGUE, 401, other.unwrap_or_default(), None),
    }
}

fn answer(tongue: &Tongue, key: Option<&str>, body: Value, state: &State) -> Response {
    let key = key.unwrap_or_default();
    if key != KEY {
        return failed(tongue, 401, &format!("Incorrect API key provided: {key}"), None);
    }
    if let Some(wrong) = (tongue.check)(&body) {
        return failed(tongue, 400, &wrong, None);
    }
    let said = state.next(body.clone());
    let events = |text: &str, calls: &[_], cut| (tongue.events)(&body, text, calls, cut);
    let begun = || events("Let me see", &[], Cut::Nowhere)[..2].to_vec();
    match said {
        Said::Refused { status, retry_after } => {
            failed(tongue, status, &format!("not with the key {key}"), retry_after)
        }
        Said::Leads(elsewhere) => {
            let leads = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            leads.header("location", elsewhere).finish()
        }
        Said::Speaks { text, calls } => streamed(events(&text, &calls, Cut::Nowhere), Then::End),
        Said::CutOff => {
            let calls = [("propose_edit".to_owned(), json!({ "description": "never complete" }))];
            streamed(events("", &calls, Cut::Arguments), Then::End)
        }
        Said::BreaksOff => streamed(begun(), Then::End),
        Said::Hangs => streamed(begun(), Then::Hang),
        Said::Nonsense => {
            streamed(vec!["event: message_start\ndata: {nonsense\n\n".into()], Then::End)
        }
        Said::Overloaded => {
            let error = tongue.overloaded.to_owned();
            streamed(begun().into_iter().chain([error]).collect(), Then::End)
        }
        Said::Endless => {
            let long = "and so on ".repeat(20_000);
            streamed(events(&long.repeat(10), &[], Cut::Nowhere), Then::End)
        }
    }
}

enum Then {
    End,
    Hang,
}

fn streamed(events: Vec<String>, then: Then) -> Response {
    let bytes = events.concat().into_bytes();
    let piece = if bytes.len() > 100_000 { 16_384 } else { PIECE };
    let pieces: Vec<_> = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let response = Response::builder().content_type("text/event-stream");
    response.body(match then {
        Then::End => Body::from_bytes_stream(pieces),
        Then::Hang => Body::from_bytes_stream(pieces.chain(stream::pending())),
    })
}

fn failed(tongue: &Tongue, status: u16, words: &str, retry_after: Option<u32>) -> Response {
    let code = StatusCode::from_u16(status).expect("a status");
    let mut response = said(code, &(tongue.error)(status, words));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

fn said(status: StatusCode, body: &Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}

/// A text in pieces, as a model writes it.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let size = if letters.len() > 10_000 { 1_000 } else { 9 };
    letters.chunks(size).map(|it| it.iter().collect()).collect()
}

/// How many tokens a text has: near enough.
pub(super) fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}
