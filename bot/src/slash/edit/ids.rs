//! Which edit is meant: a whole id, its beginning, or a suggestion.

use commands::CommandError;
use domain::identity::Permission;
use domain::kernel::EditId;
use domain::self_editing::Status;
use projections::Slice;
use projections::self_editing::edits::Filter;
use uuid::Uuid;

use super::Desk;
use super::pages::beginning;
use crate::slash::{Call, Choice};
use crate::views;

/// How many characters of an id are enough, when they are unique.
pub(super) const SHORT: usize = 8;

/// How many suggestions Discord takes, and among how many edits they are looked for.
const CHOICES: usize = 25;
const LOOKED_AT: u64 = 200;

impl Desk {
    /// The edit that the option `id` names.
    pub(super) async fn id(&self, call: &Call) -> Result<EditId, CommandError> {
        let text = call.text("id").trim().trim_matches('`');
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let wrong = || {
            let reason = "this is not the id of an edit; give all of it, or its first 8 characters";
            CommandError::invalid("id", reason)
        };
        let (low, high) = between(text).ok_or_else(wrong)?;
        let found = views::edits_between(self.models.as_ref(), low, high).await?;
        match found[..] {
            [] => Err(CommandError::NotFound(format!("edit {text}"))),
            [id] => Ok(id),
            _ => {
                let reason = format!("several edits begin with {text}; give more of the id");
                Err(CommandError::invalid("id", reason))
            }
        }
    }

    /// The newest edits that fit to what was typed so far.
    pub(super) async fn suggest(
        &self,
        call: &Call,
        statuses: &[Status],
    ) -> Result<Vec<Choice>, CommandError> {
        call.caller.require(Permission::ReadSelfEdit)?;
        let typed = call.text("id").trim().to_lowercase();
        let filter = Filter { kind: None, statuses: statuses.to_vec() };
        let slice = Slice { limit: LOOKED_AT, offset: 0 };
        let page = views::edits(self.models.as_ref(), &filter, slice).await?;
        let fits = page.items.into_iter().filter(|it| {
            it.id.to_string().starts_with(&typed) || it.description.to_lowercase().contains(&typed)
        });
        let choice = fits.map(|it| {
            let (value, status) = (it.id.to_string(), it.status.replace('_', " "));
            let what = beginning(&it.description, 60);
            Choice { name: format!("{} · {status} · {what}", &value[..SHORT]), value }
        });
        Ok(choice.take(CHOICES).collect())
    }
}

/// The first and the last id that begin so.
fn between(text: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = text.chars().filter(|it| *it != '-').collect();
    if !(SHORT..32).contains(&digits.len()) || !digits.chars().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| {
        let rest = with.repeat(32 - digits.len());
        Uuid::parse_str(&format!("{digits}{rest}")).ok()
    };
    Some((filled("0")?, filled("f")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_stands_for_all_that_begin_so() {
        let (low, high) = between("01a1fa22-d9").unwrap();
        assert_eq!(low.to_string(), "01a1fa22-d900-0000-0000-000000000000");
        assert_eq!(high.to_string(), "01a1fa22-d9ff-ffff-ffff-ffffffffffff");
        for no in ["", "01a1fa2", "nonsense", "01a1fa22é", &"0".repeat(32)] {
            assert_eq!(between(no), None, "{no}");
        }
    }
}
