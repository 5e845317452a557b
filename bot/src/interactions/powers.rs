//! What a member's permissions on Discord amount to among the powers of behaviors.

use std::collections::BTreeSet;

use domain::behaviors::Power;

/// Discord's permissions, as bits.
const ADMINISTRATOR: u64 = 1 << 3;
const MANAGE_GUILD: u64 = 1 << 5;
const ADD_REACTIONS: u64 = 1 << 6;
const VIEW_CHANNEL: u64 = 1 << 10;
const SEND_MESSAGES: u64 = 1 << 11;
const MANAGE_MESSAGES: u64 = 1 << 13;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;
const VIEW_GUILD_INSIGHTS: u64 = 1 << 19;
const MANAGE_ROLES: u64 = 1 << 28;

/// Each power, and the permissions one of which it takes. Anybody may have himself answered, which
/// includes by the AI.
const TAKES: [(Power, u64); 12] = [
    (Power::AddRoles, MANAGE_ROLES),
    (Power::CallAi, u64::MAX),
    (Power::DeleteMessages, MANAGE_MESSAGES),
    (Power::DirectMessages, SEND_MESSAGES),
    (Power::React, ADD_REACTIONS),
    (Power::ReadHistory, READ_MESSAGE_HISTORY),
    (Power::ReadMembers, VIEW_CHANNEL),
    (Power::ReadStats, MANAGE_GUILD | VIEW_GUILD_INSIGHTS),
    (Power::RemoveRoles, MANAGE_ROLES),
    (Power::Reply, u64::MAX),
    (Power::SendMessages, SEND_MESSAGES),
    (Power::SetReminders, SEND_MESSAGES),
];

/// See the module.
pub(super) fn powers_of(bits: u64) -> BTreeSet<Power> {
    let all = bits & ADMINISTRATOR != 0;
    let held = TAKES.iter().filter(|(_, of)| all || *of == u64::MAX || bits & of != 0);
    held.map(|(power, _)| *power).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_hands_on_what_the_server_allows_him() {
        let every = Power::ALL.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(powers_of(ADMINISTRATOR), every);
        assert_eq!(powers_of(0), [Power::CallAi, Power::Reply].into());
        assert!(!powers_of(MANAGE_GUILD).contains(&Power::AddRoles));
        let roles = powers_of(MANAGE_GUILD | MANAGE_ROLES);
        assert!(roles.contains(&Power::AddRoles) && !roles.contains(&Power::DeleteMessages));
    }

    #[test]
    fn every_power_is_weighed() {
        let weighed: Vec<_> = TAKES.iter().map(|(power, _)| *power).collect();
        assert_eq!(weighed, Power::ALL);
    }
}
