//! The options that several subcommands share.

use commands::CommandError;
use domain::kernel::Scope;
use serenity::all::{CommandOptionType as Kind, CreateCommandOption};

use crate::slash::Call;

/// A subcommand with its options.
pub(super) fn sub(
    path: &str,
    description: &str,
    options: Vec<CreateCommandOption>,
) -> CreateCommandOption {
    let name = path.split(' ').next_back().unwrap_or(path);
    let sub = CreateCommandOption::new(Kind::SubCommand, name, description);
    options.into_iter().fold(sub, CreateCommandOption::add_sub_option)
}

pub(super) fn text(name: &str, description: &str) -> CreateCommandOption {
    CreateCommandOption::new(Kind::String, name, description)
}

pub(super) fn flag(name: &str, description: &str) -> CreateCommandOption {
    CreateCommandOption::new(Kind::Boolean, name, description)
}

pub(super) fn page() -> CreateCommandOption {
    CreateCommandOption::new(Kind::Integer, "page", "Which page, from 1").min_int_value(1)
}

/// An edit; what is typed is completed.
pub(super) fn id() -> CreateCommandOption {
    text("id", "The edit's id, or its first 8 characters").set_autocomplete(true)
}

pub(super) fn scopes() -> CreateCommandOption {
    ["features", "performance", "security"]
        .into_iter()
        .fold(text("scope", "What it is for; else features"), |option, scope| {
            option.add_string_choice(scope, scope)
        })
}

pub(super) fn scope(call: &Call) -> Result<Option<Scope>, CommandError> {
    let wrong = |_| CommandError::invalid("scope", "is features, performance or security");
    call.optional("scope").map(|scope| scope.parse().map_err(wrong)).transpose()
}
