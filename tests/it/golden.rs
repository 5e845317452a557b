//! What was stored once can be read for ever: a sample of every event in every version.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::{ChaCha20Poly1305, SystemClock};
use async_trait::async_trait;
use domain::kernel::{Codec, CryptError, Journal, Key, KeyId, Keys, Person, StoredCommit};
use tests::journals::MemoryLog;

/// A file is named `<type>.v<version>.json` and holds a commit as stored, with that event alone;
/// its boxes are sealed with the key below. Files are added, never changed.
#[tokio::test]
async fn every_event_that_was_ever_stored_can_be_read() {
    let log = Arc::<MemoryLog>::default();
    let codec = Codec::new(Arc::new(OneKey), Arc::new(ChaCha20Poly1305));
    let journal = Journal::new(log, Arc::new(codec), Arc::new(SystemClock));
    for (name, body) in samples() {
        let commit = StoredCommit { position: 1, body: body.trim_end().to_owned().into() };
        let stored = Codec::parse(&commit).unwrap_or_else(|error| panic!("{name}: {error}"));
        let [event] = &stored.events[..] else { panic!("{name} holds one event") };
        assert_eq!(name, format!("{}.v{}", event.r#type, event.v));

        let read = journal.decode(std::slice::from_ref(&commit)).await;
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read[0].event.type_name(), event.r#type, "{name}");
        let shown = format!("{:?}", read[0].event);
        assert!(!shown.contains("Erased {") || event.r#type == "person.erased", "{name}: {shown}");
    }
}

#[test]
fn every_type_of_event_has_a_sample_and_a_line_in_the_papers() {
    let types = types();
    assert!(types.len() > 40, "{types:?}");
    let samples: BTreeSet<String> = samples().into_iter().map(|(name, _)| name).collect();
    let has = |name: &String| samples.iter().any(|it| it.starts_with(&format!("{name}.v")));
    let lacking: Vec<_> = types.iter().filter(|name| !has(name)).collect();
    assert!(lacking.is_empty(), "tests/golden/events has no sample of {lacking:?}");
    let paper = fs::read_to_string(root().join("docs/events.md")).expect("the page");
    let unnamed = types.iter().filter(|name| !paper.contains(&format!("\n| `{name}` |")));
    let unnamed: Vec<_> = unnamed.collect();
    assert!(unnamed.is_empty(), "docs/events.md does not name {unnamed:?}");
}

/// Everybody has the same key.
struct OneKey;

#[async_trait]
impl Keys for OneKey {
    async fn current(&self, of: &[Person]) -> Result<Vec<(KeyId, Key)>, CryptError> {
        Ok(of.iter().map(|_| (KeyId(7), Key::new([7; 32]))).collect())
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<Option<Key>>, CryptError> {
        Ok(ids.iter().map(|_| Some(Key::new([7; 32]))).collect())
    }

    async fn destroy(&self, _: &Person) -> Result<usize, CryptError> {
        Ok(0)
    }
}

/// The name and the text of each file.
fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/events");
    let files = fs::read_dir(folder).expect("the samples").map(|it| it.expect("an entry").path());
    let sample = |file: PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(file).expect("a text"))
    };
    files.map(sample).collect()
}

/// Every type of event, as the sources of the domain list them.
fn types() -> BTreeSet<String> {
    let (mut sources, mut folders) = (Vec::new(), vec![root().join("domain/src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push(fs::read_to_string(path).expect("a source"));
            }
        }
    }
    sources.iter().flat_map(|code| types_in(code, &sources)).collect()
}

/// `aggregate!(Edit: "edit", EditCommand -> EditEvent | EditError);` and the variants of that enum,
/// which may stand in another file.
fn types_in(code: &str, sources: &[String]) -> Vec<String> {
    let Some((_, glue)) = code.split_once("\naggregate!(") else { return Vec::new() };
    let aggregate = glue.split('"').nth(1).expect("the type of an aggregate");
    let events = glue.split("-> ").nth(1).and_then(|rest| rest.split(' ').next());
    let head = format!("\npub enum {} {{\n", events.expect("its events"));
    let body = sources.iter().find_map(|code| code.split_once(&head));
    let (_, body) = body.expect("the enum of its events");
    let lines = body.split("\n}").next().unwrap_or_default().lines();
    let lines = lines.filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(|it: char| it.is_ascii_uppercase()));
    let names = named.filter_map(|line| line.split(|it: char| !it.is_alphanumeric()).next());
    names.map(|name| format!("{aggregate}.{}", snake(name))).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
