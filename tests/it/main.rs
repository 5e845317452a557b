//! Stories of the whole system, one binary for all of them.

mod services;
