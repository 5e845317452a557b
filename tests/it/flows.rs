//! The scripts that show people and organizations at work, run as anybody would run them.

use std::path::Path;
use std::process::Command;

use tests::doors::Door;

#[tokio::test(flavor = "multi_thread")]
async fn organizations_are_apart() {
    run("saas-organization-flow.sh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_comes_in_and_leaves() {
    run("quick-start.sh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_four_ways_into_a_group() {
    run("four-group-methods.sh").await;
}

async fn run(script: &str) {
    let door = Door::open().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows").join(script);
    let mut command = Command::new("bash");
    command.arg(path).env("PALIMPSEST_URL", &door.url).env("PALIMPSEST_API_KEY", &door.token);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{also}");
    assert!(said.contains("checks passed"), "{said}\n{also}");
}
