//! The neighbors: one file or folder per technology, each behind a port.

pub mod sqlite_log;
