//! The same over HTTP, for shells and for bots in another process: `POST /_sim/say` and so on.

use std::{sync::Arc, time::Duration};

use poem::{
    Body, IntoResponse, Response, handler,
    http::StatusCode,
    web::{Data, Json, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    snowflake::Snowflake,
    state::State,
    world::{Message, Ref, World},
};

/// What an act may need; each takes what it needs. Channels and users go by name or id.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Order {
    channel: String,
    custom_id: String,
    emoji: String,
    guild: String,
    message: String,
    on: bool,
    options: Value,
    path: String,
    requests: usize,
    retry_after_ms: u64,
    text: String,
    user: String,
}

#[handler]
pub(super) async fn obey(
    Path(act): Path<String>,
    body: Body,
    Data(state): Data<&Arc<State>>,
) -> Response {
    let answer = async { answer(state, &act, &read(body).await?).await };
    match answer.await {
        Ok(answer) => Json(answer).into_response(),
        Err(why) => {
            Json(json!({ "error": why })).with_status(StatusCode::BAD_REQUEST).into_response()
        }
    }
}

async fn read(body: Body) -> Result<Order, String> {
    let bytes = body.into_bytes().await.map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Ok(Order::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

async fn answer(state: &State, act: &str, order: &Order) -> Result<Value, String> {
    let interaction = match act {
        "press" => {
            let place = (&order.channel(), order.message()?);
            state.change(|world| world.press(&order.user(), place, &order.custom_id, &[]))?
        }
        "slash" => {
            let (channel, path) = (order.channel(), &order.path);
            let offered = |world: &World| world.can_call(&channel, path).then_some(());
            state.wait("the bot to register this command", offered).await?;
            let place = (&channel, &order.user());
            state.change(|world| world.slash(place, &order.path, &order.options))?
        }
        _ => {
            let answer = state.change(|world| play(world, act, order));
            if act == "outage" && order.on {
                state.sockets.cut_all();
            }
            return answer;
        }
    };
    let response = state.wait("a response", |world| world.response(interaction)).await?;
    Ok(json!({
        "text": response.text,
        "ephemeral": response.ephemeral,
        "deferred": response.deferred,
        "message": response.message.id,
    }))
}

fn play(world: &mut World, act: &str, order: &Order) -> Result<Value, String> {
    let (channel, guild, user) = (order.channel(), order.guild(world), order.user());
    match act {
        "delete" => world.delete(&channel, order.message()?)?,
        "drop" => world.sessions.hang_up(),
        "edit" => world.edit(&channel, order.message()?, &order.text)?,
        "forget" => world.sessions.forget(),
        "join" => return world.join(&guild, &order.user).map(made),
        "leave" => world.leave(&guild, &user)?,
        "messages" => {
            let messages = &world.channel(&channel)?.messages;
            return Ok(messages.values().map(|message| shown(world, message)).collect());
        }
        "outage" => world.faults.outage = order.on,
        "rate_limit" => {
            world.faults.limit(order.requests, Duration::from_millis(order.retry_after_ms));
        }
        "react" | "unreact" => {
            let (channel, user) = (world.channel(&channel)?.id, world.user(&user)?.id);
            let act = if act == "react" { World::react } else { World::unreact };
            act(world, channel, order.message()?, user, &order.emoji);
        }
        "reconnect" => world.sessions.ask_for_reconnect(),
        "say" => return world.say(&channel, &user, &order.text).map(made),
        "say_in_dm" => return world.say_in_dm(&user, &order.text).map(made),
        "state" => return Ok(state_of(world)),
        "violations" => {
            let all = world.traffic.read_violations();
            return Ok(all.iter().map(|it| json!(it.to_string())).collect());
        }
        _ => return Err(format!("there is no act called {act:?}")),
    }
    Ok(json!({}))
}

fn made(id: Snowflake) -> Value {
    json!({ "id": id })
}

fn state_of(world: &World) -> Value {
    let channels = world.channels.values().map(|it| (it.name.clone(), json!(it.id)));
    json!({
        "bot": world.bot(),
        "channels": channels.collect::<serde_json::Map<_, _>>(),
        "connected": world.sessions.connected(),
        "opened": world.sessions.opened(),
        "resumed": world.sessions.resumed(),
    })
}

impl Order {
    fn channel(&self) -> Ref {
        Ref::from(self.channel.as_str())
    }

    /// The one named, or the first there is.
    fn guild(&self, world: &World) -> Ref {
        let first = world.guilds.keys().next().filter(|_| self.guild.is_empty());
        first.map_or_else(|| Ref::from(self.guild.as_str()), |id| Ref::Id(*id))
    }

    fn message(&self) -> Result<Snowflake, String> {
        self.message.parse().map_err(|_| format!("{:?} is no message's id", self.message))
    }

    fn user(&self) -> Ref {
        Ref::from(self.user.as_str())
    }
}

fn shown(world: &World, message: &Message) -> Value {
    json!({
        "id": message.id,
        "author": world.users[&message.author].name,
        "text": message.content,
        "edited": message.edited_at.is_some(),
        "reply_to": message.reply_to,
        "reactions": message.reactions.iter().map(|it| &it.emoji).collect::<Vec<_>>(),
    })
}
