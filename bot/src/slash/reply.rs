//! What the bot says back.

/// The most characters of one Discord message.
const LIMIT: usize = 2_000;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The caller is asked for more.
    Form(Form),
    /// Only the caller sees it.
    Private(String),
    /// The whole channel sees it.
    Public(String),
}

/// A form; when it is sent in, the command runs again with the fields as its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The command that takes it: `edit propose`.
    pub id: &'static str,
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

/// A text cut where it hurts least, so that each piece fits into a message.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut rest = text.trim_end();
    let mut pieces = Vec::new();
    while rest.chars().count() > LIMIT {
        let end = rest.char_indices().nth(LIMIT).map_or(rest.len(), |(at, _)| at);
        let head = &rest[..end];
        // A border in the last half is better than a full message.
        let border = ["\n\n", "\n", ". ", " "].iter().find_map(|border| {
            head.rfind(border).map(|at| at + border.len()).filter(|at| *at > end / 2)
        });
        let (piece, next) = rest.split_at(border.unwrap_or(end));
        pieces.push(piece.trim_end().to_owned());
        rest = next;
    }
    if !rest.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_borders_and_nothing_is_lost() {
        let text = "owls are quiet. ".repeat(400);
        let pieces = pieces(&text);
        assert!(pieces.iter().all(|it| it.chars().count() <= LIMIT && it.ends_with('.')));
        assert_eq!(pieces.join(" "), text.trim_end());
    }

    #[test]
    fn a_text_without_borders_is_cut_anyway() {
        let pieces = pieces(&"é".repeat(4_500));
        assert_eq!(
            pieces.iter().map(|it| it.chars().count()).collect::<Vec<_>>(),
            [2000, 2000, 500]
        );
    }
}
