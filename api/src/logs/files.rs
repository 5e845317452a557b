//! Reads application logs backwards, from rotated files of one JSON object per line.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// How much of a file is in memory at once, as long as its lines are shorter.
const BLOCK: usize = 64 * 1024;

/// A longer line is cut off at its start, and so is no entry.
const MAX_LINE: usize = 1024 * 1024;

/// So much is read for one question; what is older is not counted.
const MAX_READ: u64 = 256 * 1024 * 1024;

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) level: Option<&'static str>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    /// Lower case.
    pub(super) search: Option<String>,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: DateTime<Utc>,
    pub(super) level: String,
    pub(super) message: String,
    pub(super) module: String,
    pub(super) function: String,
}

/// The wanted entries, newest first, and how many there are in all.
pub(super) fn read(directory: &Path, wanted: &Wanted) -> io::Result<(Vec<Entry>, usize)> {
    let (mut found, mut total, mut budget) = (Vec::new(), 0, MAX_READ);
    for path in newest_first(directory)? {
        let mut lines = Backwards::open(&path)?;
        while let Some(line) = lines.next()? {
            budget = budget.saturating_sub(line.len() as u64 + 1);
            if budget == 0 {
                return Ok((found, total));
            }
            let Some(entry) = entry(&line, wanted) else { continue };
            if wanted.from.is_some_and(|from| entry.at < from) {
                break; // What comes now is older still.
            }
            if wanted.to.is_some_and(|to| entry.at > to) {
                continue;
            }
            total += 1;
            if total > wanted.offset && found.len() < wanted.limit {
                found.push(entry);
            }
        }
    }
    Ok((found, total))
}

fn newest_first(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() {
            files.push((about.modified()?, entry.path()));
        }
    }
    files.sort_unstable_by(|one, next| next.cmp(one));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// The entry on a line, unless it is no entry or not wanted; times are not looked at.
fn entry(line: &[u8], wanted: &Wanted) -> Option<Entry> {
    let line: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let level = line.get("level")?.as_str()?.to_lowercase();
    if wanted.level.is_some_and(|it| it != level) {
        return None;
    }
    let at = DateTime::parse_from_rfc3339(line.get("timestamp")?.as_str()?).ok()?.to_utc();
    let fields = line.get("fields").and_then(Value::as_object).unwrap_or(&line);
    let message = message(fields);
    let module = text(&line, &["target", "module"]);
    let function = match line.get("span").and_then(Value::as_object) {
        Some(span) => text(span, &["name"]),
        None => text(fields, &["function"]),
    };
    if let Some(search) = &wanted.search {
        let within = [&message, &module, &function];
        if !within.iter().any(|it| it.to_lowercase().contains(search)) {
            return None;
        }
    }
    Some(Entry { at, level, message, module, function })
}

/// The message, with the other fields behind it as `name=value`.
fn message(fields: &Map<String, Value>) -> String {
    const ELSEWHERE: [&str; 9] = [
        "function",
        "level",
        "message",
        "module",
        "span",
        "spans",
        "target",
        "threadId",
        "timestamp",
    ];
    let mut message = text(fields, &["message"]);
    for (name, value) in fields.iter().filter(|(name, _)| !ELSEWHERE.contains(&name.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        if !message.is_empty() {
            message.push(' ');
        }
        message.extend([name, "=", &value]);
    }
    message
}

fn text(object: &Map<String, Value>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| object.get(*name)?.as_str());
    found.unwrap_or_default().to_owned()
}

/// The lines of a file, last one first.
struct Backwards {
    file: File,
    /// Everything before this has not been read.
    unread: u64,
    /// What was read and not given out.
    held: Vec<u8>,
}

impl Backwards {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let unread = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, unread, held: Vec::new() })
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let unsearched = self.held.len() - searched;
            if let Some(at) = self.held[..unsearched].iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(at + 1);
                self.held.truncate(at);
                if line.is_empty() {
                    searched = 0;
                    continue;
                }
                return Ok(Some(line));
            }
            searched = self.held.len();
            if self.unread == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.held.len() > MAX_LINE {
                self.held.clear();
                searched = 0;
            }
            let size = self.unread.min(BLOCK as u64);
            self.unread -= size;
            self.file.seek(SeekFrom::Start(self.unread))?;
            let mut block = vec![0; usize::try_from(size).unwrap_or(BLOCK)];
            self.file.read_exact(&mut block)?;
            block.append(&mut self.held);
            self.held = block;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, level: &str, message: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-01-01T00:{:02}:{:02}.000000Z","level":"{level}","fields":{{"message":"{message}","edit.id":"e{second}"}},"target":"commands::self_editing"}}"#,
            second / 60,
            second % 60,
        )
    }

    fn directory() -> (tempfile::TempDir, Wanted) {
        let directory = tempfile::tempdir().unwrap();
        let lines: Vec<_> = (0..3_000).map(|it| line(it, "INFO", &format!("entry {it}"))).collect();
        let text = format!("{}\nnot json\n{}\n", lines.join("\n"), line(3_001, "ERROR", "broken"));
        fs::write(directory.path().join("app.ndjson"), text).unwrap();
        (directory, Wanted { limit: 100, ..Wanted::default() })
    }

    #[test]
    fn the_newest_entry_comes_first_and_all_are_counted() {
        let (directory, wanted) = directory();
        let (found, total) = read(directory.path(), &wanted).unwrap();
        assert_eq!((found.len(), total), (100, 3_001));
        assert_eq!(found[0].level, "error");
        assert_eq!(found[1].message, "entry 2999 edit.id=e2999");
        assert_eq!(found[1].module, "commands::self_editing");
    }

    #[test]
    fn pages_and_filters_narrow_the_answer() {
        let (directory, wanted) = directory();
        let at = |second: u32| {
            let text = format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
            Some(DateTime::parse_from_rfc3339(&text).unwrap().to_utc())
        };
        let some = Wanted { from: at(10), to: at(19), offset: 8, ..wanted.clone() };
        let (found, total) = read(directory.path(), &some).unwrap();
        assert_eq!((found.len(), total), (2, 10));
        assert_eq!(found[1].message, "entry 10 edit.id=e10");

        let errors =
            Wanted { level: Some("error"), search: Some("e3001".into()), ..wanted.clone() };
        assert_eq!(read(directory.path(), &errors).unwrap().1, 1);
        let none = Wanted { search: Some("nowhere".into()), ..wanted };
        assert_eq!(read(directory.path(), &none).unwrap().1, 0);
    }

    #[test]
    fn a_directory_that_is_not_there_has_no_entries() {
        let nowhere = Path::new("nowhere-at-all");
        assert_eq!(read(nowhere, &Wanted::default()).unwrap(), (vec![], 0));
    }
}
