//! Which powers the holder of some permissions has, and so may hand to a behavior.

use std::collections::BTreeSet;

use domain::behaviors::Power;
use domain::identity::{Permission, Permissions};

/// What a permission of the API amounts to among the powers of behaviors.
const ENTRUSTED: [(Permission, &[Power]); 4] = [
    // Who switches self-editing on and off runs the bot.
    (Permission::ManageSelfEditing, Power::ALL),
    (Permission::ReadAnalytics, &[Power::ReadStats]),
    (Permission::ReadHistory, &[Power::ReadHistory, Power::ReadMembers]),
    (Permission::WriteConversation, &[Power::CallAi, Power::React, Power::SetReminders]),
];

/// See the module. Anybody may let the bot answer who called it.
pub fn powers_of(permissions: &Permissions) -> BTreeSet<Power> {
    let held = ENTRUSTED.iter().filter(|(needed, _)| permissions.allow(*needed));
    held.flat_map(|(_, powers)| *powers).copied().chain([Power::Reply]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_go_with_permissions() {
        let all = Power::ALL.iter().copied().collect();
        assert_eq!(powers_of(&Permissions::all()), all);
        let few = powers_of(&Permissions::of(&[Permission::ProposeSelfEdit]));
        assert_eq!(few, [Power::Reply].into());
        let reads = powers_of(&Permissions::of(&[Permission::ReadHistory]));
        assert!(reads.contains(&Power::ReadHistory) && !reads.contains(&Power::SendMessages));
    }
}
