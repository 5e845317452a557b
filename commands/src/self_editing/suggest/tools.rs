//! The tools of the model, and how its calls are read.

use domain::self_editing::Change;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::super::Wanted;
use crate::behaviors::{is_behavior, tests_of};
use crate::ports::Tool;

pub(super) const LIST: &str = "list_files";
pub(super) const PROPOSE: &str = "propose_edit";
pub(super) const READ: &str = "read_file";

/// What an edit of the model is.
#[derive(Debug)]
pub(super) struct Proposed {
    pub(super) description: String,
    pub(super) wanted: Wanted,
}

/// All of them.
pub(super) fn all() -> Vec<Tool> {
    let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let path = json!({ "type": "string", "description": "Such as behaviors/faq.rhai" });
    vec![
        Tool { name: LIST, description: "Lists the files of the workspace.", parameters: none },
        Tool {
            name: PROPOSE,
            description: "Proposes the edit: either whole files, or one unified diff against the \
                          live workspace. Its checks run at once. A behavior comes with its tests.",
            parameters: json!({
                "type": "object",
                "properties": {
                    "description": {
                        "type": "string",
                        "description": "What the edit does, for who approves it; 1 to 500 characters",
                    },
                    "files": {
                        "type": "array",
                        "description": "Whole files",
                        "items": {
                            "type": "object",
                            "properties": {
                                "path": path,
                                "content": {
                                    "type": ["string", "null"],
                                    "description": "The whole new text; null deletes the file",
                                },
                            },
                            "required": ["path", "content"],
                            "additionalProperties": false,
                        },
                    },
                    "diff": { "type": "string", "description": "A unified diff instead of files" },
                },
                "required": ["description"],
                "additionalProperties": false,
            }),
        },
        Tool {
            name: READ,
            description: "Shows a file of the workspace.",
            parameters: json!({
                "type": "object",
                "properties": { "path": path },
                "required": ["path"],
                "additionalProperties": false,
            }),
        },
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    description: String,
    #[serde(default)]
    files: Option<Vec<File>>,
    #[serde(default)]
    diff: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    /// Nobody deletes a file by forgetting its content.
    #[serde(deserialize_with = "said")]
    content: Option<String>,
}

fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// The edit of a call, or what is wrong with it, for the model.
pub(super) fn proposed(arguments: &Value) -> Result<Proposed, String> {
    if arguments.is_string() {
        return Err("The arguments are no JSON object; perhaps they were cut off.".to_owned());
    }
    let read = Edit::deserialize(arguments).map_err(|error| format!("The arguments: {error}."))?;
    let Edit { description, files, diff } = read;
    let description = description.trim().to_owned();
    if description.is_empty() {
        return Err("The description is empty.".to_owned());
    }
    let files = files.filter(|files| !files.is_empty());
    let wanted = match (files, diff.filter(|diff| !diff.trim().is_empty())) {
        (Some(files), None) => {
            let change = |File { path, content }| Change { path, content };
            Wanted::Files(files.into_iter().map(change).collect())
        }
        (None, Some(mut diff)) => {
            if !diff.ends_with('\n') {
                diff.push('\n');
            }
            Wanted::Diff(diff)
        }
        _ => return Err("Give either files or diff.".to_owned()),
    };
    Ok(Proposed { description, wanted })
}

/// A behavior that comes without its tests.
pub(super) fn untested(changes: &[Change]) -> Option<String> {
    let written = |path: &str| changes.iter().any(|it| it.path == path && it.content.is_some());
    let scripts = changes.iter().filter(|it| it.content.is_some() && is_behavior(&it.path));
    let mut lacking = scripts.filter(|it| !written(&tests_of(&it.path)));
    lacking.next().map(|it| {
        let tests = tests_of(&it.path);
        format!("{} comes without its tests: write {tests} in the same edit.", it.path)
    })
}

/// The path that a call names.
pub(super) fn path(arguments: &Value) -> &str {
    arguments["path"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_call_is_told() {
        for (arguments, words) in [
            (json!("{\"description\": \"cut o"), "cut off"),
            (json!({ "files": [] }), "description"),
            (json!({ "description": " ", "diff": "x" }), "empty"),
            (json!({ "description": "x" }), "either"),
            (json!({ "description": "x", "files": [{ "path": "a" }] }), "content"),
            (json!({ "description": "x", "files": [], "diff": "", "force": true }), "force"),
        ] {
            let told = proposed(&arguments).unwrap_err();
            assert!(told.contains(words), "{arguments}: {told}");
        }
        let gone = json!({ "description": "x", "files": [{ "path": "a", "content": null }] });
        let Ok(Proposed { wanted: Wanted::Files(files), .. }) = proposed(&gone) else { panic!() };
        assert_eq!(files, [Change { path: "a".into(), content: None }]);
    }

    #[test]
    fn a_behavior_comes_with_its_tests() {
        let change = |path: &str| Change { path: path.into(), content: Some("x".into()) };
        let script = change("behaviors/a.rhai");
        assert!(untested(std::slice::from_ref(&script)).is_some());
        assert!(untested(&[script, change("behaviors/a.test.rhai")]).is_none());
        let gone = Change { path: "behaviors/a.rhai".into(), content: None };
        assert!(untested(&[gone, change("prompts/a.md")]).is_none());
    }
}
