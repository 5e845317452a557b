//! What the bot says back.

use commands::behaviors::Answered;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The caller is asked for more.
    Form(Form),
    /// Only the caller sees it.
    Private(String),
    /// The whole channel sees it.
    Public(String),
    /// What a behavior says; what becomes of it is recorded.
    Scripted(Answered),
}

/// A form; when it is sent in, the command runs again with the fields as its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The command that takes it: `edit propose`.
    pub id: &'static str,
    /// Options of the command that are not asked for; in all at most 80 characters.
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
