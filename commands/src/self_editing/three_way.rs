//! Two changes of one text, put together line by line.

use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{DiffTag, TextDiff};

/// How long two texts are compared at most; after that what differs is told more coarsely.
const FOR_ONE: Duration = Duration::from_secs(1);

/// How long all texts of one answer are compared together.
const FOR_TELLING: Duration = Duration::from_secs(2);

/// How long all texts of one merge are: what is told too coarsely there meets more easily.
const FOR_MERGING: Duration = Duration::from_secs(10);

/// Until when the smallest differences of several texts are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience(Instant);

impl Patience {
    pub(super) fn to_merge() -> Self {
        Self(Instant::now() + FOR_MERGING)
    }

    pub(super) fn to_tell() -> Self {
        Self(Instant::now() + FOR_TELLING)
    }

    /// Until when the next pair is compared.
    fn for_one(self) -> Instant {
        self.0.min(Instant::now() + FOR_ONE)
    }
}

/// Some lines of the old text, and the lines that take their place.
struct Replaced {
    old: Range<usize>,
    new: Range<usize>,
}

/// How two texts differ, line by line. The lines are those that a merge puts together: the library
/// would end one also where a carriage return stands alone.
pub(super) fn by_lines<'a>(
    before: &'a str,
    after: &'a str,
    patience: Patience,
) -> TextDiff<'a, 'a, str> {
    let (before, after) = (lines(before), lines(after));
    let mut how = TextDiff::configure();
    how.deadline(patience.for_one()).newline_terminated(true);
    how.diff_slices(before.as_slice(), after.as_slice())
}

/// The text with both changes, or the places where they meet, each with the usual markers. Changes
/// meet where no line that both kept is between them.
pub(super) fn three_way(
    base: &str,
    ours: &str,
    theirs: &str,
    patience: Patience,
) -> Result<String, String> {
    let (old, one, other) = (lines(base), lines(ours), lines(theirs));
    let mut left = replaced(base, ours, patience).into_iter().peekable();
    let mut right = replaced(base, theirs, patience).into_iter().peekable();
    let (mut merged, mut conflicts) = (String::new(), String::new());
    let mut done = 0;
    while let Some(start) = first(left.peek(), right.peek()) {
        // Everything that hangs together, on either side.
        let mut region = start..start;
        let (mut mine, mut yours) = (Vec::new(), Vec::new());
        loop {
            if let Some(next) = left.next_if(|it| it.old.start <= region.end) {
                region.end = region.end.max(next.old.end);
                mine.push(next);
            } else if let Some(next) = right.next_if(|it| it.old.start <= region.end) {
                region.end = region.end.max(next.old.end);
                yours.push(next);
            } else {
                break;
            }
        }
        merged.extend(old[done..region.start].iter().copied());
        done = region.end;
        let before = old[region.clone()].concat();
        let (mine, yours) = (side(&old, &one, &region, &mine), side(&old, &other, &region, &yours));
        if mine == yours || yours == before {
            merged.push_str(&mine);
        } else if mine == before {
            merged.push_str(&yours);
        } else {
            let parts = [&mine, &before, &yours].map(|text| with_end(text));
            conflicts.push_str(&format!(
                "<<<<<<< ours\n{}||||||| original\n{}=======\n{}>>>>>>> theirs\n",
                parts[0], parts[1], parts[2]
            ));
        }
    }
    merged.extend(old[done..].iter().copied());
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Where the next change begins.
fn first(one: Option<&Replaced>, other: Option<&Replaced>) -> Option<usize> {
    [one, other].into_iter().flatten().map(|it| it.old.start).min()
}

/// What leads from one text to the other, in the order of the lines.
fn replaced(before: &str, after: &str, patience: Patience) -> Vec<Replaced> {
    let diff = by_lines(before, after, patience);
    let changed = diff.ops().iter().map(similar::DiffOp::as_tag_tuple);
    changed
        .filter(|(tag, ..)| *tag != DiffTag::Equal)
        .map(|(_, old, new)| Replaced { old, new })
        .collect()
}

/// A region of the old text as one side has it.
fn side(old: &[&str], new: &[&str], region: &Range<usize>, changes: &[Replaced]) -> String {
    let mut text = String::new();
    let mut at = region.start;
    for change in changes {
        text.extend(old[at..change.old.start].iter().copied());
        text.extend(new[change.new.clone()].iter().copied());
        at = change.old.end;
    }
    text.extend(old[at..region.end].iter().copied());
    text
}

/// A marker stands in a line of its own.
fn with_end(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}")
}
