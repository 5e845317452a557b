//! OAuth: codes that people bring back from Discord, and the tokens they are worth.
//!
//! Discord's document leaves this out; it follows RFC 6749 and Discord's guide.

use std::sync::Arc;

use poem::{
    IntoResponse, Response, handler,
    http::StatusCode,
    web::{Data, Form},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    handle::DiscordSimulator,
    shapes,
    snowflake::Snowflake,
    state::State,
    world::{Ref, World},
};

/// The application's secret, of no use anywhere else.
const SECRET: &str = "simulated-client-secret";

/// An agreement that was not redeemed yet.
pub(super) struct Agreement {
    code: String,
    guild: Snowflake,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct Redemption {
    client_id: String,
    client_secret: String,
    code: String,
    grant_type: String,
    redirect_uri: String,
}

#[handler]
pub(super) fn token(
    Form(redemption): Form<Redemption>,
    Data(state): Data<&Arc<State>>,
) -> Response {
    let (status, body) = state.change(|world| match world.redeem(&redemption) {
        Ok(token) => (StatusCode::OK, token),
        Err("invalid_client") => (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" })),
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
    });
    Response::builder()
        .status(status)
        .content_type("application/json")
        .body(body.to_string())
        .into_response()
}

impl World {
    fn redeem(&mut self, redemption: &Redemption) -> Result<Value, &'static str> {
        let Redemption { client_id, client_secret, code, grant_type, redirect_uri } = redemption;
        if *client_id != self.bot().to_string() || client_secret != SECRET {
            return Err("invalid_client");
        }
        if grant_type != "authorization_code" {
            return Err("unsupported_grant_type");
        }
        let place = self.agreements.iter().position(|it| it.code == *code);
        let agreement = self.agreements.remove(place.ok_or("invalid_grant")?);
        if agreement.redirect_uri != *redirect_uri {
            return Err("invalid_grant");
        }
        let guild = self.guilds.get(&agreement.guild).ok_or("invalid_grant")?;
        Ok(json!({
            "access_token": format!("access-{code}"),
            "token_type": "Bearer",
            "expires_in": 604_800,
            "refresh_token": format!("refresh-{code}"),
            "scope": "bot identify guilds",
            "guild": shapes::guild(guild),
        }))
    }
}

impl DiscordSimulator {
    /// What the developer portal shows as the application's secret.
    pub fn client_secret(&self) -> String {
        SECRET.to_owned()
    }

    /// Somebody agrees to have the bot in his guild: the code that he brings back, good for once.
    pub fn agree(&self, guild: impl Into<Ref>, redirect_uri: &str) -> String {
        self.act(|world| {
            let guild = world.guild(&guild.into())?.id;
            let code = format!("code-{}", world.clock.next_id());
            let redirect_uri = redirect_uri.to_owned();
            world.agreements.push(Agreement { code: code.clone(), guild, redirect_uri });
            Ok(code)
        })
    }
}
