//! Knows the language of the policies.

use domain::self_editing::Finding;

use crate::self_editing::Files;

/// See the module.
pub trait PolicyChecker: Send + Sync {
    /// What is wrong with the policies of a workspace, and with their schema: what cannot be read,
    /// and what does not fit the schema.
    fn check(&self, files: &Files) -> Vec<Finding>;
}
