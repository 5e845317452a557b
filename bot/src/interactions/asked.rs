//! One interaction as Discord describes it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use commands::identity::accounts::Accounts;
use commands::ports::Caller;
use commands::{CommandError, behaviors};
use domain::discord::{ChannelEvent, happened_at};
use domain::identity::{Permission, Permissions};
use domain::kernel::{
    Actor, Cause, ChannelId, DiscordUserId, GuildId, MessageId, Person, Personal, Source,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::gateway::json::{channel, guild, id, list, message, name, number, text, user};
use crate::interactions::powers::powers_of;
use crate::rest::Ticket;
use crate::slash::{Call, TARGET};

/// Discord's permissions, as bits.
const ADMINISTRATOR: u64 = 1 << 3;
const MANAGE_GUILD: u64 = 1 << 5;
const VIEW_CHANNEL: u64 = 1 << 10;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;

/// The kind of a command that is used on a message.
const ON_MESSAGE: u64 = 3;

/// How it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Autocomplete,
    Button,
    Command,
    Form,
}

/// See the module.
pub(super) struct Asked {
    pub(super) id: MessageId,
    pub(super) kind: Kind,
    pub(super) ticket: Ticket,
    pub(super) channel: ChannelId,
    guild: Option<GuildId>,
    /// Whether those who manage the server may edit the bot.
    pub(super) trusted: bool,
    user: DiscordUserId,
    user_name: String,
    /// `edit propose`; for buttons and forms the id we gave them.
    pub(super) path: String,
    options: BTreeMap<String, Value>,
    /// The option that is being typed.
    pub(super) focused: Option<String>,
    /// Whether it began with a message whose button was pressed.
    pub(super) on_message: bool,
    caller: Caller,
    /// What people are called that were picked.
    names: BTreeMap<DiscordUserId, String>,
    /// Channels that were picked, and whether the caller may read their history.
    readable: BTreeMap<ChannelId, bool>,
}

impl Asked {
    /// None when it lacks what is needed to answer.
    pub(super) fn read(data: &Value, trusts: impl Fn(GuildId) -> bool) -> Option<Self> {
        let kind = match number(&data["type"]) {
            2 => Kind::Command,
            3 => Kind::Button,
            4 => Kind::Autocomplete,
            5 => Kind::Form,
            _ => return None,
        };
        let ticket = Ticket {
            application: id(&data["application_id"])?,
            interaction: id(&data["id"])?,
            token: data["token"].as_str()?.to_owned(),
        };
        let account =
            if data["member"].is_object() { &data["member"]["user"] } else { &data["user"] };
        let (user, inner) = (user(&account["id"])?, &data["data"]);
        let (path, options) = match kind {
            Kind::Command | Kind::Autocomplete => command(inner),
            Kind::Button | Kind::Form => form(inner),
        };
        let cause = Cause::asked(Actor::discord(user), Uuid::now_v7(), Source::Discord);
        let guild = guild(&data["guild_id"]);
        let trusted = guild.is_some_and(trusts);
        let member = &data["member"]["permissions"];
        let (permissions, powers) = (permissions(member, trusted), powers_of(number(member)));
        let picked = inner["resolved"]["channels"].as_object();
        let readable = picked.into_iter().flatten().filter_map(|(id, it)| {
            let bits = number(&it["permissions"]);
            let needed = VIEW_CHANNEL | READ_MESSAGE_HISTORY;
            let may = bits & ADMINISTRATOR != 0 || bits & needed == needed;
            Some((ChannelId(id.parse().ok()?), may))
        });
        let people = inner["resolved"]["users"].as_object();
        let names = people.into_iter().flatten();
        let names = names.filter_map(|(id, it)| Some((DiscordUserId(id.parse().ok()?), name(it))));
        Some(Self {
            id: message(&data["id"])?,
            kind,
            ticket,
            channel: channel(&data["channel_id"]).or_else(|| channel(&data["channel"]["id"]))?,
            guild,
            trusted,
            user,
            user_name: name(account),
            path,
            options,
            focused: focused(inner),
            on_message: kind != Kind::Command && data["message"].is_object(),
            caller: Caller::new(cause, permissions, powers),
            names: names.collect(),
            readable: readable.collect(),
        })
    }

