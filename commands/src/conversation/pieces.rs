//! Long texts as several Discord messages.

/// The most characters of one Discord message.
const LIMIT: usize = 2_000;

/// A text cut where it hurts least, so that each piece fits into a message.
pub fn pieces(text: &str) -> Vec<String> {
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
        if !piece.trim().is_empty() {
            pieces.push(piece.trim_end().to_owned());
        }
        rest = next;
    }
    if !rest.trim().is_empty() {
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
