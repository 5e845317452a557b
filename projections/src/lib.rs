//! What people ask to see: tables built from events, and the questions about them.

pub mod analytics;
pub mod audit;
pub mod behaviors;
pub mod conversation;
pub mod discord;
pub mod identity;
pub mod integrations;
pub mod lifecycle;
mod page;
pub mod self_editing;
#[cfg(test)]
mod testing;
mod views;

use domain::kernel::Person;
pub use sea_orm::DatabaseConnection;
/// A moment, kept as milliseconds since 1970.
pub use sea_orm::prelude::ChronoUnixTimestampMillis as Millis;

pub use page::{Paged, Slice};
pub use views::{
    Address, Alarm, Append, BadAddress, BuildError, Checkpoint, CountsAs, Difference, Failure,
    Fence, Fold, Generation, Generations, LivePointer, Place, PointerError, Progress, Projection,
    Replayed, Snapshot, Stage, Standing, Status, Step, Tell, Touch, Tx, Until, build_for_measure,
    build_into, is_snapshot,
};
use views::{appended, folded};

/// Every projection, by name.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        folded::<analytics::commands::Commands>(),
        folded::<analytics::days::Days>(),
        appended::<analytics::samples::Samples>(),
        folded::<analytics::users::Users>(),
        appended::<audit::trail::Trail>(),
        folded::<behaviors::actions::Actions>(),
        appended::<behaviors::calls::Calls>(),
        appended::<conversation::messages::Messages>(),
        folded::<conversation::conversations::Conversations>(),
        folded::<discord::channels::Channels>(),
        folded::<discord::guilds::Guilds>(),
        folded::<discord::members::Members>(),
        folded::<discord::messages::Messages>(),
        folded::<identity::alerts::Alerts>(),
        folded::<identity::api_keys::ApiKeys>(),
        folded::<identity::group_members::GroupMembers>(),
        folded::<identity::groups::Groups>(),
        folded::<identity::organizations::Organizations>(),
        folded::<identity::roles::Roles>(),
        folded::<identity::sessions::Sessions>(),
        folded::<identity::users::Users>(),
        folded::<integrations::installations::Installations>(),
        folded::<lifecycle::bots::Bots>(),
        folded::<lifecycle::processes::Processes>(),
        appended::<self_editing::blobs::Blobs>(),
        folded::<self_editing::compensation_steps::CompensationSteps>(),
        folded::<self_editing::compensations::Compensations>(),
        appended::<self_editing::decisions::Decisions>(),
        folded::<self_editing::edits::Edits>(),
        appended::<self_editing::files::Files>(),
        folded::<self_editing::rehearsals::Rehearsals>(),
        appended::<self_editing::revisions::Revisions>(),
    ]
}

/// Discord's ids need 63 bits, which is what databases have.
fn snowflake(id: u64) -> i64 {
    id.cast_signed()
}

/// The Discord account of a person; none for people the platform knows by another name.
fn discord_account(person: &Person) -> Option<i64> {
    person.as_str().strip_prefix("discord:")?.parse().ok().map(snowflake)
}

#[cfg(test)]
mod tests {
    #[test]
    fn projections_are_listed_by_name_and_once() {
        let names: Vec<_> = super::all().iter().map(|it| it.name()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
