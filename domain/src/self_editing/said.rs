//! What people say about edits: a new one, and a word on one.

use std::collections::BTreeSet;

use super::{EditEvent, KeptChange};
use crate::kernel::{Actor, Personal, Scope};

/// Somebody's word on an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub by: Actor,
    pub comment: Option<Personal<String>>,
    /// The content that was looked at; the approval holds for nothing else.
    pub content_hash: Option<String>,
    /// Approve one's own edit, as the only administrator.
    pub alone: bool,
}

/// An edit somebody would like to see.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEdit {
    pub author: Actor,
    pub scope: Scope,
    pub kind: String,
    pub description: Personal<String>,
    pub base_revision: u64,
    pub changes: Vec<KeptChange>,
    pub content_hash: String,
    /// What its author may do himself, as names of powers; none: nobody asks.
    pub author_powers: Option<BTreeSet<String>>,
    /// Who had it written, when that is not its author.
    pub asked_by: Option<Actor>,
}

impl NewEdit {
    pub(super) fn proposed(self) -> EditEvent {
        EditEvent::Proposed {
            author: self.author,
            scope: self.scope,
            kind: self.kind,
            description: self.description,
            base_revision: self.base_revision,
            changes: self.changes,
            content_hash: self.content_hash,
            author_powers: self.author_powers,
            asked_by: self.asked_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Edit, EditCommand, EditError};
    use super::*;
    use crate::kernel::Person;
    use crate::kernel::testing::given;

    #[test]
    fn who_had_an_edit_written_cannot_approve_it() {
        let passed = EditEvent::ChecksPassed { checks: vec![] };
        given::<Edit>([asked_for("ana"), passed.clone()])
            .when(approve("ana", false))
            .then_expect_error(EditError::OwnEdit);
        for (by, alone) in [("ben", false), ("ana", true)] {
            let approved = EditEvent::Approved { by: Actor::api_key(by), comment: None, alone };
            given::<Edit>([asked_for("ana"), passed.clone()])
                .when(approve(by, alone))
                .then_expect_events(vec![approved]);
        }
    }

    #[test]
    fn events_from_before_it_was_kept_who_asked_can_be_read() {
        let mut json = serde_json::to_value(asked_for("ana")).unwrap();
        let fields = json["proposed"].as_object_mut().unwrap();
        assert!(fields.remove("asked_by").is_some());
        let old: EditEvent = serde_json::from_value(json).unwrap();
        assert!(matches!(old, EditEvent::Proposed { asked_by: None, .. }));
    }

    fn approve(by: &str, alone: bool) -> EditCommand {
        let by = Actor::api_key(by);
        EditCommand::Approve(Approval { by, comment: None, content_hash: None, alone })
    }

    fn asked_for(by: &str) -> EditEvent {
        let new = NewEdit {
            author: Actor::ai("a/b"),
            scope: Scope::Features,
            kind: "suggestion".into(),
            description: Personal::of(Person::operator(), "Wave back".into()),
            base_revision: 1,
            changes: vec![],
            content_hash: "hash".into(),
            author_powers: None,
            asked_by: Some(Actor::api_key(by)),
        };
        new.proposed()
    }
}
