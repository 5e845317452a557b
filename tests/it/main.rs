//! Stories of the whole system, one binary for all of them.

mod house_rules;
mod services;
