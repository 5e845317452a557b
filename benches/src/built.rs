//! Programs that are measured from outside, built for release.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Builds a package of the workspace with this manifest; answers where its program is.
pub(crate) async fn release(manifest: &str, package: &str) -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let cargo = async |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--locked").arg("--manifest-path").arg(&manifest);
        let output = command.stderr(Stdio::inherit()).output().await?;
        ensure!(output.status.success(), "cargo {arguments:?} failed");
        anyhow::Ok(output.stdout)
    };
    cargo(&["build", "--release", "--quiet", "--package", package]).await?;
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]).await?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata)?;
    let target = metadata["target_directory"].as_str().context("cargo knows its target")?;
    Ok(Path::new(target).join("release").join(package))
}
