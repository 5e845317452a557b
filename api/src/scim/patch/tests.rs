//! What operations of the RFC, of Entra and of Okta do.

use proptest::prelude::*;

use super::*;
use crate::scim::schema::ENTERPRISE;

#[test]
fn operations_of_the_rfc_and_of_entra_do_what_they_mean() {
    for (operation, expected) in [
        (json!({ "op": "replace", "path": "active", "value": "False" }), ("/active", json!(false))),
        (
            json!({ "op": "Add", "path": "name.givenName", "value": "A" }),
            ("/name/givenName", json!("A")),
        ),
        (
            json!({ "op": "add", "value": { "name.familyName": "B" } }),
            ("/name/familyName", json!("B")),
        ),
        (json!({ "op": "replace", "value": { "NickName": "An" } }), ("/nickName", json!("An"))),
        (
            json!({ "op": "Replace", "path": r#"emails[type eq "work"].value"#, "value": "w@x.y" }),
            ("/emails/0/value", json!("w@x.y")),
        ),
        (
            json!({ "op": "Add", "path": r#"emails[type eq "home"].value"#, "value": "h@x.y" }),
            ("/emails/1", json!({ "type": "home", "value": "h@x.y" })),
        ),
        (
            json!({ "op": "add", "path": "emails", "value": [{ "value": "n@x.y", "primary": true }] }),
            ("/emails/0/primary", json!(false)),
        ),
        (
            json!({ "op": "add", "path": format!("{ENTERPRISE}:department"), "value": "R&D" }),
            (
                "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
                json!("R&D"),
            ),
        ),
        (json!({ "op": "remove", "path": "nickName" }), ("/nickName", Value::Null)),
        (json!({ "op": "replace", "path": "title", "value": null }), ("/title", Value::Null)),
    ] {
        let message = json!({ "Operations": [operation] });
        let after = patched(Resource::User, &ana(), &message);
        let after = after.unwrap_or_else(|no| panic!("{operation}: {no}"));
        let (place, value) = expected;
        assert_eq!(after.pointer(place).unwrap_or(&Value::Null), &value, "{operation}: {after}");
    }
}

#[test]
fn members_come_and_go() {
    let group = json!({ "displayName": "crew", "members": [{ "value": "1" }, { "value": "2" }] });
    for (operation, members) in [
        (
            json!({ "op": "add", "path": "members", "value": [{ "value": "3" }, { "value": "1" }] }),
            "123",
        ),
        (json!({ "op": "remove", "path": r#"members[value eq "1"]"# }), "2"),
        (json!({ "op": "Remove", "path": "members", "value": [{ "value": "2" }] }), "1"),
        (json!({ "op": "remove", "path": "members" }), ""),
        (json!({ "op": "replace", "path": "members", "value": [{ "value": "9" }] }), "9"),
    ] {
        let message = json!({ "Operations": [operation] });
        let after = patched(Resource::Group, &group, &message).unwrap();
        let left = after["members"].as_array().into_iter().flatten();
        let left: String = left.map(|it| it["value"].as_str().unwrap()).collect();
        assert_eq!(left, members, "{operation}");
    }
}

#[test]
fn many_members_are_told_apart_in_time() {
    let members = |from: u32, kind: Option<&str>| -> Value {
        let one = |nth: u32| match kind {
            Some(kind) => json!({ "value": nth.to_string(), "type": kind }),
            None => json!({ "value": nth.to_string() }),
        };
        (from..from + 10_000).map(one).collect()
    };
    let group = json!({ "displayName": "crew", "members": members(0, None) });
    let message = json!({ "Operations": [
        { "op": "add", "path": "members", "value": members(5_000, Some("User")) },
        { "op": "remove", "path": "members", "value": members(1, Some("User")) },
    ] });
    let begun = std::time::Instant::now();
    let after = patched(Resource::Group, &group, &message).unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    let left = after["members"].as_array().unwrap();
    assert_eq!(
        (left.len(), &left[0]["value"], &left[1]["value"]),
        (5_000, &json!("0"), &json!("10001"))
    );
}

#[test]
fn of_several_new_primary_addresses_the_last_is_it() {
    let address = |value: &str, primary: bool| json!({ "value": value, "primary": primary });
    let new = json!([address("b@x", true), address("c@x", true), address("d@x", false)]);
    let message = json!({ "Operations": [{ "op": "add", "path": "emails", "value": new }] });
    let after = patched(Resource::User, &ana(), &message).unwrap();
    let emails = after["emails"].as_array().unwrap();
    let primary = emails.iter().filter(|it| it["primary"] == true).map(|it| &it["value"]);
    assert_eq!(primary.collect::<Vec<_>>(), ["c@x"]);
    let message = json!({ "Operations": [
        { "op": "replace", "path": "emails[value sw \"a\" or value sw \"b\"]", "value": { "primary": true } },
    ] });
    let after = patched(Resource::User, &after, &message).unwrap();
    let emails = after["emails"].as_array().unwrap();
    let primary = emails.iter().filter(|it| it["primary"] == true).map(|it| &it["value"]);
    assert_eq!(primary.collect::<Vec<_>>(), ["b@x"]);
}

#[test]
fn what_cannot_be_done_is_refused_with_its_kind() {
    for (operation, kind) in [
        (json!({ "op": "remove" }), Bad::NoTarget),
        (json!({ "op": "paint", "path": "title" }), Bad::InvalidSyntax),
        (json!({ "op": "replace", "path": "id", "value": "7" }), Bad::Mutability),
        (json!({ "op": "replace", "path": "shoeSize", "value": 38 }), Bad::InvalidPath),
        (json!({ "op": "replace", "path": "title[", "value": "x" }), Bad::InvalidFilter),
        (json!({ "op": "replace", "path": "active", "value": 7 }), Bad::InvalidValue),
        (json!({ "op": "remove", "path": "userName" }), Bad::InvalidValue),
        (json!({ "op": "remove", "path": r#"emails[type eq "none"]"# }), Bad::NoTarget),
    ] {
        let message = json!({ "Operations": [operation] });
        let no = patched(Resource::User, &ana(), &message).unwrap_err();
        assert_eq!(no.kind, Some(kind), "{operation}: {no}");
    }
}

proptest! {
    #[test]
    fn no_path_breaks_the_reader(path in "\\PC{0,60}", value in "[a-z]{0,5}") {
        let operation = json!({ "op": "add", "path": path, "value": value });
        let _ = patched(Resource::User, &ana(), &json!({ "Operations": [operation] }));
    }

    #[test]
    fn adding_twice_is_adding_once(kind in "[a-z]{1,3}", address in "[a-z]{1,3}@x") {
        let operation = json!({
            "op": "add",
            "path": "emails",
            "value": [{ "type": kind, "value": address }],
        });
        let message = json!({ "Operations": [operation] });
        let once = patched(Resource::User, &ana(), &message).unwrap();
        prop_assert_eq!(patched(Resource::User, &once, &message).unwrap(), once);
    }
}

fn ana() -> Value {
    json!({
        "userName": "ana",
        "nickName": "Annie",
        "title": "Dr",
        "emails": [{ "value": "ana@acme.com", "type": "work", "primary": true }],
    })
}
