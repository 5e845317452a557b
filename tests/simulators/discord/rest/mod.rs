//! The REST API, version 10: who asks, is it well formed, what becomes of it.

mod applications;
mod call;
mod channels;
mod guilds;
mod interactions;
mod messages;
mod reactions;
mod reply;
mod users;

use std::{net::SocketAddr, sync::Arc};

use poem::{
    Addr, Body, IntoResponse, Request, Response, handler,
    http::StatusCode,
    web::{Data, RemoteAddr},
};

use super::{
    faults::{Moment, Strike},
    state::State,
    traffic::{self, Violation},
    validation::Lost,
    world::World,
};
use call::Call;
use reply::{Outcome, Refusal, Reply};

#[handler]
pub(super) async fn answer(
    request: &Request,
    body: Body,
    RemoteAddr(peer): &RemoteAddr,
    Data(state): Data<&Arc<State>>,
) -> Response {
    let call = Call::read(request, body).await;
    let reply = state.change(|world| {
        let reply = hear(world, &call, state.address);
        world.traffic.requests.push(traffic::Request {
            method: call.method.clone(),
            path: call.path.clone(),
            route: call.template().to_owned(),
            query: call.query.clone(),
            body: call.body.clone(),
            status: reply.as_ref().map_or(0, |reply| reply.status),
        });
        reply
    });
    let Some(reply) = reply else {
        if let Addr::SocketAddr(peer) = peer {
            state.sockets.cut(*peer);
        }
        // Nobody will read this: the connection is gone.
        return StatusCode::BAD_GATEWAY.into_response();
    };
    reply.into_response()
}

/// The reply, or none when the connection is to break instead.
fn hear(world: &mut World, call: &Call, address: SocketAddr) -> Option<Reply> {
    if world.faults.outage {
        return Some(Reply::unavailable());
    }
    if let Err(refusal) = admit(world, call) {
        return Some(refusal.into());
    }
    match world.faults.strike(Moment::Before, &call.method, call.template()) {
        Some(Strike::Cut) => return None,
        Some(_) => return Some(Reply::server_error()),
        None => {}
    }

    let outcome = play(world, call, address).unwrap_or_else(|| {
        let reason = "is in Discord's document, but this simulator does not play it";
        world.traffic.violate(call.violation(reason));
        Err(Refusal::not_found())
    });
    let mut reply = match outcome {
        Ok(reply) => reply,
        Err(refusal) => return Some(refusal.into()),
    };
    match world.faults.strike(Moment::After, &call.method, call.template()) {
        Some(Strike::Cut) => return None,
        Some(Strike::Deform(hostile)) => reply.body.iter_mut().for_each(|it| hostile.deform(it)),
        Some(Strike::ServerError) | None => {}
    }
    Some(reply)
}

/// Whether a request may be played at all.
fn admit(world: &mut World, call: &Call) -> Result<(), Refusal> {
    let route = match &call.route {
        Ok(route) => route,
        Err(lost) => {
            world.traffic.violate(call.violation("is not in Discord's document"));
            return Err(match lost {
                Lost::Method => Refusal::wrong_method(),
                Lost::Path => Refusal::not_found(),
            });
        }
    };
    if !route.is_open() && call.token.as_deref() != Some(&*world.application.token) {
        return Err(Refusal::unauthorized());
    }
    if let Some(wait) = world.faults.limited() {
        return Err(Refusal::rate_limited(wait));
    }
    let faults = match &call.unreadable {
        Some(reason) => {
            world.traffic.violate(call.violation(reason));
            return Err(Refusal::unreadable());
        }
        None => route.faults(&call.query, call.body.as_ref()),
    };
    for fault in &faults {
        let place = fault.place.join(".");
        world.traffic.violate(call.violation(format!("{place}: {}", fault.reason)));
    }
    if faults.is_empty() { Ok(()) } else { Err(Refusal::malformed(&faults)) }
}

/// What each request does; none for those that a bot of ours never makes.
fn play(world: &mut World, call: &Call, address: SocketAddr) -> Option<Outcome> {
    Some(match (call.method.as_str(), call.template()) {
        ("GET", "/applications/@me" | "/oauth2/applications/@me") => Ok(applications::me(world)),
        (
            method,
            "/applications/{application_id}/commands"
            | "/applications/{application_id}/guilds/{guild_id}/commands",
        ) => match method {
            "GET" => applications::commands(world, call),
            "POST" => applications::add_command(world, call),
            "PUT" => applications::set_commands(world, call),
            _ => return None,
        },
        ("GET", "/channels/{channel_id}") => channels::get(world, call),
        ("GET", "/channels/{channel_id}/messages") => messages::list(world, call),
        ("POST", "/channels/{channel_id}/messages") => messages::create(world, call),
        (method, "/channels/{channel_id}/messages/{message_id}") => match method {
            "DELETE" => messages::delete(world, call),
            "GET" => messages::get(world, call),
            "PATCH" => messages::edit(world, call),
            _ => return None,
        },
        ("GET", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}") => {
            reactions::list(world, call)
        }
        (method, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me") => {
            match method {
                "DELETE" => reactions::remove(world, call),
                "PUT" => reactions::add(world, call),
                _ => return None,
            }
        }
        (
            "DELETE",
            "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/{user_id}",
        ) => reactions::remove(world, call),
        ("POST", "/channels/{channel_id}/typing") => channels::typing(world, call),
        ("GET", "/gateway") => Ok(Reply::gateway(address)),
        ("GET", "/gateway/bot") => Ok(Reply::bot_gateway(address)),
        ("GET", "/guilds/{guild_id}") => guilds::get(world, call),
        ("GET", "/guilds/{guild_id}/channels") => guilds::channels(world, call),
        ("GET", "/guilds/{guild_id}/members") => guilds::members(world, call),
        ("GET", "/guilds/{guild_id}/members/{user_id}") => guilds::member(world, call),
        (method, "/guilds/{guild_id}/members/{user_id}/roles/{role_id}") => match method {
            "DELETE" => guilds::take_role(world, call),
            "PUT" => guilds::give_role(world, call),
            _ => return None,
        },
        ("GET", "/guilds/{guild_id}/roles") => guilds::roles(world, call),
        ("POST", "/interactions/{interaction_id}/{interaction_token}/callback") => {
            interactions::callback(world, call)
        }
        ("GET", "/users/@me") => Ok(Reply::of(world.self_shape())),
        ("POST", "/users/@me/channels") => users::open_direct(world, call),
        ("GET", "/users/@me/guilds") => Ok(users::guilds(world, call)),
        ("DELETE", "/users/@me/guilds/{guild_id}") => users::leave_guild(world, call),
        ("GET", "/users/{user_id}") => users::get(world, call),
        ("POST", "/webhooks/{webhook_id}/{webhook_token}") => interactions::follow_up(world, call),
        (
            method,
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
            | "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}",
        ) => match method {
            "DELETE" => interactions::delete(world, call),
            "GET" => interactions::get(world, call),
            "PATCH" => interactions::edit(world, call),
            _ => return None,
        },
        _ => return None,
    })
}

impl Call {
    fn violation(&self, reason: impl Into<String>) -> Violation {
        let (method, path) = (self.method.clone(), self.path.clone());
        Violation { method, path, reason: reason.into() }
    }
}
