//! A unified diff as it is written: files, hunks, lines.

/// How the name of no file is written.
const NOWHERE: &str = "/dev/null";

pub(super) const RENAME: &str =
    "renames and copies are not taken; delete the one file and add the other";

/// What a diff does to one file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patch<'a> {
    /// None where it comes into being.
    pub(super) from: Option<&'a str>,
    /// None where it goes.
    pub(super) to: Option<&'a str>,
    pub(super) hunks: Vec<Hunk<'a>>,
}

/// Some lines that stand together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hunk<'a> {
    /// The line where it says that it begins, from 1; 0 before the first.
    pub(super) start: usize,
    pub(super) lines: Vec<Line<'a>>,
}

/// One line, with its end if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Added(&'a str),
    Kept(&'a str),
    Removed(&'a str),
}

impl<'a> Line<'a> {
    /// As it was before.
    pub(super) fn before(&self) -> Option<&'a str> {
        match self {
            Self::Added(_) => None,
            Self::Kept(text) | Self::Removed(text) => Some(text),
        }
    }

    /// As it is afterwards.
    pub(super) fn after(&self) -> Option<&'a str> {
        match self {
            Self::Removed(_) => None,
            Self::Added(text) | Self::Kept(text) => Some(text),
        }
    }
}

/// The files of a diff. What a set of texts cannot have is refused: modes, links, renames, copies,
/// binaries.
pub(super) fn parse(diff: &str) -> Result<Vec<Patch<'_>>, String> {
    let mut patches: Vec<Patch<'_>> = Vec::new();
    let mut lines = diff.split_inclusive('\n').peekable();
    let mut named = "";
    while let Some(line) = lines.next() {
        let text = line.trim_end_matches(['\n', '\r']);
        if let Some(from) = text.strip_prefix("--- ") {
            let to = lines.next().and_then(|it| it.strip_prefix("+++ "));
            let to = to.ok_or("a line with --- is not followed by one with +++")?;
            patches.push(patch(from, to)?);
        } else if text.starts_with("@@") {
            let patch = patches.last_mut().ok_or("a hunk comes before the name of its file")?;
            let number = patch.hunks.len() + 1;
            let hunk = hunk(text, &mut lines);
            patch.hunks.push(hunk.map_err(|why| format!("{}: hunk {number} {why}", name(patch)))?);
        } else if let Some(names) = text.strip_prefix("diff --git ") {
            named = names.split(' ').next().unwrap_or_default().trim_start_matches("a/");
        } else if let Some(no) = no_text(text) {
            return Err(if named.is_empty() { no.to_owned() } else { format!("{named}: {no}") });
        } else if let Some(patch) = patches.last()
            && text.starts_with(['+', '-', ' '])
            && text != "-- "
        {
            let (name, number) = (name(patch), patch.hunks.len());
            return Err(format!("{name}: hunk {number} has more lines than its head says"));
        }
    }
    match patches.iter().find(|it| it.hunks.is_empty()) {
        Some(patch) => Err(format!("{}: there is no hunk", name(patch))),
        None if patches.is_empty() => {
            Err("this is no unified diff: it has no lines with ---, +++ and @@".to_owned())
        }
        None => Ok(patches),
    }
}

/// What it is called.
pub(super) fn name<'a>(patch: &Patch<'a>) -> &'a str {
    patch.from.or(patch.to).unwrap_or_default()
}

fn patch<'a>(from: &'a str, to: &'a str) -> Result<Patch<'a>, String> {
    let path = |text: &'a str, prefix: &str| {
        // Behind a tab some tools write a time.
        let text = text.trim_end_matches(['\n', '\r']).split('\t').next().unwrap_or_default();
        (text != NOWHERE).then(|| text.strip_prefix(prefix).unwrap_or(text))
    };
    let patch = Patch { from: path(from, "a/"), to: path(to, "b/"), hunks: Vec::new() };
    match (patch.from, patch.to) {
        (None, None) => Err("a file neither was there nor will be".to_owned()),
        (Some(from), Some(to)) if from != to => Err(format!("{from}: {RENAME}")),
        _ => Ok(patch),
    }
}

/// The hunk that follows its head.
fn hunk<'a>(
    head: &str,
    lines: &mut std::iter::Peekable<std::str::SplitInclusive<'a, char>>,
) -> Result<Hunk<'a>, String> {
    let ranges = head.strip_prefix("@@ -").and_then(|rest| rest.split_once(" @@"));
    let ranges = ranges.and_then(|(ranges, _)| ranges.split_once(" +"));
    let ranges = ranges.and_then(|(old, new)| Some((range(old)?, range(new)?)));
    let Some(((start, mut old), (_, mut new))) = ranges else {
        return Err(format!("has a head that cannot be read: {head}"));
    };
    let mut hunk = Hunk { start, lines: Vec::new() };
    while old > 0 || new > 0 {
        let early = || format!("ends early: its head says {old} old and {new} new lines more");
        let line = lines.next().ok_or_else(early)?;
        let rest = line.get(1..).unwrap_or_default();
        let (line, minus, plus) = match line.as_bytes().first() {
            Some(b'+') => (Line::Added(rest), 0, 1),
            Some(b'-') => (Line::Removed(rest), 1, 0),
            Some(b' ') => (Line::Kept(rest), 1, 1),
            // Editors take the space of an empty line away.
            Some(b'\n' | b'\r') => (Line::Kept(line), 1, 1),
            _ => return Err(early()),
        };
        old = old.checked_sub(minus).ok_or("has more old lines than its head says")?;
        new = new.checked_sub(plus).ok_or("has more new lines than its head says")?;
        hunk.lines.push(line);
        if lines.next_if(|it| it.starts_with('\\')).is_some()
            && let Some(last) = hunk.lines.last_mut()
        {
            let cut = without_end(*last);
            // What has neither letters nor an end is no line.
            if rest.trim_end_matches(['\n', '\r']).is_empty() {
                return Err("says of a line without anything that it has no end".to_owned());
            }
            *last = cut;
        }
    }
    Ok(hunk)
}

/// `\ No newline at end of file`
fn without_end(line: Line<'_>) -> Line<'_> {
    fn cut(text: &str) -> &str {
        text.strip_suffix('\n').unwrap_or(text)
    }
    match line {
        Line::Added(text) => Line::Added(cut(text)),
        Line::Kept(text) => Line::Kept(cut(text)),
        Line::Removed(text) => Line::Removed(cut(text)),
    }
}

/// `5,3` or `5`: where, and how many lines.
fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// What this line between hunks tells of, if texts cannot have it.
fn no_text(line: &str) -> Option<&'static str> {
    const MODES: &str = "modes are not taken: files are plain texts";
    let starts = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
    let index = || line.strip_prefix("index ")?.split_once(' ').map(|(_, mode)| mode);
    match line.strip_prefix("new file mode ").or_else(index).map(str::trim) {
        Some("100644") => None,
        Some("120000") => Some("links are not taken"),
        Some("160000") => Some("submodules are not taken"),
        Some(_) => Some(MODES),
        None if starts(&["old mode ", "new mode "]) => Some(MODES),
        None if starts(&["rename from ", "rename to ", "copy from ", "copy to "]) => Some(RENAME),
        None if starts(&["GIT binary patch", "Binary files "]) => {
            Some("binary diffs are not taken")
        }
        None => None,
    }
}
