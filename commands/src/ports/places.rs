//! Where addresses of the network are on earth.

/// A place, roughly: in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    pub latitude: f64,
    pub longitude: f64,
}

/// Knows places, as far as anybody does.
pub trait Places: Send + Sync {
    /// Where this address is; none when nobody knows.
    fn find(&self, address: &str) -> Option<Coordinates>;
}

/// Knows no place at all.
pub struct NoPlaces;

impl Places for NoPlaces {
    fn find(&self, _: &str) -> Option<Coordinates> {
        None
    }
}
