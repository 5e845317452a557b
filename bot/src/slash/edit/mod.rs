//! `/edit`: the life of a change of the bot's own files. Each thing that can be done is one file,
//! and one line in [`all`].

mod apply;
mod approve;
mod check;
mod compensation;
mod history;
mod ids;
mod options;
mod pages;
mod propose;
mod rehearse;
mod reject;
mod rollback;
mod show;
mod shown;
mod suggest;
mod undo;
mod watched;

use std::sync::Arc;

use async_trait::async_trait;
use commands::CommandError;
use commands::self_editing::{Compensations, Rehearsals, SelfEditing};
use domain::self_editing::Status;
use serenity::all::{CreateCommand, CreateCommandOption, InteractionContext, Permissions};

use super::{Call, Choice, Reply, SlashCommand};
use crate::{ReadModels, Services};

/// See the module.
pub(super) struct Edit {
    desk: Desk,
    deeds: Vec<Box<dyn Deed>>,
}

/// What every deed works with.
struct Desk {
    compensations: Compensations,
    editing: SelfEditing,
    models: Arc<dyn ReadModels>,
    rehearsals: Rehearsals,
}

/// One thing that can be done to edits.
#[async_trait]
trait Deed: Send + Sync {
    /// The command with the subcommand: `edit approve`.
    fn path(&self) -> &'static str;

    /// What Discord shows.
    fn definition(&self) -> CreateCommandOption;

    /// Of which status the edits are that are suggested for the option `id`; without one, all are.
    fn suggests(&self) -> &'static [Status] {
        &[]
    }

    /// Answers a call, a press of a button or a form.
    async fn run(&self, desk: &Desk, call: &Call) -> Result<Reply, CommandError>;
}

/// Everything that can be done, in the order of the names.
fn all() -> Vec<Box<dyn Deed>> {
    vec![
        Box::new(apply::Apply),
        Box::new(approve::Approve),
        Box::new(check::Check),
        Box::new(history::History),
        Box::new(propose::Propose),
        Box::new(rehearse::Rehearse),
        Box::new(reject::Reject),
        Box::new(rollback::TakeBack),
        Box::new(show::Show),
        Box::new(suggest::Suggest),
        Box::new(undo::TakeEffectsBack),
    ]
}

impl Edit {
    pub(super) fn new(services: &Services) -> Self {
        let (editing, models) = (services.self_editing.clone(), services.read_models.clone());
        let rehearsals = services.rehearsals.clone();
        let compensations = services.compensations.clone();
        Self { desk: Desk { compensations, editing, models, rehearsals }, deeds: all() }
    }

    fn find(&self, path: &str) -> Option<&dyn Deed> {
        self.deeds.iter().find(|it| it.path() == path).map(AsRef::as_ref)
    }
}

#[async_trait]
impl SlashCommand for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn definition(&self) -> CreateCommand {
        let command = CreateCommand::new("edit")
            .description("Change how I behave")
            .default_member_permissions(Permissions::MANAGE_GUILD)
            .add_context(InteractionContext::Guild);
        self.deeds.iter().fold(command, |command, it| command.add_option(it.definition()))
    }

    async fn run(&self, call: &Call) -> Result<Reply, CommandError> {
        match self.find(&call.path) {
            Some(deed) => deed.run(&self.desk, call).await,
            None => Err(CommandError::NotFound(format!("command /{}", call.path))),
        }
    }

    async fn suggest(&self, call: &Call, option: &str) -> Result<Vec<Choice>, CommandError> {
        match self.find(&call.path) {
            Some(deed) if option == "id" => self.desk.suggest(call, deed.suggests()).await,
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_sorted_and_called_as_they_are_defined() {
        let deeds = all();
        assert!(deeds.is_sorted_by_key(|it| it.path()));
        for deed in deeds {
            let defined = serde_json::to_value(deed.definition()).unwrap();
            assert_eq!(format!("edit {}", defined["name"].as_str().unwrap()), deed.path());
        }
    }
}
