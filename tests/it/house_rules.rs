//! What the house keeps true about itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if !text.starts_with("//! ") {
            faults.push(format!("{name} does not open with a `//!` sentence"));
        }
        let lines = text.lines().count();
        if lines > 400 {
            faults.push(format!("{name} has {lines} lines; 400 is where a file wants to be split"));
        }
    }
    none(faults);
}

#[test]
fn layers_only_look_inwards() {
    let layers: [(&str, &[&str]); 7] = [
        ("adapters", &["commands", "domain", "migrations"]),
        ("api", &["commands", "domain", "projections"]),
        ("bot", &["commands", "domain", "projections"]),
        ("commands", &["domain"]),
        ("domain", &[]),
        ("migrations", &[]),
        ("projections", &["domain", "migrations"]),
    ];
    let others = layers.map(|(layer, _)| layer).into_iter().chain(["palimpsest", "tests"]);
    let others: Vec<_> = others.collect();
    let mut faults = Vec::new();
    for (layer, allowed) in layers {
        for used in dependencies(&read(&house().join(layer).join("Cargo.toml"))) {
            if others.contains(&used.as_str()) && !allowed.contains(&used.as_str()) {
                faults.push(format!("{layer} must not use {used}"));
            }
        }
    }
    none(faults);
}

#[test]
fn domain_contexts_do_not_import_each_other() {
    let domain = house().join("domain/src");
    let contexts: Vec<_> = folders(&domain).into_iter().filter(|it| it != "kernel").collect();
    let mut faults = Vec::new();
    for context in &contexts {
        for file in files_below(&domain.join(context)) {
            let text = read(&file);
            for other in contexts.iter().filter(|it| *it != context) {
                if ["crate::", "super::super::"].iter().any(|up| names(&text, up, other)) {
                    faults.push(format!("{} imports {other}", shown(&file)));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn lists_in_manifests_are_sorted() {
    let root = read(&house().join("Cargo.toml"));
    let members = members(&root);
    assert!(members.is_sorted(), "workspace members: {members:?}");

    let mut faults = Vec::new();
    for manifest in files_below(&house()).iter().filter(|it| it.ends_with("Cargo.toml")) {
        let text = read(manifest);
        // A blank line begins a new group: our own crates, then everybody's.
        for group in sections(&text).flat_map(|section| section.split("\n\n")) {
            let names: Vec<_> = group.lines().filter_map(dependency).collect();
            if !names.is_sorted() {
                faults.push(format!("{} is not sorted: {names:?}", shown(manifest)));
            }
        }
    }
    none(faults);
}

#[test]
fn every_folder_with_a_manifest_is_a_member() {
    let members: BTreeSet<_> = members(&read(&house().join("Cargo.toml"))).into_iter().collect();
    let found: BTreeSet<_> = folders(&house())
        .into_iter()
        .filter(|it| house().join(it).join("Cargo.toml").exists())
        .collect();
    assert_eq!(found, members);
}

#[test]
fn the_map_in_the_readme_names_every_folder() {
    let readme = read(&house().join("README.md"));
    let shown = folders(&house()).into_iter().filter(|folder| !folder.starts_with('.'));
    let unnamed = shown.filter(|folder| !readme.contains(&format!("`{folder}/`")));
    none(unnamed.map(|folder| format!("README.md does not name {folder}/")).collect());
}

#[test]
fn what_the_papers_tell_to_run_exists() {
    let justfile = read(&house().join("justfile"));
    let mut faults = Vec::new();
    for paper in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let Ok(text) = fs::read_to_string(house().join(paper)) else { continue };
        for recipe in told(&text, "just ") {
            let heads = [format!("\n{recipe}:"), format!("\n{recipe} ")];
            if !heads.iter().any(|head| justfile.contains(head)) {
                faults.push(format!("{paper} tells to run `just {recipe}`, which does not exist"));
            }
        }
        for script in told(&text, "scripts/") {
            if !house().join("scripts").join(&script).exists() {
                faults.push(format!("{paper} tells to run scripts/{script}, which does not exist"));
            }
        }
    }
    none(faults);
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    assert!(read(&house().join("CHANGELOG.md")).contains("\n## [Unreleased]\n"));
}

#[test]
fn nothing_is_left_open() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimple", "mented!"),
        concat!("#[all", "ow("),
        concat!("#[ign", "ore"),
        concat!("#[should_", "panic"),
    ];
    none(
        sources()
            .iter()
            .flat_map(|(name, text)| {
                let found = words.iter().filter(|word| text.contains(**word));
                found.map(move |word| format!("{name} says {word}"))
            })
            .collect(),
    );
}

#[test]
fn stories_wait_for_a_state_and_do_not_sleep() {
    let sleep = concat!("::sle", "ep(");
    let sleepers = sources().into_iter().filter(|(name, _)| name.starts_with("tests/it/"));
    let sleepers = sleepers.filter(|(_, text)| text.contains(sleep));
    none(sleepers.map(|(name, _)| format!("{name} sleeps")).collect());
}

#[test]
fn no_file_names_a_registry_host_or_a_path_of_one_machine() {
    let words = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("npmjs", ".org"),
        concat!("npmjs", ".com"),
        concat!("\"/wo", "rk/"),
        concat!(" /wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut faults = Vec::new();
    for file in files_below(&house()) {
        let name = shown(&file);
        // Cargo writes the registry into lock files itself, and samples are other people's texts.
        let theirs = ["Cargo.lock", "/fixtures/", "/samples/"];
        if name == ".git" || theirs.iter().any(|it| name.contains(it)) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let found = words.iter().filter(|word| text.contains(**word));
        faults.extend(found.map(|word| format!("{name} names {word}")));
    }
    none(faults);
}

pub(super) fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

pub(super) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(house()).expect("a file of the house").display().to_string()
}

/// Every Rust file with its text.
pub(super) fn sources() -> Vec<(String, String)> {
    let files = files_below(&house()).into_iter();
    let rust = files.filter(|file| file.extension().is_some_and(|it| it == "rs"));
    rust.map(|file| (shown(&file), read(&file))).collect()
}

/// The folders that are ours: not made by a tool or a running server.
fn folders(parent: &Path) -> Vec<String> {
    let entries = fs::read_dir(parent).expect("a folder").map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders
        .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
        .filter(|name| !name.starts_with('.') || [".ci", ".github"].contains(&name.as_str()))
        .filter(|name| !["__pycache__", "data", "node_modules", "target"].contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut found: Vec<_> = entries.map(|it| it.path()).filter(|path| path.is_file()).collect();
    for inner in folders(folder) {
        found.extend(files_below(&folder.join(inner)));
    }
    found.sort();
    found
}

/// Does the text say `<up><context>` as a whole word?
fn names(text: &str, up: &str, context: &str) -> bool {
    let path = format!("{up}{context}");
    text.match_indices(&path).any(|(at, _)| {
        let next = text[at + path.len()..].chars().next();
        !next.is_some_and(|it| it.is_alphanumeric() || it == '_')
    })
}

fn members(manifest: &str) -> Vec<String> {
    let list = manifest.split("\nmembers = [").nth(1).expect("a list of members");
    let list = list.split(']').next().expect("its end");
    list.split(',').map(|it| it.trim().trim_matches('"').to_owned()).collect()
}

/// The text of each table of dependencies.
fn sections(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.split("\n[").filter_map(|section| {
        let (head, body) = section.split_once("]\n")?;
        head.ends_with("dependencies").then_some(body)
    })
}

fn dependencies(manifest: &str) -> Vec<String> {
    sections(manifest).flat_map(str::lines).filter_map(dependency).collect()
}

fn dependency(line: &str) -> Option<String> {
    let name: String =
        line.chars().take_while(|it| it.is_alphanumeric() || "-_".contains(*it)).collect();
    (!name.is_empty()).then_some(name)
}

/// The words that follow `lead` where something to run begins: in a code span or on a line of a block.
fn told(text: &str, lead: &str) -> BTreeSet<String> {
    let begins = ["`", "\n", "\n    "].map(|before| format!("{before}{lead}"));
    let ends = |it: char| !(it.is_alphanumeric() || "-_.".contains(it));
    let found = begins.iter().flat_map(|begin| text.split(begin.as_str()).skip(1));
    found.filter_map(|rest| rest.split(ends).next()).map(str::to_owned).collect()
}
