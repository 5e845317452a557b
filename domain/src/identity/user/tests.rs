//! What holds for users.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{FactorCommand, User, UserCommand as Do, UserError as No, UserEvent as Did};
use crate::identity::Method;
use crate::kernel::testing::given;
use crate::kernel::{Actor, Person, Personal};

#[test]
fn a_user_registers_once() {
    let Did::Registered { email, email_claim, name, verified, roles, by } = registered() else {
        unreachable!()
    };
    let register = Do::Register { email, email_claim, name, verified, roles, by };
    given::<User>([]).when(register.clone()).then_expect_events(vec![registered()]);
    given::<User>([registered()]).when(register).then_expect_error(No::Exists);
}

#[test]
fn a_link_to_an_old_address_verifies_nothing() {
    given::<User>([registered()])
        .when(Do::VerifyEmail { email_claim: "email-0000".parse().unwrap() })
        .then_expect_error(No::OtherEmail);
    given::<User>([registered()])
        .when(Do::VerifyEmail { email_claim: "email-abcd".parse().unwrap() })
        .then_expect_events(vec![Did::EmailVerified]);
}

#[test]
fn the_last_way_in_stays() {
    let unlink = || Do::Unlink { provider: "github".into(), by: by() };
    given::<User>([registered(), linked()]).when(unlink()).then_expect_error(No::LastWayIn);
    let password = Did::PasswordSet { how: super::PasswordChange::Initial, by: by() };
    given::<User>([registered(), password, linked()])
        .when(unlink())
        .then_expect_events(vec![Did::Unlinked { provider: "github".into(), by: by() }]);
}

#[test]
fn a_link_to_a_new_password_takes_what_was_left_by_who_never_showed_the_address() {
    let recover = || Do::Recover { by: by() };
    let set = Did::PasswordSet { how: super::PasswordChange::Reset, by: by() };
    let app =
        Did::FactorAdded { factor: factor(), method: Method::Totp, name: named("app"), at: at(0) };
    let strangers = [registered(), linked(), app.clone(), Did::MfaEnabled];
    given::<User>(strangers.clone()).when(recover()).then_expect_events(vec![
        set.clone(),
        Did::Unlinked { provider: "github".into(), by: by() },
        Did::FactorRemoved { factor: factor() },
        Did::MfaDisabled,
        Did::EmailVerified,
    ]);
    let own = strangers.into_iter().chain([Did::EmailVerified]);
    given::<User>(own).when(recover()).then_expect_events(vec![set]);
}

#[test]
fn passkeys_that_are_the_only_way_in_stay() {
    let passkey = Did::FactorAdded {
        factor: factor(),
        method: Method::Passkey,
        name: named("key"),
        at: at(0),
    };
    let disable = || Do::Factor(FactorCommand::Disable);
    given::<User>([registered(), passkey.clone()]).when(disable()).then_expect_error(No::LastWayIn);
    given::<User>([registered(), linked(), passkey])
        .when(disable())
        .then_expect_events(vec![Did::FactorRemoved { factor: factor() }, Did::MfaDisabled]);
}

#[test]
fn who_was_deleted_is_gone() {
    let deleted = Did::Deleted { by: by() };
    given::<User>([registered(), deleted.clone()])
        .when(Do::Reactivate { by: by() })
        .then_expect_error(No::Unknown);
    given::<User>([registered(), deleted]).when(Do::Delete { by: by() }).then_expect_events(vec![]);
}

#[test]
fn the_first_factor_switches_them_on_and_the_last_off() {
    given::<User>([registered()])
        .when(Do::Factor(FactorCommand::Add {
            factor: factor(),
            method: Method::Totp,
            name: named("phone"),
            counter: 7,
            now: at(0),
        }))
        .then_expect_events(vec![added(), used(7, 0), Did::MfaEnabled]);
    given::<User>(with_totp())
        .when(Do::Factor(FactorCommand::Remove { factor: factor() }))
        .then_expect_events(vec![Did::FactorRemoved { factor: factor() }, Did::MfaDisabled]);
}

#[test]
fn a_code_is_accepted_once() {
    let show = |counter| Do::Factor(FactorCommand::Use { factor: factor(), counter, now: at(60) });
    given::<User>(with_totp()).when(show(7)).then_expect_error(No::UsedCode);
    given::<User>(with_totp()).when(show(8)).then_expect_events(vec![used(8, 60)]);
}

#[test]
fn a_backup_code_is_accepted_once() {
    let show = || Do::Factor(FactorCommand::UseBackupCode { number: 1, now: at(60) });
    let made = Did::BackupCodesMade { count: 10 };
    let code_used = Did::BackupCodeUsed { number: 1, remaining: 9 };
    given::<User>(with_totp().into_iter().chain([made.clone()]))
        .when(show())
        .then_expect_events(vec![code_used.clone()]);
    given::<User>(with_totp().into_iter().chain([made, code_used]))
        .when(show())
        .then_expect_error(No::UsedCode);
}

#[test]
fn five_wrong_codes_lock() {
    let failed = Did::FactorFailed { method: Method::Totp, failures: 5, at: at(60) };
    given::<User>(with_totp().into_iter().chain([failed]))
        .when(Do::Factor(FactorCommand::Use { factor: factor(), counter: 9, now: at(61) }))
        .then_expect_error(No::FactorLocked { wait_s: 59 });
}

fn with_totp() -> Vec<Did> {
    vec![registered(), added(), used(7, 0), Did::MfaEnabled]
}

fn added() -> Did {
    let (factor, method) = (factor(), Method::Totp);
    Did::FactorAdded { factor, method, name: named("phone"), at: at(0) }
}

fn used(counter: u64, second: i64) -> Did {
    Did::FactorUsed { factor: factor(), counter, at: at(second) }
}

fn registered() -> Did {
    Did::Registered {
        email: named("ana@acme.com"),
        email_claim: "email-abcd".parse().unwrap(),
        name: named("Ana"),
        verified: false,
        roles: ["user".parse().unwrap()].into(),
        by: by(),
    }
}

fn linked() -> Did {
    let account = "account-abcd".parse().unwrap();
    Did::Linked { provider: "github".into(), account, shown: named("ana"), by: by() }
}

fn named(text: &str) -> Personal<String> {
    Personal::of(Person::user("ana"), text.to_owned())
}

fn factor() -> Uuid {
    Uuid::from_u128(7)
}

fn by() -> Actor {
    Actor::system("test")
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}
