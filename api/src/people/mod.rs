//! Other people's accounts, and what they belong to.

mod groups;
mod organizations;
mod roles;
mod shown;
mod users;

use commands::identity::people::People;

pub(crate) use users::{RemovedUser, removed};

use crate::views::Views;

/// All operations on people.
pub(crate) type PeopleApis =
    (groups::GroupsApi, organizations::OrganizationsApi, roles::RolesApi, users::UsersApi);

/// Hands each what it needs.
pub(crate) fn apis(people: &People, views: &Views) -> PeopleApis {
    let (people, views) = (|| people.clone(), || views.clone());
    (
        groups::GroupsApi { people: people(), views: views() },
        organizations::OrganizationsApi { people: people(), views: views() },
        roles::RolesApi { people: people(), views: views() },
        users::UsersApi { people: people(), views: views() },
    )
}
