//! What the reference pages list, held against what there is.

use std::collections::BTreeSet;

use domain::kernel::Event;

use super::house_rules::{self, house, sources};

#[test]
fn every_setting_is_in_the_papers() {
    let paper = read("docs/settings.md");
    let defaults = read("app/src/config.default.toml");
    let mut table = String::new();
    let mut variables = Vec::new();
    for line in defaults.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{}__", name.replace('.', "__"));
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            variables.push(format!("PALIMPSEST_{}", format!("{table}{key}").to_uppercase()));
        }
    }
    assert!(variables.len() > 40, "{variables:?}");
    let unnamed = variables.iter().filter(|name| !paper.contains(&format!("`{name}`")));
    let unnamed: Vec<_> = unnamed.collect();
    assert!(unnamed.is_empty(), "docs/settings.md does not name {unnamed:?}");
}

#[test]
fn every_command_is_in_the_papers() {
    let paper = read("docs/command-line.md");
    let code = ["app/src/cli.rs", "app/src/edit/args.rs"].map(read).concat();
    let commands = code.split("Command {\n").skip(1).flat_map(variants);
    let commands: Vec<String> = commands.map(kebab).collect();
    assert!(commands.contains(&"api-key".to_owned()), "{commands:?}");
    let unnamed: Vec<_> = commands.iter().filter(|it| !paper.contains(it.as_str())).collect();
    assert!(unnamed.is_empty(), "docs/command-line.md does not name {unnamed:?}");
}

#[test]
fn every_aggregate_is_in_the_papers() {
    let paper = read("docs/events.md");
    let unnamed = Event::AGGREGATES.iter().filter(|it| !paper.contains(&format!("| `{it}.")));
    let unnamed: Vec<_> = unnamed.collect();
    assert!(unnamed.is_empty(), "docs/events.md has no event of {unnamed:?}");
}

#[test]
fn what_the_papers_on_identity_name_is_there() {
    let tests = tests_there_are();
    let operations = read("tests/golden/openapi.json");
    for paper in ["docs/identity-features.md", "docs/security.md"] {
        let (text, mut rows, mut faults) = (read(paper), 0, Vec::new());
        for row in text.lines().filter(|it| it.starts_with("| ")) {
            let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
            let [_, _, place, shown] = cells.as_slice() else { continue };
            rows += 1;
            for name in quoted(place) {
                let gone = name.contains("/src") && !house().join(name).exists();
                let operation = name.chars().all(|it| it.is_ascii_alphabetic());
                let named = format!("\"operationId\": \"{name}\"");
                let unknown =
                    paper.contains("features") && operation && !operations.contains(&named);
                if gone || unknown {
                    faults.push(name);
                }
            }
            let unknown = |it: &&str| !tests.contains(*it) && !house().join(it).exists();
            faults.extend(quoted(shown).into_iter().filter(unknown));
        }
        assert!(rows > 20, "{paper} has {rows} rows");
        assert!(faults.is_empty(), "{paper} names what is not there: {faults:#?}");
    }
}

/// What stands in backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Tests by their names, alone and behind the name of their module; and the modules.
fn tests_there_are() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (file, text) in sources() {
        let modules: Vec<_> = file.trim_end_matches(".rs").rsplit('/').take(2).collect();
        if file.starts_with("tests/it/") {
            known.extend(modules.iter().map(|it| (*it).to_owned()));
        }
        for name in text.split("fn ").skip(1).filter_map(|it| it.split("()").next()) {
            known.insert(name.to_owned());
            known.extend(modules.iter().map(|it| format!("{it}::{name}")));
        }
    }
    known
}

/// The names of an enum's variants, from the text that follows its opening brace.
fn variants(rest: &str) -> Vec<&str> {
    let body = rest.split("\n}").next().unwrap_or_default();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(|it: char| it.is_ascii_uppercase()));
    named.filter_map(|line| line.split(|it: char| !it.is_alphanumeric()).next()).collect()
}

/// `ApiKey` as the command line writes it: `api-key`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

fn read(file: &str) -> String {
    house_rules::read(&house().join(file))
}
