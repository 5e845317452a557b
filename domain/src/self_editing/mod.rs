//! How the bot changes itself: edits, and the workspace they change.

mod check;
mod content;
mod edit;
mod rehearsal;
mod said;
mod status;
mod watch;
mod workspace;

pub use check::{Check, Finding};
pub use content::{BlobRef, Change, Content, KeptChange, MAX_INLINE_BYTES, MAX_INLINE_TOTAL};
pub use edit::{Edit, EditCommand, EditError, EditEvent};
pub use rehearsal::{
    Example, Failing, Plan, Rehearsal, RehearsalCommand, RehearsalError, RehearsalEvent, Report,
};
pub use said::{Approval, NewEdit};
pub use status::Status;
pub use watch::{Alarm, Watch, WatchCommand, WatchError, WatchEvent};
pub use workspace::{
    MAX_EDIT_BYTES, MAX_FILE_BYTES, MAX_FILE_LINES, RevisionKind, Workspace, WorkspaceCommand,
    WorkspaceError, WorkspaceEvent, check_path,
};
