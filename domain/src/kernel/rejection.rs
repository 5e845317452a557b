//! What every "no" of a rule has in common.

/// Why a rule said no, as far as a door has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The input can never be right.
    Input,
    /// There is no such thing.
    Missing,
    /// Somebody else may, this person may not.
    Person,
    /// The present state forbids it; later it may be right.
    State,
}

/// The error of an aggregate; its text is for the person who asked.
pub trait Rejection: std::error::Error {
    /// Which kind of "no" it is.
    fn ground(&self) -> Ground;

    /// The error code at the doors, where it is more exact than what the ground implies.
    fn code(&self) -> Option<&'static str> {
        None
    }

    /// The field of the input that is wrong, when one is.
    fn field(&self) -> Option<&str> {
        None
    }
}
