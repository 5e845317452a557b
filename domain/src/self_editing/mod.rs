//! How the bot changes itself: edits, and the workspace they change.

mod edit;
mod workspace;

pub use edit::{Approval, Check, Edit, EditCommand, EditError, EditEvent, Finding, Status};
pub use workspace::{
    Change, MAX_EDIT_BYTES, MAX_FILE_BYTES, RevisionKind, Workspace, WorkspaceCommand,
    WorkspaceError, WorkspaceEvent, check_path,
};
