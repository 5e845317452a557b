//! Which part of a list is asked for, and which part was answered.

use poem_openapi::Object;
use projections::{Paged, Slice};

/// Where in a list a page stands.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(crate) struct Pagination {
    /// How many there are in all.
    total: u64,
    limit: u64,
    offset: u64,
    /// Whether there are more after this page.
    has_more: bool,
}

impl Pagination {
    pub(crate) fn of(total: usize, limit: usize, offset: usize) -> Self {
        let has_more = offset.saturating_add(limit) < total;
        let [total, limit, offset] = [total, limit, offset].map(|it| it as u64);
        Self { total, limit, offset, has_more }
    }

    /// Of what the read models answered.
    pub(crate) fn over<T>(page: &Paged<T>, slice: Slice) -> Self {
        let Slice { limit, offset } = slice;
        Self { total: page.total, limit, offset, has_more: page.has_more(slice) }
    }
}

/// How many entries a page has when nobody says.
pub(crate) fn default_limit() -> u32 {
    50
}
