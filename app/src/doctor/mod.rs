//! `palimpsest doctor`: what is configured, reachable, and weak.

use std::io::Write;

use serde_json::json;

use crate::config::Config;
use crate::data_dir::{DataDir, Found, bootstrap_key};
use crate::stores::Stores;

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
    let mut findings = vec![settings(config), data_directory(config)?];
    findings.extend(stores(config).await);
    findings.extend([discord(config), key(config)]);

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
    Finding { about: "settings", verdict: Verdict::Good, says }
}

fn data_directory(config: &Config) -> anyhow::Result<Finding> {
    let path = config.data_dir.display();
    let says = match DataDir::take(&config.data_dir)? {
        Found::Free(_) => format!("{path}, nobody works in it"),
        Found::Held(holder) => match holder.url {
            Some(url) => format!("{path}, a server runs at {url}"),
            None => format!("{path}, process {} works in it", holder.pid),
        },
    };
    Ok(Finding { about: "data directory", verdict: Verdict::Good, says })
}

async fn stores(config: &Config) -> Vec<Finding> {
    let opened = match Stores::open(config).await {
        Ok(stores) => stores,
        Err(error) => {
            let says = format!("{error:#}");
            return vec![Finding { about: "stores", verdict: Verdict::Bad, says }];
        }
    };
    let log = match opened.journal.log().head().await {
        Ok(head) => {
            let sure =
                ["every commit", "synced"].iter().any(|it| opened.durability.starts_with(it));
            let verdict = if sure { Verdict::Good } else { Verdict::Weak };
            let says = format!("reachable, {head} commits; {}", opened.durability);
            Finding { about: "log", verdict, says }
        }
        Err(error) => Finding { about: "log", verdict: Verdict::Bad, says: error.to_string() },
    };
    let says = "the master key opens the vault; back up both, in two places".to_owned();
    let vault = Finding { about: "vault", verdict: Verdict::Good, says };
    let (views, reactors) = tokio::join!(read_models(config, &opened), reactors(&opened));
    vec![log, vault, views, reactors]
}

/// Which generation is live, and whether the log still is the one that it was built from.
async fn read_models(config: &Config, stores: &Stores) -> Finding {
    let differ = match crate::serve::views(config, stores) {
        Some(views) => views.differ().await.map_err(anyhow::Error::from),
        None => Ok(None),
    };
    let live = stores.operational.live_generation().await.map_err(anyhow::Error::from);
    let (verdict, says) = match (live, differ) {
        (Err(error), _) | (_, Err(error)) => (Verdict::Bad, format!("{error:#}")),
        (_, Ok(Some(differ))) => (Verdict::Bad, differ),
        (Ok(Some(number)), _) => (Verdict::Good, format!("generation {number} is live")),
        (Ok(None), _) => (Verdict::Good, "none yet; they are built at the next start".to_owned()),
    };
    Finding { about: "read models", verdict, says }
}

/// Whether the reactors know the log.
async fn reactors(stores: &Stores) -> Finding {
    let beyond = async {
        let head = stores.journal.log().head().await?;
        anyhow::Ok((head, stores.operational.beyond(head).await?))
    };
    let (verdict, says) = match beyond.await {
        Ok((_, beyond)) if beyond.is_empty() => {
            (Verdict::Good, "none is beyond the end of the log".to_owned())
        }
        Ok((head, beyond)) => {
            let says = format!(
                "the log ends at commit {head}, and beyond it are {}: an earlier log was put back. \
                 At the next start they go on at its end, and what is there gets no reaction",
                beyond.join(", ")
            );
            (Verdict::Weak, says)
        }
        Err(error) => (Verdict::Bad, format!("{error:#}")),
    };
    Finding { about: "reactors", verdict, says }
}

fn discord(config: &Config) -> Finding {
    let (verdict, says) = match (config.discord.token.is_empty(), config.other_discord()) {
        (true, _) => (Verdict::Weak, "no DISCORD_BOT_TOKEN: the bot stays offline".to_owned()),
        (false, Some(url)) => (Verdict::Weak, format!("a token for a stand-in at {url}")),
        (false, None) => (Verdict::Good, "a token is set".to_owned()),
    };
    Finding { about: "Discord", verdict, says }
}

fn key(config: &Config) -> Finding {
    let (verdict, says) = match bootstrap_key(&config.data_dir) {
        Some(_) => {
            let says = "the bootstrap key, which may do everything, is still in the data \
                        directory; make narrower keys, revoke it and delete the file";
            (Verdict::Weak, says.to_owned())
        }
        None => (Verdict::Good, "no bootstrap key lies about".to_owned()),
    };
    Finding { about: "API keys", verdict, says }
}
