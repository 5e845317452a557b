//! The life of an edit on the command line.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[test]
fn an_edit_goes_from_a_file_to_live_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    std::fs::write(home.join("hi.md"), "Say hi.\n").unwrap();
    let propose = ["edit", "propose", "-d", "Greet", "--file", "hi.md=prompts/hi.md", "--json"];
    let proposed = json(&run(home, &propose, ""));
    assert_eq!(proposed["status"], "checked");
    let id = proposed["id"].as_str().unwrap();
    let shown = run(home, &["edit", "show", &id[..8]], "");
    for words in ["checked", "✓ syntax", "+Say hi.", "1 file +1 -0", "Greet"] {
        assert!(told(&shown).contains(words), "{words} in {}", told(&shown));
    }
    let hash = "0".repeat(64);
    let other = run(home, &["edit", "approve", id, "--force", "--content-hash", &hash], "");
    assert_eq!(other.status.code(), Some(1));
    assert!(told(&other).contains("not the one you looked at"), "{}", told(&other));
    let live = run(home, &["edit", "approve", id, "--force", "--apply"], "");
    assert!(told(&live).contains("applied, revision 2"), "{}", told(&live));

    // A diff from the standard input, as `show` tells it.
    let diff = "--- a/prompts/hi.md\n+++ b/prompts/hi.md\n@@ -1 +1 @@\n-Say hi.\n+Say hello.\n";
    let proposed =
        json(&run(home, &["edit", "propose", "-d", "More", "--diff", "-", "--json"], diff));
    let second = proposed["id"].as_str().unwrap();
    let shown = run(home, &["edit", "show", second, "--diff"], "");
    assert_eq!(String::from_utf8_lossy(&shown.stdout), diff);
    let rehearsed = run(home, &["edit", "rehearse", second, "--last", "10"], "");
    assert!(told(&rehearsed).contains("0 events, 0 answered otherwise"), "{}", told(&rehearsed));
    let shown = told(&run(home, &["edit", "show", second], ""));
    assert!(shown.contains(", done: 0 events"), "{shown}");
    assert!(run(home, &["edit", "approve", second, "--force"], "").status.success());
    assert!(told(&run(home, &["edit", "apply", second], "")).contains("applied, revision 3"));

    let met = run(home, &["edit", "rollback", id, "--preview"], "");
    assert_eq!(met.status.code(), Some(1), "{}", told(&met));
    assert!(told(&met).contains("conflict in prompts/hi.md"), "{}", told(&met));
    let preview = run(home, &["edit", "rollback", second, "--preview"], "");
    assert!(told(&preview).contains("modified prompts/hi.md +1 -1"), "{}", told(&preview));
    let refused = run(home, &["edit", "rollback", id, "--reason", "x"], "");
    assert!(told(&refused).contains("<<<<<<<"), "{}", told(&refused));
    let back = run(home, &["edit", "rollback", second, "--reason", "too much"], "");
    assert!(told(&back).contains("revision 4 is live"), "{}", told(&back));

    let history = run(home, &["edit", "history", "-n", "2"], "");
    assert!(told(&history).contains("rolled_back") && told(&history).contains("--offset 2"));
    assert!(told(&run(home, &["edit", "status"], "")).contains("self-editing is on"));
}

#[test]
fn what_cannot_be_proposed_is_said_with_its_reason_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    std::fs::create_dir_all(home.join("w/settings")).unwrap();
    std::fs::write(home.join("w/settings/x.toml"), "a = = 1\n").unwrap();
    let failed = run(home, &["edit", "propose", "-d", "x", "--file", "w"], "");
    assert_eq!(failed.status.code(), Some(1));
    assert!(told(&failed).contains("settings/x.toml:1"), "{}", told(&failed));
    assert!(told(&failed).contains("did not pass its checks"), "{}", told(&failed));

    std::fs::write(home.join("b"), [0, 255]).unwrap();
    for (arguments, code, words) in [
        (vec!["--file", "b=prompts/b.md"], 1, "b is binary"),
        (vec!["--file", "gone=prompts/b.md"], 1, "gone cannot be read"),
        (vec!["--delete", "prompts/nothing.md"], 1, "not in the workspace"),
        (vec!["--diff", "-"], 1, "no unified diff"),
        (vec!["--diff", "-", "--file", "w"], 2, "cannot be used with"),
        (vec![], 2, "required"),
    ] {
        let line = [vec!["edit", "propose", "-d", "x"], arguments].concat();
        let refused = run(home, &line, "hello");
        assert_eq!(refused.status.code(), Some(code), "{line:?}: {}", told(&refused));
        assert!(told(&refused).contains(words), "{line:?}: {}", told(&refused));
    }
    for (id, words) in [("short", "is no id"), ("01234567", "begins with 01234567")] {
        let refused = run(home, &["edit", "show", id], "");
        assert!(!refused.status.success() && told(&refused).contains(words), "{}", told(&refused));
    }
}

/// Runs the program on this data directory; what is set on this machine does not matter.
fn run(home: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_platform"));
    let foreign = |name: &String| name.starts_with("PALIMPSEST_") || name.starts_with("DISCORD_");
    for name in std::env::vars().map(|(name, _)| name).filter(foreign) {
        command.env_remove(name);
    }
    command.args(arguments).env("PALIMPSEST_DATA_DIR", home.join("data")).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    let mut stdin = child.stdin.take().expect("an input");
    // Who does not read it has ended.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)))
}

/// Everything it said.
fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it)).join("\n")
}
