//! Changes of single policies: each is an edit of the workspace, of scope security.

use domain::identity::Permission;
use domain::kernel::{EditId, Ground, Scope};
use domain::self_editing::{Change, Finding, POLICY_SCHEMA};

use super::Policies;
use super::live::FOLDER;
use crate::ports::{Caller, PolicyText};
use crate::self_editing::{Files, Moment, Proposal, Tree, Wanted};
use crate::{CommandError, Refusal};

/// What such edits are called.
const KIND: &str = "policy";

/// Where a policy is held that is only tried.
const TRIED: &str = "policies/policy.cedar";

impl Policies {
    /// Propose that a policy be so, in the place of the one with this id or as a new one. The edit stands on the
    /// revision that the caller looked at, if he says so. Answers the edit and the newest position.
    pub async fn put(
        &self,
        caller: &Caller,
        id: &str,
        text: &str,
        description: Option<String>,
        revision: Option<u64>,
    ) -> Result<(EditId, u64), CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        let tree = self.tree(revision).await?;
        let change = self.put_into(&tree, id, text)?;
        let findings = self.findings(&tree, std::slice::from_ref(&change)).await?;
        if !findings.is_empty() {
            return Err(unfit(&findings));
        }
        let said = description.unwrap_or_else(|| format!("The policy {id} is changed."));
        self.propose(caller, &tree, change, said).await
    }

    /// Propose that a policy be gone.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: &str,
        revision: Option<u64>,
    ) -> Result<(EditId, u64), CommandError> {
        caller.require(Permission::ProposeSelfEdit)?;
        let tree = self.tree(revision).await?;
        let policies = self.read(&tree)?;
        let missing = || CommandError::NotFound("policy".to_owned());
        let PolicyText { file, span, .. } =
            policies.iter().find(|it| it.id == id).ok_or_else(missing)?;
        let before = tree.file(file).unwrap_or_default();
        let alone = policies.iter().filter(|it| it.file == *file).count() == 1;
        let content = (!alone).then(|| {
            let rest = before[span.end..].trim_start_matches(['\r', '\n']);
            format!("{}{rest}", &before[..span.start])
        });
        let change = Change { path: file.clone(), content };
        let findings = self.findings(&tree, std::slice::from_ref(&change)).await?;
        if !findings.is_empty() {
            return Err(unfit(&findings));
        }
        self.propose(caller, &tree, change, format!("The policy {id} is removed.")).await
    }

    /// What would be wrong with a policy, a schema, or both together, beside those in force. A policy with the
    /// id of one in force is tried in its place.
    pub async fn validate(
        &self,
        caller: &Caller,
        policy: Option<String>,
        schema: Option<String>,
    ) -> Result<Vec<Finding>, CommandError> {
        caller.require(Permission::ReadSelfEdit)?;
        let tree = self.tree(None).await?;
        let mut changes: Vec<_> = schema
            .map(|text| Change { path: POLICY_SCHEMA.to_owned(), content: Some(text) })
            .into_iter()
            .collect();
        if let Some(text) = policy {
            let replaced = || {
                let id = self.one(&tree, &text).ok()?.annotations.get("id")?.clone();
                let there = self.read(&tree).ok()?.into_iter().any(|it| it.id == id);
                there.then(|| self.put_into(&tree, &id, &text).ok()).flatten()
            };
            let new = || Change { path: TRIED.to_owned(), content: Some(text.clone()) };
            changes.push(replaced().unwrap_or_else(new));
        }
        self.findings(&tree, &changes).await
    }

    /// The workspace as it is, or as it was when the caller looked at it.
    async fn tree(&self, revision: Option<u64>) -> Result<Tree, CommandError> {
        let moment = revision.map_or(Moment::Now, Moment::Revision);
        Ok(self.self_editing.workspace_at(moment).await?.0)
    }

    fn read(&self, tree: &Tree) -> Result<Vec<PolicyText>, CommandError> {
        let read = self.accounts.authority.decisions.read(&policies_of(tree));
        read.map_err(|findings| unfit(&findings))
    }

    /// The one policy that a text is.
    fn one(&self, tree: &Tree, text: &str) -> Result<PolicyText, CommandError> {
        let mut files = Files::from([(TRIED.to_owned(), text.to_owned())]);
        if let Some(schema) = tree.file(POLICY_SCHEMA) {
            files.insert(POLICY_SCHEMA.to_owned(), schema.to_owned());
        }
        let read = self.accounts.authority.decisions.read(&files);
        let mut read = read.map_err(|findings| unfit(&findings))?;
        match (read.pop(), read.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(CommandError::invalid("policy", "must be one policy, with its full stop `;`")),
        }
    }

    /// The file with a policy in it.
    fn put_into(&self, tree: &Tree, id: &str, text: &str) -> Result<Change, CommandError> {
        let new = self.one(tree, text)?;
        let there = self.read(tree)?.into_iter().find(|it| it.id == id);
        let numbered = there.as_ref().is_some_and(|it| !it.annotations.contains_key("id"));
        let text = match new.annotations.get("id") {
            Some(named) if named != id => {
                let reason = format!("has the id {named}, not {id}");
                return Err(CommandError::invalid("policy", reason));
            }
            None if !numbered => {
                let (comment, policy) = text.split_at(new.begins);
                format!("{comment}@id({})\n{policy}", serde_json::json!(id))
            }
            Some(_) | None => text.to_owned(),
        };
        let text = text.trim();
        if let Some(PolicyText { file, span, begins, .. }) = there {
            let before = tree.file(&file).unwrap_or_default();
            // A comment stays, unless another comes in its place.
            let from = if new.begins > new.span.start { span.start } else { begins };
            let content = format!("{}{text}{}", &before[..from], &before[span.end..]);
            return Ok(Change { path: file, content: Some(content) });
        }
        if !is_name(id) {
            let reason = "names a new policy with a to z, 0 to 9, - and _, at most 64 of them, and \
                          is not “decisions” or “validate”";
            return Err(CommandError::invalid("policy_id", reason));
        }
        let path = format!("{FOLDER}{id}.cedar");
        let before = tree.file(&path).map(|it| format!("{}\n\n", it.trim_end()));
        let content = format!("{}{text}\n", before.unwrap_or_default());
        Ok(Change { path, content: Some(content) })
    }

    async fn findings(
        &self,
        tree: &Tree,
        changes: &[Change],
    ) -> Result<Vec<Finding>, CommandError> {
        let mut files = policies_of(tree);
        for Change { path, content } in changes {
            match content {
                Some(content) => files.insert(path.clone(), content.clone()),
                None => files.remove(path),
            };
        }
        let checker = self.self_editing.policies.clone();
        let check = move || checker.check(&files);
        tokio::task::spawn_blocking(check).await.map_err(CommandError::unavailable)
    }

    async fn propose(
        &self,
        caller: &Caller,
        tree: &Tree,
        change: Change,
        description: String,
    ) -> Result<(EditId, u64), CommandError> {
        let proposal = Proposal {
            scope: Scope::Security,
            kind: Some(KIND.to_owned()),
            description,
            wanted: Wanted::Files(vec![change]),
            base_revision: Some(tree.revision()),
        };
        self.self_editing.propose(caller, proposal).await
    }
}

fn policies_of(tree: &Tree) -> Files {
    let policies = tree.files().iter().filter(|(path, _)| path.starts_with(FOLDER));
    policies.map(|(path, text)| (path.clone(), text.clone())).collect()
}

/// Whether a new policy may be called so, and its file.
fn is_name(id: &str) -> bool {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it);
    // The paths of those two are taken.
    let free = !["decisions", "validate"].contains(&id);
    free && (1..=64).contains(&id.len()) && id.chars().all(fits)
}

fn unfit(findings: &[Finding]) -> CommandError {
    let told = |it: &Finding| match it.line {
        Some(line) => format!("{}:{line}: {}", it.file, it.reason),
        None => format!("{}: {}", it.file, it.reason),
    };
    let reason = findings.iter().map(told).collect::<Vec<_>>().join("; ");
    CommandError::Rejected(Box::new(Refusal {
        ground: Ground::Input,
        reason,
        code: None,
        field: Some("policy".to_owned()),
        details: Some(serde_json::json!({ "findings": findings })),
    }))
}
