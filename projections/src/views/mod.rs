//! How views are kept: folded from the log, all at one position, one set beside the other.

mod batch;
mod build;
mod building;
mod checkpoint;
mod compare;
mod database;
mod fold;
mod generation;
mod generations;
mod live;
mod place;
mod projector;
mod proof;
mod reader;
mod rows;
mod snapshot;
pub(crate) mod tallies;
mod tx;

pub use build::{
    BuildError, Progress, Step, Tell, Until, build_for_measure, build_into, is_snapshot,
};
pub use checkpoint::{Checkpoint, Failure, Fence, Stage};
pub use compare::Difference;
pub use fold::{Append, CountsAs, Fold, Projection, Touch};
pub(crate) use fold::{appended, folded};
pub use generation::Generation;
pub use generations::{Generations, LivePointer, PointerError};
pub use live::{Replayed, Status};
pub use place::{Address, BadAddress, Place};
pub use projector::{Alarm, Standing};
pub use snapshot::Snapshot;
pub use tx::Tx;