    /// Learns from the policies what he may do, and who he is if his account is linked.
    pub(super) async fn let_in(&mut self, accounts: &Accounts) -> Result<(), CommandError> {
        let holds = self.caller.permissions.clone();
        // Until that is known he may nothing.
        self.caller.permissions = Permissions::default();
        let (actor, granted) = accounts.on_discord(self.user, self.guild, holds).await?;
        if actor != self.caller.cause.actor {
            self.caller.powers.extend(behaviors::powers_of(&granted));
            self.caller.cause = self.caller.cause.clone().by(actor);
        }
        self.caller.permissions = granted;
        Ok(())
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the log keeps of it; the token is not among it.
    pub(super) fn received(&self) -> ChannelEvent {
        let person = Person::discord(self.user);
        ChannelEvent::InteractionReceived {
            id: self.id,
            user: self.user,
            guild: self.guild,
            user_name: Personal::of(person.clone(), self.user_name.clone()),
            command: self.path.clone(),
            options: Personal::of(person, json!(self.options)),
        }
    }

    /// `position` is where the log holds it; 0 where it is not recorded.
    pub(super) fn call(&self, position: u64, now: DateTime<Utc>) -> Call {
        let at = happened_at(self.id);
        let took = (now - at).num_milliseconds();
        Call {
            id: self.id,
            path: self.path.clone(),
            caller: self.caller.clone(),
            channel: self.channel,
            guild: self.guild,
            user: self.user,
            user_name: self.user_name.clone(),
            at,
            latency_ms: u64::try_from(took).unwrap_or_default(),
            position,
            options: self.options.clone(),
            names: self.names.clone(),
            readable: self.readable.clone(),
            form: self.kind == Kind::Form,
            pressed: self.kind == Kind::Button,
        }
    }
}

/// What a member's permissions on his server allow him here; in direct messages, what everybody
/// may. The bot is the same in all servers, so only those that are trusted may change it.
fn permissions(member: &Value, trusted: bool) -> Permissions {
    let mut may = vec![Permission::ReadConfig, Permission::WriteConversation];
    let direct = member.is_null();
    let bits = number(member);
    let manages = bits & (ADMINISTRATOR | MANAGE_GUILD) != 0;
    if manages && trusted {
        may.extend([
            Permission::ApproveSelfEdit,
            // For `/api-token`, which hands none of it on.
            Permission::ManageApiKey,
            Permission::ProposeSelfEdit,
            Permission::ReadSelfEdit,
            Permission::RollbackSelfEdit,
        ]);
    }
    if direct || manages || bits & READ_MESSAGE_HISTORY != 0 {
        may.push(Permission::ReadHistory);
    }
    Permissions::of(&may)
}

/// The path of a command with its subcommands, and the options at its end.
fn command(data: &Value) -> (String, BTreeMap<String, Value>) {
    const SUBCOMMAND: u64 = 1;
    const GROUP: u64 = 2;

    let mut path = text(&data["name"]).to_owned();
    let mut options = &data["options"];
    while let Some(sub) = list(options).first() {
        if !matches!(number(&sub["type"]), SUBCOMMAND | GROUP) {
            break;
        }
        path = format!("{path} {}", text(&sub["name"]));
        options = &sub["options"];
    }
    let named = |it: &Value| (text(&it["name"]).to_owned(), it["value"].clone());
    let mut options: BTreeMap<_, _> = list(options).iter().map(named).collect();
    // Used on a message: that one is all it is given.
    if number(&data["type"]) == ON_MESSAGE {
        options.insert(TARGET.to_owned(), data["target_id"].clone());
    }
    (path, options)
}

/// The name of the option that is being typed.
fn focused(data: &Value) -> Option<String> {
    list(&data["options"]).iter().find_map(|it| match &it["focused"] {
        Value::Bool(true) => Some(text(&it["name"]).to_owned()),
        _ => focused(it),
    })
}

/// The command that a form or a button belongs to, with what was filled in and what the form's id
/// carries: `edit propose?scope=security`.
fn form(data: &Value) -> (String, BTreeMap<String, Value>) {
    let id = text(&data["custom_id"]);
    let (path, carried) = id.split_once('?').unwrap_or((id, ""));
    let carried = carried.split('&').filter_map(|it| it.split_once('='));
    let mut options: BTreeMap<_, _> =
        carried.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    options.extend(fields(data));
    (path.to_owned(), options)
}

/// What was filled in, by the ids we gave the fields.
fn fields(data: &Value) -> BTreeMap<String, Value> {
    let rows = list(&data["components"]).iter();
    let fields = rows.flat_map(|row| {
        list(&row["components"])
            .iter()
            .chain(row["component"].is_object().then(|| &row["component"]))
    });
    fields.map(|it| (text(&it["custom_id"]).to_owned(), it["value"].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_subcommand_is_its_names() {
        let data = json!({ "name": "edit", "options": [
            { "name": "approve", "type": 1, "options": [{ "name": "id", "type": 3, "value": "x" }] },
        ] });
        let (path, options) = command(&data);
        assert_eq!((&*path, &options["id"]), ("edit approve", &json!("x")));
    }

    #[test]
    fn a_command_on_a_message_is_told_which() {
        let data = json!({ "name": "Why?", "type": 3, "target_id": "17" });
        let (path, options) = command(&data);
        assert_eq!((&*path, &options[TARGET]), ("Why?", &json!("17")));
    }

    #[test]
    fn only_who_manages_the_server_may_edit_the_bot() {
        for (bits, may) in [(0, false), (MANAGE_GUILD, true), (ADMINISTRATOR, true)] {
            let permissions = |trusted| permissions(&json!(bits.to_string()), trusted);
            assert!(!permissions(false).allow(Permission::ApproveSelfEdit));
            let permissions = permissions(true);
            assert_eq!(permissions.allow(Permission::ApproveSelfEdit), may);
            assert_eq!(permissions.allow(Permission::ReadHistory), may);
            assert!(permissions.allow(Permission::WriteConversation));
        }
        assert!(permissions(&json!("65536"), true).allow(Permission::ReadHistory));
    }

    #[test]
    fn the_token_stays_out_of_the_log() {
        let data = json!({
            "id": "5", "application_id": "1", "type": 2, "token": "secret", "channel_id": "3",
            "user": { "id": "7", "username": "ana" }, "data": { "name": "status" },
        });
        let received = Asked::read(&data, |_| true).unwrap().received();
        assert!(!format!("{received:?}").contains("secret"));
    }
}
