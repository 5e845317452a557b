//! The list of users.

use domain::identity::{OrganizationEvent, SessionEvent, UserEvent as Did};
use domain::kernel::{Event, OrganizationId, Person, Recorded, RoleId, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _, LikeExpr, SimpleExpr};
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::sessions::user;
use crate::{Fold, Millis, Paged, Slice, Touch, Tx};

/// How many of those who hold a role are looked at.
const MOST_HOLDERS: u64 = 1_000;

/// One user. What names him is none once he was erased.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    /// A JSON object of what else is known.
    pub profile: Option<String>,
    /// `active` or `deactivated`.
    pub status: String,
    pub organization_id: Option<Uuid>,
    /// Whether he runs that organization.
    pub organization_admin: bool,
    /// A JSON array of roles, in order.
    pub roles: String,
    /// A JSON array of the providers at which he has a linked account, in order.
    pub providers: String,
    pub mfa: bool,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub last_login_at: Option<Millis>,
    /// Address and name in lower case, to be searched.
    pub search: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The names of his roles.
    pub fn roles(&self) -> Vec<String> {
        serde_json::from_str(&self.roles).unwrap_or_default()
    }

    /// The providers at which he has a linked account.
    pub fn providers(&self) -> Vec<String> {
        serde_json::from_str(&self.providers).unwrap_or_default()
    }
}

/// What to look for; everything at once.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In the name or the address.
    pub search: Option<String>,
    pub role: Option<String>,
    pub organization: Option<OrganizationId>,
    /// Only this one.
    pub id: Option<UserId>,
}

/// One user.
pub async fn find(db: &impl ConnectionTrait, id: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id.0).one(db).await
}

