//! The first start: a key for the owner of the machine, and the starting workspace.

use anyhow::Context;
use commands::describe;
use commands::self_editing::Files;
use domain::kernel::{Actor, Cause, Source};
use domain::self_editing::Change;
use uuid::Uuid;

use crate::data_dir::DataDir;
use crate::policies::propose_shipped;
use crate::use_cases::UseCases;

/// The files of the workspace, by their paths.
macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../workspace/", $path)))),+]
    };
}

/// The workspace that a release ships with.
const WORKSPACE: &[(&str, &str)] = shipped![
    "behaviors/choose.rhai",
    "behaviors/choose.test.rhai",
    "behaviors/digest.rhai",
    "behaviors/digest.test.rhai",
    "behaviors/faq.rhai",
    "behaviors/faq.test.rhai",
    "behaviors/help.rhai",
    "behaviors/help.test.rhai",
    "behaviors/keywords.rhai",
    "behaviors/keywords.test.rhai",
    "behaviors/oracle.rhai",
    "behaviors/oracle.test.rhai",
    "behaviors/ping.rhai",
    "behaviors/ping.test.rhai",
    "behaviors/poll.rhai",
    "behaviors/poll.test.rhai",
    "behaviors/quote.rhai",
    "behaviors/quote.test.rhai",
    "behaviors/remind.rhai",
    "behaviors/remind.test.rhai",
    "behaviors/roll.rhai",
    "behaviors/roll.test.rhai",
    "behaviors/rules.rhai",
    "behaviors/rules.test.rhai",
    "behaviors/server.rhai",
    "behaviors/server.test.rhai",
    "behaviors/user.rhai",
    "behaviors/user.test.rhai",
    "behaviors/welcome.rhai",
    "behaviors/welcome.test.rhai",
    "policies/groups.cedar",
    "policies/organizations.cedar",
    "policies/roles.cedar",
    "policies/schema.cedarschema",
    "prompts/system.md",
    "settings/bot.toml",
    "settings/digest.toml",
    "settings/faq.toml",
    "settings/keywords.toml",
    "settings/responders.toml",
    "settings/rules.toml",
    "settings/welcome.toml",
];

/// The policies that a release ships with, and their schema.
pub fn shipped_policies() -> Files {
    let policies = WORKSPACE.iter().filter(|(path, _)| path.starts_with("policies/"));
    policies.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The workspace that a release ships with.
pub fn starting_workspace() -> Vec<Change> {
    let change = |(path, content): &(&str, &str)| Change {
        path: (*path).to_owned(),
        content: Some((*content).to_owned()),
    };
    WORKSPACE.iter().map(change).collect()
}

/// Does what is missing. The first key is shown once, and kept in the data directory.
pub(crate) async fn bootstrap(use_cases: &UseCases, data_dir: &DataDir) -> anyhow::Result<()> {
    let cause = Cause::asked(Actor::system("bootstrap"), Uuid::now_v7(), Source::Cli);
    let files = starting_workspace();
    let seeded = use_cases.self_editing.seed(&cause, files).await;
    seeded.context("the starting workspace cannot be laid")?;

    propose_policies(use_cases).await;

    let (identity, kept) = (&use_cases.identity, data_dir.bootstrap_key());
    let missing = identity.bootstrap_token(kept.as_deref()).await;
    if let Some(token) = missing.context("the first API key cannot be made")? {
        // Kept first: a start that is cut off in between makes this one again.
        let file = data_dir.keep_bootstrap_key(&token.to_string())?;
        let made = identity.create_bootstrap_key(&token).await;
        made.context("the first API key cannot be made")?;
        eprintln!(
            "This is the first start. Your API key, which may do everything:\n\n    {}\n\n\
             It is also in {}, for you alone. Revoke it when you have made others.\n",
            token,
            file.display()
        );
    }
    Ok(())
}

/// A workspace from before some action has no policies for it: the new ones are proposed. Without them the
/// platform decides as well, so nothing here keeps it from starting.
async fn propose_policies(use_cases: &UseCases) {
    let proposed = async {
        let silent = use_cases.identity.decisions.in_force().await?.shipped;
        propose_shipped(&use_cases.self_editing, &silent).await
    };
    match proposed.await {
        Ok(None) => {}
        Ok(Some(edit)) => tracing::info!(%edit, "the policies of this release are proposed"),
        Err(error) => {
            let error = describe(&error);
            tracing::info!(error, "the policies of this release cannot be proposed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use adapters::GuardedPolicies;
    use commands::ports::PolicyChecker as _;
    use domain::identity::Permission;

    use super::*;

    #[test]
    fn the_policies_fit_their_schema_which_knows_every_permission() {
        let files = WORKSPACE.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(GuardedPolicies::new(shipped_policies()).check(&files), []);
        let schema = &files["policies/schema.cedarschema"];
        let actions = schema.lines().map(|line| line.trim().trim_end_matches(','));
        let actions = actions.filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
        let permissions = Permission::ALL.iter().map(|it| it.as_str());
        assert_eq!(actions.collect::<Vec<_>>(), permissions.collect::<Vec<_>>());
    }

    #[test]
    fn every_file_of_the_workspace_ships() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("workspace");
        let mut on_disk = BTreeSet::new();
        for folder in fs::read_dir(&root).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                on_disk.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
        let shipped: BTreeSet<_> = WORKSPACE.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(shipped, on_disk);
    }
}
