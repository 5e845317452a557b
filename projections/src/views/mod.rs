//! How views are kept: folded from the log, all at one position, one set beside the other.

mod checkpoint;
mod compare;
mod fold;
mod rows;
mod snapshot;
mod tx;

pub use checkpoint::{Checkpoint, Failure, Fence, Stage};
pub use compare::Difference;
pub use fold::{Append, Fold, Projection, Touch};
pub(crate) use fold::{appended, folded};
pub use snapshot::Snapshot;
pub use tx::Tx;
