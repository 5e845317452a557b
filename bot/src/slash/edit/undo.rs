//! `/edit undo`: take back what the behaviors of an edit did. One proposes it and says why, another
//! one approves it by a button.

use async_trait::async_trait;
use commands::CommandError;
use commands::ports::Sums;
use domain::identity::Permission;
use domain::kernel::{CompensationId, EditId};
use serenity::all::CreateCommandOption;

use super::{Deed, Desk, options};
use crate::slash::{Button, Call, Card, Field, Form, Look, Reply};

pub(super) const PATH: &str = "edit undo";

pub(super) struct TakeEffectsBack;

#[async_trait]
impl Deed for TakeEffectsBack {
    fn path(&self) -> &'static str {
        PATH
    }

    fn definition(&self) -> CreateCommandOption {
        let reason = options::text("reason", "Why; without it, you only see what could be undone");
        let options = vec![options::id().required(true), reason.max_length(1_000)];
        options::sub(PATH, "Take back what an edit's behaviors did", options)
    }

    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError> {
        if let Some(of) = call.optional("of") {
            let no = |_| CommandError::NotFound(format!("compensation {of}"));
            return decide(desk, call, of.parse().map_err(no)?).await;
        }
        let edit = desk.id(call).await?;
        match call.optional("reason") {
            Some(reason) => {
                let caller = &call.caller;
                let proposed = desk.compensations.propose(caller, edit, reason, None).await?;
                let mut card = desk.compensation(proposed.id).await?;
                if proposed.left > 0 {
                    let more = format!("\n{} more need another one.", proposed.left);
                    card.text.push_str(&more);
                }
                Ok(Reply::Card(card))
            }
            None if call.pressed => {
                call.caller.require(Permission::RollbackSelfEdit)?;
                let carried = vec![("id", edit.0.simple().to_string())];
                Ok(Reply::Form(form(carried, "Undo what an edit did")))
            }
            None => {
                let sums = desk.compensations.sums(&call.caller, edit).await?;
                let text = format!("The behaviors of edit `{edit}` {}", told(&sums));
                Ok(Reply::Card(Card { text, buttons: offer(edit, &sums), private: true }))
            }
        }
    }
}

/// What somebody wants with a compensation, by a button of its message.
async fn decide(desk: &Desk, call: &Call, id: CompensationId) -> Result<Reply, CommandError> {
    call.caller.require(Permission::ReadSelfEdit)?;
    match (call.text("do"), call.optional("reason")) {
        ("approve", _) => {
            desk.compensations.approve(&call.caller, id, false).await?;
        }
        ("reject", Some(reason)) if call.form => {
            desk.compensations.reject(&call.caller, id, reason).await?;
        }
        ("reject", _) => {
            call.caller.require(Permission::ApproveSelfEdit)?;
            return Ok(Reply::Form(form(carried(id, "reject"), "Reject a compensation")));
        }
        _ => {}
    }
    Ok(Reply::Replaced(desk.compensation(id).await?))
}

fn form(carried: Vec<(&'static str, String)>, title: &str) -> Form {
    let why = Field { name: "reason", label: "Why", value: String::new(), long: true };
    Form { id: PATH, carried, title: title.to_owned(), fields: vec![why] }
}

/// What a button of a compensation's message carries.
pub(super) fn carried(id: CompensationId, what: &str) -> Vec<(&'static str, String)> {
    vec![("of", id.0.simple().to_string()), ("do", what.to_owned())]
}

/// The button that proposes to undo what can be undone.
pub(super) fn offer(edit: EditId, sums: &Sums) -> Vec<Button> {
    if sums.can() == 0 {
        return Vec::new();
    }
    let carried = vec![("id", edit.0.simple().to_string())];
    let label = format!("Undo effects ({})", sums.can()).into();
    vec![Button { command: PATH, carried, label, look: Look::Plain }]
}

/// What was done, and what of it can be undone: the end of a sentence.
pub(super) fn told(sums: &Sums) -> String {
    let by_kind = |of: &std::collections::BTreeMap<String, u64>| {
        let kinds = of.iter().map(|(kind, count)| format!("{} {count}", kind.replace('_', " ")));
        kinds.collect::<Vec<_>>().join(", ")
    };
    match (sums.can(), sums.cannot()) {
        (0, 0) => "did nothing on Discord so far.".to_owned(),
        (0, cannot) => format!(
            "did {cannot} {} on Discord that cannot be undone ({}).",
            things(cannot),
            by_kind(&sums.lasting)
        ),
        (can, 0) => format!(
            "did {can} {} on Discord that can be undone, as a second step ({}).",
            things(can),
            by_kind(&sums.undoable)
        ),
        (can, cannot) => format!(
            "did {can} {} on Discord that can be undone, as a second step ({}), and {cannot} that \
             cannot ({}).",
            things(can),
            by_kind(&sums.undoable),
            by_kind(&sums.lasting)
        ),
    }
}

fn things(count: u64) -> &'static str {
    if count == 1 { "thing" } else { "things" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slash::custom_id;

    #[test]
    fn what_can_be_undone_is_offered_and_what_cannot_is_told() {
        let of =
            |all: &[(&str, u64)]| all.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect();
        let sums = Sums { undoable: of(&[("add_role", 1), ("reply", 3)]), lasting: of(&[]) };
        let text = told(&sums);
        assert!(text.contains("4 things") && text.contains("(add role 1, reply 3)"), "{text}");
        let offered = offer(EditId(uuid::Uuid::nil()), &sums);
        assert_eq!(offered[0].label, "Undo effects (4)");
        assert!(custom_id(PATH, &offered[0].carried).len() <= 100);
        let sums = Sums { undoable: of(&[]), lasting: of(&[("delete_message", 1)]) };
        assert!(told(&sums).contains("1 thing on Discord that cannot"), "{}", told(&sums));
        assert!(offer(EditId(uuid::Uuid::nil()), &sums).is_empty());
    }
}
