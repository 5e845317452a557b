//! What the reference pages list, held against what there is.

use std::fs;
use std::path::Path;

use domain::kernel::Event;

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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
