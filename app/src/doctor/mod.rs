//! `palimpsest doctor`: what is configured, reachable, and weak. Makes nothing.

mod keys;
mod mirror;
mod outside;
mod stores;

use std::io::Write;
use std::os::unix::fs::MetadataExt as _;

use serde_json::json;

use crate::config::Config;
use crate::data_dir::{Holder, holder};

/// One finding.
struct Finding {
    about: &'static str,
    verdict: Verdict,
    says: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Bad,
    Good,
    Weak,
}

impl Finding {
    fn bad(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Bad, says: says.into() }
    }

    fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, says: says.into() }
    }

    fn weak(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Weak, says: says.into() }
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Weak => "weak",
        }
    }
}

/// Looks at everything; fails when something is bad.
pub(crate) async fn run(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let mut findings = vec![settings(config)];
    if stores::are_made(config) {
        let holder = holder(&config.data_dir)?;
        findings.push(data_directory(config, holder.as_ref()));
        if let Some(url) = holder.and_then(|it| it.url) {
            findings.push(outside::server(&url).await);
        }
        findings.push(keys::master_key(config));
        findings.extend(Box::pin(stores::look(config)).await);
    } else {
        let path = config.data_dir.display();
        let says =
            format!("{path} is empty: no server ever worked in it; the first start fills it");
        findings.push(Finding::weak("data directory", says));
    }
    findings.extend([
        outside::discord(config).await,
        outside::ai(config).await,
        keys::first_api_key(config),
    ]);

    let mut output = std::io::stdout();
    if as_json {
        let list: Vec<_> = findings
            .iter()
            .map(|it| json!({ "about": it.about, "verdict": it.verdict.word(), "says": it.says }))
            .collect();
        writeln!(output, "{}", json!(list))?;
    } else {
        for Finding { about, verdict, says } in &findings {
            writeln!(output, "{:4}  {about:15}  {says}", verdict.word())?;
        }
    }
    let bad = findings.iter().filter(|it| it.verdict == Verdict::Bad).count();
    anyhow::ensure!(bad == 0, "{bad} of these keep the platform from working");
    Ok(())
}

fn settings(config: &Config) -> Finding {
    let says = format!("read; {} environment, roles {}", config.environment, config.roles);
    Finding::good("settings", says)
}

fn data_directory(config: &Config, holder: Option<&Holder>) -> Finding {
    let about = "data directory";
    let path = config.data_dir.display();
    let mode = std::fs::metadata(&config.data_dir).map(|it| it.mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        let says = format!("others may look into {path} (mode {mode:o}): run chmod 700 {path}");
        return Finding::weak(about, says);
    }
    let says = match holder {
        None => format!("{path}, nobody works in it"),
        Some(Holder { url: Some(url), .. }) => format!("{path}, a server runs at {url}"),
        Some(Holder { pid, url: None }) => format!("{path}, process {pid} works in it"),
    };
    Finding::good(about, says)
}
