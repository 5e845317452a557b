//! What the bot says back.

use std::borrow::Cow;

use commands::behaviors::Answered;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A message with buttons.
    Card(Card),
    /// The caller is asked for more.
    Form(Form),
    /// Only the caller sees it.
    Private(String),
    /// The whole channel sees it.
    Public(String),
    /// The message whose button was pressed becomes this one; where none was, it is a new one.
    Replaced(Card),
    /// What a behavior says; what becomes of it is recorded.
    Scripted(Answered),
}

/// A message with buttons below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// At most 2000 characters.
    pub text: String,
    /// At most 25; five stand in a row.
    pub buttons: Vec<Button>,
    /// Whether only the caller sees it.
    pub private: bool,
}

/// A button; when it is pressed, its command runs with the options that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// The command that takes it: `edit approve`.
    pub command: &'static str,
    /// Options of the command; with the command at most 100 characters.
    pub carried: Vec<(&'static str, String)>,
    pub label: Cow<'static, str>,
    pub look: Look,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Danger,
    Plain,
    Success,
}

/// A form; when it is sent in, the command runs again with the fields as its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The command that takes it: `edit propose`.
    pub id: &'static str,
    /// Options of the command that are not asked for; with the command at most 100 characters.
    pub carried: Vec<(&'static str, String)>,
    /// At most 45 characters.
    pub title: String,
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// At most 45 characters.
    pub label: &'static str,
    /// What stands there already.
    pub value: String,
    pub long: bool,
}

/// What stands behind the command in the id of a button or a form: `edit approve?id=…&hash=…`.
pub(crate) fn custom_id(command: &str, carried: &[(&'static str, String)]) -> String {
    let carried: Vec<_> = carried.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if carried.is_empty() {
        return command.to_owned();
    }
    format!("{command}?{}", carried.join("&"))
}
