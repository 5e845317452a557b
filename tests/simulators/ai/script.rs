//! What the provider shall say.

use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone)]
pub enum Said {
    /// It begins and does not go on.
    BreaksOff,
    /// A call whose arguments are cut off in the middle.
    CutOff,
    /// It never ends by itself.
    Endless,
    /// It begins, and then nothing comes.
    Hangs,
    /// Something that is no event of the protocol.
    Nonsense,
    /// An error in the middle of the stream.
    Overloaded,
    /// An error before anything else. The words repeat the key.
    Refused { status: u16, retry_after: Option<u32> },
    /// It leads to another address, as 307 does.
    Leads(String),
    /// A text, calls of tools, or both.
    Speaks { text: String, calls: Vec<(String, Value)> },
}

impl Said {
    pub fn text(text: &str) -> Self {
        Self::Speaks { text: text.to_owned(), calls: Vec::new() }
    }

    /// Calls of tools, with a word before.
    pub fn calls<const N: usize>(text: &str, calls: [(&str, Value); N]) -> Self {
        let calls = calls.map(|(name, arguments)| (name.to_owned(), arguments)).into();
        Self::Speaks { text: text.to_owned(), calls }
    }

    /// An edit of whole files; without content they are deleted.
    pub fn edit(description: &str, files: &[(&str, Option<&str>)]) -> Self {
        let file =
            |(path, content): &(&str, Option<&str>)| json!({ "path": path, "content": content });
        let files: Vec<_> = files.iter().map(file).collect();
        let arguments = json!({ "description": description, "files": files });
        Self::calls("", [("propose_edit", arguments)])
    }

    pub fn refused(status: u16) -> Self {
        Self::Refused { status, retry_after: None }
    }
}
