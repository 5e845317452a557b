//! The first start: a key for the owner of the machine, and the starting workspace.

use anyhow::Context;
use domain::kernel::{Actor, Cause, Source};
use domain::self_editing::Change;
use uuid::Uuid;

use crate::data_dir::DataDir;
use crate::use_cases::UseCases;

/// The workspace that a release ships with.
const WORKSPACE: [(&str, &str); 5] = [
    ("policies/roles.cedar", include_str!("../workspace/policies/roles.cedar")),
    ("policies/schema.cedarschema", include_str!("../workspace/policies/schema.cedarschema")),
    ("prompts/system.md", include_str!("../workspace/prompts/system.md")),
    ("settings/bot.toml", include_str!("../workspace/settings/bot.toml")),
    ("settings/responders.toml", include_str!("../workspace/settings/responders.toml")),
];

/// Does what is missing. The first key is shown once, and kept in the data directory.
pub(crate) async fn bootstrap(use_cases: &UseCases, data_dir: &DataDir) -> anyhow::Result<()> {
    let cause = Cause::asked(Actor::system("bootstrap"), Uuid::now_v7(), Source::Cli);
    let files = WORKSPACE
        .map(|(path, content)| Change { path: path.to_owned(), content: Some(content.to_owned()) });
    let seeded = use_cases.self_editing.seed(&cause, files.into()).await;
    seeded.context("the starting workspace cannot be laid")?;

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

#[cfg(test)]
mod tests {
    use adapters::CedarPolicies;
    use commands::ports::PolicyChecker as _;
    use domain::identity::Permission;

    use super::*;

    #[test]
    fn the_policies_fit_their_schema_which_knows_every_permission() {
        let files = WORKSPACE.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        assert_eq!(CedarPolicies.check(&files), []);
        let schema = &files["policies/schema.cedarschema"];
        let actions = schema.lines().map(|line| line.trim().trim_end_matches(','));
        let actions = actions.filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
        let permissions = Permission::ALL.iter().map(|it| it.as_str());
        assert_eq!(actions.collect::<Vec<_>>(), permissions.collect::<Vec<_>>());
    }
}
