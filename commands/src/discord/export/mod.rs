//! The JSON files of DiscordChatExporter: read, checked, and told as facts of ours.

mod facts;
mod head;
mod reader;
mod scan;
mod shape;
mod source;

pub use facts::{Told, tell};
pub use head::{Head, HeadError};
pub use reader::{Damage, ExportReader, MAX_RECORD, Part};
pub use source::Place;
