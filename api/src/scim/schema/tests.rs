//! What is kept of what directories send.

use super::*;

#[test]
fn what_is_kept_has_proper_names_and_kinds() {
    let given = json!({
        "id": "chosen by the client",
        "username": "ana",
        "ACTIVE": "False",
        "emails": { "value": "ana@acme.com", "primary": "true" },
        "groups": [{ "value": "x" }],
        "shoeSize": 38,
        ENTERPRISE: { "department": "R&D", "manager": "7" },
    });
    let expected = json!({
        "userName": "ana",
        "active": false,
        "emails": [{ "value": "ana@acme.com", "primary": true }],
        ENTERPRISE: { "department": "R&D", "manager": { "value": "7" } },
    });
    assert_eq!(Resource::User.cleaned(&given), Ok(expected));
    let odd = json!({ "userName": ["ana"] });
    assert_eq!(Resource::User.cleaned(&odd), Err("userName is a text".to_owned()));
}

#[test]
fn members_may_be_plain_texts() {
    let given = json!({ "displayName": "crew", "members": ["ana@acme.com", { "value": "7" }] });
    let expected = json!({
        "displayName": "crew",
        "members": [{ "value": "ana@acme.com" }, { "value": "7" }],
    });
    assert_eq!(Resource::Group.cleaned(&given), Ok(expected));
}
