//! How the bot changes itself: edits, and the workspace they change.

mod check;
mod edit;
mod status;
mod workspace;

pub use check::{Check, Finding};
pub use edit::{Approval, Edit, EditCommand, EditError, EditEvent, NewEdit};
pub use status::Status;
pub use workspace::{
    Change, MAX_EDIT_BYTES, MAX_FILE_BYTES, RevisionKind, Workspace, WorkspaceCommand,
    WorkspaceError, WorkspaceEvent, check_path,
};
