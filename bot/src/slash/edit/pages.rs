//! Texts cut to what fits into a message, at the ends of lines.

/// A diff as people read it in Discord; a fence inside of it must not end ours.
pub(super) fn fenced(diff: &str) -> String {
    let diff = diff.trim_end_matches('\n').replace("```", "`\u{200b}``");
    format!("```diff\n{diff}\n```")
}

/// The text in parts of at most so many characters, cut at the ends of lines; a line that is too
/// long by itself is cut as well.
pub(super) fn pages(text: &str, most: usize) -> Vec<String> {
    let mut pages = Vec::new();
    let (mut page, mut length) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        let signs: Vec<char> = line.chars().collect();
        for piece in signs.chunks(most.max(1)) {
            if length > 0 && length + piece.len() > most {
                pages.push(std::mem::take(&mut page));
                length = 0;
            }
            page.extend(piece);
            length += piece.len();
        }
    }
    if length > 0 {
        pages.push(page);
    }
    pages
}

/// The first lines of a text, and how many lines are left.
pub(super) fn first(text: &str, most: usize) -> (String, usize) {
    let page = pages(text, most).into_iter().next().unwrap_or_default();
    let left = text.get(page.len()..).map_or(0, |rest| rest.lines().count());
    (page, left)
}

/// The beginning of a text, in one line.
pub(super) fn beginning(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_everything_and_end_where_lines_end() {
        let text = format!("{}{}\nshort\n", "+ a line\n".repeat(50), "x".repeat(250));
        let cut = pages(&text, 100);
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|it| it.chars().count() <= 100));
        assert!(cut[..4].iter().all(|it| it.ends_with('\n')));
        assert_eq!(pages("", 100), Vec::<String>::new());
        let (page, left) = first(&"one\n".repeat(30), 40);
        assert_eq!((page.lines().count(), left), (10, 20));
    }

    #[test]
    fn a_fence_inside_does_not_end_ours() {
        assert_eq!(fenced("+```\n").matches("```").count(), 2);
    }
}
