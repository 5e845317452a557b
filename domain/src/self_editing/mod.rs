//! How the bot changes itself: edits, and the workspace they change.

mod check;
mod compensation;
mod compensation_error;
mod content;
mod edit;
mod edit_error;
mod rehearsal;
mod said;
mod status;
mod watch;
mod workspace;

pub use check::{Check, Finding};
pub use compensation::{Compensation, CompensationCommand, CompensationEvent, MAX_STEPS, Step};
pub use compensation_error::CompensationError;
pub use content::{BlobRef, Change, Content, KeptChange, MAX_INLINE_BYTES, MAX_INLINE_TOTAL};
pub use edit::{Edit, EditCommand, EditEvent};
pub use edit_error::EditError;
pub use rehearsal::{
    Example, Failing, Plan, Rehearsal, RehearsalCommand, RehearsalError, RehearsalEvent, Report,
};
pub use said::{Approval, NewEdit};
pub use status::Status;
pub use watch::{Alarm, Fared, Watch, WatchCommand, WatchError, WatchEvent};
pub use workspace::{
    MAX_EDIT_BYTES, MAX_EDIT_FILES, MAX_FILE_BYTES, MAX_FILE_LINES, MAX_PROPOSED_BYTES,
    POLICY_SCHEMA, RevisionKind, Workspace, WorkspaceCommand, WorkspaceError, WorkspaceEvent,
    check_beside, check_path,
};
