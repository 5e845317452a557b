//! What edits may not be, and what happens when people act at the same moment.

use domain::identity::Permission;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};

const EDITS: &str = "/api/v1/self-editing/edits";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_change_of_texts_in_the_workspace_is_refused() {
    let door = Door::open().await;
    for path in [
        "../etc/passwd",
        "/etc/passwd",
        "prompts/../../x.md",
        "prompts\\x.md",
        "prompts/.git.md",
        "notes/x.md",
        "prompts/x.sh",
        "prompts//x.md",
    ] {
        let refused = files(&door, json!([{ "path": path, "content": "x" }])).await;
        assert_eq!((refused.status, refused.fields()), (400, vec!["files"]), "{}", refused.text);
        assert!(refused.text.contains(&path.replace('\\', "\\\\")), "{}", refused.text);
        let added = format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n");
        let refused = diff(&door, &added).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let twice = json!([
        { "path": "prompts/a.md", "content": "x" }, { "path": "prompts/a.md", "content": "y" },
    ]);
    let refused = files(&door, twice).await;
    assert!(refused.text.contains("named twice"), "{}", refused.text);
    let gone = files(&door, json!([{ "path": "prompts/a.md", "content": null }])).await;
    assert!(gone.text.contains("not in the workspace"), "{}", gone.text);

    let git = "diff --git a/prompts/a.md b/prompts/a.md\n";
    let add = "--- /dev/null\n+++ b/prompts/a.md\n@@ -0,0 +1 @@\n+../../etc/passwd\n";
    for (text, why) in [
        (format!("{git}new file mode 120000\n{add}"), "links"),
        (format!("{git}new file mode 100755\n{add}"), "modes"),
        (format!("{git}rename from prompts/a.md\nrename to prompts/b.md\n"), "renames"),
        (format!("{git}GIT binary patch\nliteral 1\nKcmZQz\n"), "binary"),
        (
            "--- a/prompts/greeting.md\n+++ b/prompts/greeting.md\n@@ -1 +1 @@\n-Ho\n+Hey\n".into(),
            "prompts/greeting.md: hunk 1 does not apply",
        ),
        ("hello".into(), "no unified diff"),
    ] {
        let refused = diff(&door, &text).await;
        assert_eq!((refused.status, refused.fields()), (400, vec!["diff"]), "{}", refused.text);
        assert!(refused.text.contains(why), "{why}: {}", refused.text);
    }

    let unknown = json!({
        "scope": "features", "description": "x", "base_revision": 9,
        "files": [{ "path": "prompts/a.md", "content": "x" }],
    });
    let refused = door.post(EDITS, unknown).await;
    assert_eq!((refused.status, refused.fields()), (400, vec!["base_revision"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_the_exact_content_also_when_it_comes_second() {
    let door = Door::open().await;
    let proposed = edit(&door, "prompts/a.md", "x\n").await;
    let path = proposed.header("location").to_owned();
    let key = door.key(Permission::ALL).await;
    let approve = async |hash: &Value| {
        let body = json!({ "content_hash": hash });
        answered(door.bare(Method::POST, &format!("{path}/approve")).bearer_auth(&key).json(&body))
            .await
    };
    let (hash, other) = (&proposed.body["data"]["content_hash"], json!("0".repeat(64)));
    let refused = approve(&other).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(approve(hash).await.body["data"]["status"], "approved");
    assert_eq!(approve(&other).await.status, 409, "it is approved, and not for this");
    assert_eq!(approve(hash).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_at_the_same_moment_approves_once() {
    let door = Door::open().await;
    let proposed = edit(&door, "prompts/a.md", "x\n").await;
    let path = proposed.header("location");
    let keys = [door.key(Permission::ALL).await, door.key(Permission::ALL).await];
    let approve = |key: &String| {
        let request = door.bare(Method::POST, &format!("{path}/approve"));
        answered(request.bearer_auth(key).json(&json!({})))
    };
    for approved in join_all(keys.iter().map(approve)).await {
        assert_eq!(approved.status, 200, "{}", approved.text);
        assert_eq!(approved.body["data"]["approvals"].as_array().unwrap().len(), 1);
    }
    assert_eq!(events(&door, "edit.approved").await, 2, "the starting workspace is an edit too");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_that_are_applied_at_the_same_moment_go_live_one_after_the_other() {
    let door = Door::open().await;
    let mut paths = Vec::new();
    for n in 0..4 {
        paths.push(approved(&door, &format!("prompts/{n}.md"), "x\n").await);
    }
    // The first of them twice.
    paths.push(paths[0].clone());
    let applied = join_all(paths.iter().map(|path| apply(&door, path))).await;
    let mut revisions = Vec::new();
    for applied in &applied {
        assert_eq!(applied.status, 200, "{}", applied.text);
        revisions.push(applied.body["data"]["revision"].as_u64().unwrap());
    }
    assert_eq!(revisions[0], revisions[4]);
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions, [2, 3, 4, 5]);
    assert_eq!(events(&door, "workspace.revised").await, 5, "the first laid the workspace");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_of_the_same_line_one_goes_live() {
    let door = Door::open().await;
    let (one, other) = (
        approved(&door, "prompts/greeting.md", "Good day\n").await,
        approved(&door, "prompts/greeting.md", "Good night\n").await,
    );
    let both = join_all([&one, &other].map(|path| apply(&door, path))).await;
    let mut statuses: Vec<_> = both.iter().map(|it| it.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let refused = both.iter().find(|it| it.status == 409).unwrap();
    let conflict = &refused.body["error"]["details"]["conflicts"][0];
    assert_eq!(conflict["file"], "prompts/greeting.md", "{}", refused.text);
    let hunk = conflict["hunk"].as_str().unwrap();
    assert!(hunk.contains("Good day") && hunk.contains("Good night"), "{hunk}");
    assert_eq!(events(&door, "edit.failed").await, 1);
}

async fn propose(door: &Door, what: Value) -> Answered {
    let mut body = json!({ "scope": "features", "description": "Say more" });
    for (name, value) in what.as_object().unwrap() {
        body[name] = value.clone();
    }
    door.post(EDITS, body).await
}

async fn files(door: &Door, files: Value) -> Answered {
    propose(door, json!({ "files": files })).await
}

async fn diff(door: &Door, diff: &str) -> Answered {
    propose(door, json!({ "diff": diff })).await
}

async fn edit(door: &Door, path: &str, content: &str) -> Answered {
    let proposed = files(door, json!([{ "path": path, "content": content }])).await;
    assert_eq!(proposed.body["data"]["status"], "checked", "{}", proposed.text);
    proposed
}

async fn approved(door: &Door, path: &str, content: &str) -> String {
    let path = edit(door, path, content).await.header("location").to_owned();
    let approve = door.bare(Method::POST, &format!("{path}/approve"));
    let approve = approve.bearer_auth(door.key(Permission::ALL).await).json(&json!({}));
    assert_eq!(answered(approve).await.status, 200);
    path
}

async fn apply(door: &Door, path: &str) -> Answered {
    answered(door.request(Method::POST, &format!("{path}/apply"))).await
}

async fn events(door: &Door, kind: &str) -> usize {
    let (all, _) = door.journal.read_all(0, 10_000).await.unwrap();
    all.iter().filter(|it| it.event.type_name() == kind).count()
}