/// Some users, in no order.
pub async fn some(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

/// Some of those who hold a role, switched off or not.
pub async fn holders(db: &impl ConnectionTrait, role: &RoleId) -> Result<Vec<UserId>, DbErr> {
    let find = Entity::find().filter(holds(role.as_str())).select_only().column(Column::Id);
    let ids: Vec<Uuid> = find.limit(MOST_HOLDERS).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Users, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    slice: Slice,
) -> Result<Paged<Model>, DbErr> {
    let Filter { search, role, organization, id } = filter;
    let mut all = Condition::all();
    if let Some(text) = search {
        all = all.add(Expr::col(Column::Search).like(containing(&text.to_lowercase())));
    }
    if let Some(role) = role {
        all = all.add(holds(role));
    }
    if let Some(organization) = organization {
        all = all.add(Column::OrganizationId.eq(organization.0));
    }
    if let Some(id) = id {
        all = all.add(Column::Id.eq(id.0));
    }
    let find = Entity::find().filter(all);
    slice.of(find.order_by_desc(Column::CreatedAt).order_by_asc(Column::Id), db).await
}

fn holds(role: &str) -> SimpleExpr {
    Expr::col(Column::Roles).like(containing(&format!("\"{role}\"")))
}

/// A pattern in which nothing of the text is a joker.
fn containing(text: &str) -> LikeExpr {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}

/// Builds the list.
pub struct Users;

impl Fold for Users {
    const NAME: &'static str = "identity_users";
    const VERSION: u32 = 1;
    type Key = Uuid;
    type Row = Model;

    fn touches(recorded: &Recorded) -> impl IntoIterator<Item = Touch<Uuid>> {
        match &recorded.event {
            Event::Organization(
                _,
                OrganizationEvent::AdminAppointed { user, .. }
                | OrganizationEvent::AdminDismissed { user, .. },
            ) => Some(Touch::Changes(user.0)),
            Event::Session(_, SessionEvent::Started { user, .. }) => Some(Touch::Changes(user.0)),
            Event::User(id, Did::Registered { .. }) => Some(Touch::Creates(id.0)),
            Event::User(id, _) => Some(Touch::Changes(id.0)),
            Event::Organization(..)
            | Event::Session(..)
            | Event::Alert(..)
            | Event::ApiKey(..)
            | Event::Behavior(..)
            | Event::Blob(..)
            | Event::Bot(..)
            | Event::Chain(..)
            | Event::Channel(..)
            | Event::Claim(..)
            | Event::Compensation(..)
            | Event::Conversation(..)
            | Event::Edit(..)
            | Event::Group(..)
            | Event::Guild(..)
            | Event::Installation(..)
            | Event::Person(..)
            | Event::Process(..)
            | Event::Rehearsal(..)
            | Event::Role(..)
            | Event::Settings(..)
            | Event::SignIn(..)
            | Event::Watch(..)
            | Event::Workspace(..) => None,
        }
    }

    fn fold(id: &Uuid, row: Option<Model>, recorded: &Recorded) -> Option<Model> {
        let at = Millis(recorded.recorded_at);
        let event = match &recorded.event {
            Event::Organization(organization, event) => {
                let appointed = matches!(event, OrganizationEvent::AdminAppointed { .. });
                // What another organization says of him, which he left, is nothing to this one.
                let here = |row: &Model| row.organization_id == Some(organization.0);
                return row.map(|row| Model {
                    organization_admin: if here(&row) { appointed } else { row.organization_admin },
                    ..row
                });
            }
            Event::Session(..) => {
                return row.map(|row| Model { last_login_at: Some(at), ..row });
            }
            Event::User(_, event) => event,
            _ => return row,
        };
        if let Did::Registered { email, name, verified, roles, .. } = event {
            let row = Model {
                id: *id,
                email: email.clear().cloned(),
                email_verified: *verified,
                name: name.clear().cloned(),
                profile: None,
                status: "active".to_owned(),
                organization_id: None,
                organization_admin: false,
                roles: roles
                    .iter()
                    .map(ToString::to_string)
                    .collect::<serde_json::Value>()
                    .to_string(),
                providers: "[]".to_owned(),
                mfa: false,
                created_at: at,
                updated_at: at,
                last_login_at: None,
                search: None,
            };
            return Some(row.searchable());
        }
        let row = Model { updated_at: at, ..row? };
        Some(match event {
            Did::Deleted { .. } => return None,
            Did::Registered { .. }
            | Did::BackupCodeUsed { .. }
            | Did::BackupCodesMade { .. }
            | Did::FactorAdded { .. }
            | Did::FactorFailed { .. }
            | Did::FactorRemoved { .. }
            | Did::FactorUsed { .. }
            | Did::PasswordSet { .. } => row,
            Did::Deactivated { .. } => Model { status: "deactivated".to_owned(), ..row },
            Did::Reactivated { .. } => Model { status: "active".to_owned(), ..row },
            Did::EmailChanged { email, verified, .. } => {
                let email = email.clear().cloned();
                Model { email, email_verified: *verified, ..row }.searchable()
            }
            Did::EmailVerified => Model { email_verified: true, ..row },
            Did::Linked { provider, .. } => {
                let mut all = row.providers();
                if !all.contains(provider) {
                    all.push(provider.clone());
                    all.sort_unstable();
                }
                Model { providers: serde_json::Value::from(all).to_string(), ..row }
            }
            Did::Unlinked { provider, .. } => {
                let mut all = row.providers();
                all.retain(|it| it != provider);
                Model { providers: serde_json::Value::from(all).to_string(), ..row }
            }
            Did::MfaDisabled => Model { mfa: false, ..row },
            Did::MfaEnabled => Model { mfa: true, ..row },
            Did::Moved { organization, .. } => {
                let organization_id = organization.map(|it| it.0);
                Model { organization_id, organization_admin: false, ..row }
            }
            Did::ProfileChanged { profile, .. } => {
                let profile = profile.clear().and_then(|it| serde_json::to_string(it).ok());
                Model { profile, ..row }
            }
            Did::Renamed { name, .. } => Model { name: name.clear().cloned(), ..row }.searchable(),
            Did::RoleAssigned { role, .. } => row.with_roles(|roles| {
                if !roles.contains(&role.to_string()) {
                    roles.push(role.to_string());
                    roles.sort_unstable();
                }
            }),
            Did::RoleRemoved { role, .. } => {
                row.with_roles(|roles| roles.retain(|it| it != role.as_str()))
            }
        })
    }

    fn values(key: &Uuid) -> Vec<Value> {
        vec![(*key).into()]
    }

    fn key(row: &Model) -> Uuid {
        row.id
    }

    async fn forget(person: &Person, tx: &Tx) -> Result<(), DbErr> {
        let Some(id) = user(person) else { return Ok(()) };
        let mut update = Entity::update_many().filter(Column::Id.eq(id));
        for column in [Column::Email, Column::Name, Column::Profile, Column::Search] {
            update = update.col_expr(column, Expr::value(Option::<String>::None));
        }
        update.exec(tx).await?;
        Ok(())
    }
}

impl Model {
    fn searchable(mut self) -> Self {
        let both = [self.email.as_deref(), self.name.as_deref()];
        let known: Vec<_> = both.into_iter().flatten().collect();
        self.search = (!known.is_empty()).then(|| known.join("\n").to_lowercase());
        self
    }

    fn with_roles(mut self, change: impl FnOnce(&mut Vec<String>)) -> Self {
        let mut roles = self.roles();
        change(&mut roles);
        self.roles = serde_json::Value::from(roles).to_string();
        self
    }
}

#[cfg(test)]
mod tests {
    use domain::identity::UserEvent;
    use domain::kernel::{Actor, Personal};

    use super::*;
    use crate::testing::folded;

    #[test]
    fn whoever_ran_what_he_left_does_not_run_what_he_joins() {
        let user = UserId(Uuid::from_u128(1));
        let [old, new] = [2, 3].map(|it| OrganizationId(Uuid::from_u128(it)));
        let by = || Actor::system("tests");
        let person = Person::user(user);
        let registered = UserEvent::Registered {
            email: Personal::of(person.clone(), "Ana@acme.example".into()),
            email_claim: "email-1".parse().unwrap(),
            name: Personal::of(person, "Ana".into()),
            verified: true,
            roles: ["user".parse().unwrap()].into(),
            by: by(),
        };
        let moved = |to| Event::User(user, UserEvent::Moved { organization: Some(to), by: by() });
        let appointed =
            |to| Event::Organization(to, OrganizationEvent::AdminAppointed { user, by: by() });
        let dismissed =
            |from| Event::Organization(from, OrganizationEvent::AdminDismissed { user, by: by() });
        let history = vec![Event::User(user, registered), moved(old), appointed(old)];
        let runs = |events: &[Event]| folded::<Users>(events.to_vec()).unwrap().organization_admin;
        assert!(runs(&history));
        let mut left = history.clone();
        left.push(moved(new));
        assert!(!runs(&left));
        left.extend([appointed(new), dismissed(old)]);
        assert!(runs(&left), "what is heard late of the old one does not count");
        assert_eq!(folded::<Users>(left).unwrap().search.as_deref(), Some("ana@acme.example\nana"));
    }
}
