//! A directory keeps users and groups here.

use commands::identity::accounts::Email;
use domain::identity::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};

use super::accounts::{as_user, log_in, register};

async fn ask(door: &Door, method: Method, path: &str, body: Option<Value>) -> Answered {
    let request = door.request(method, &format!("/scim/v2{path}"));
    let request = match body {
        Some(body) => {
            let request = request.header("content-type", "application/scim+json");
            request.body(body.to_string())
        }
        None => request,
    };
    answered(request).await
}

fn ben() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "Ben@acme.example",
        "externalId": "00u1",
        "name": { "givenName": "Ben", "familyName": "Bell" },
        "emails": [{ "value": "ben@acme.example", "type": "work", "primary": true }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D" },
    })
}

fn patch(operations: Value) -> Option<Value> {
    let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    Some(json!({ "schemas": [schema], "Operations": operations }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_makes_changes_and_switches_off_a_user() {
    let door = Door::open().await;
    let made = ask(&door, Method::POST, "/Users", Some(ben())).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("content-type"), "application/scim+json");
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("etag"), made.body["meta"]["version"]);
    assert!(made.header("location").ends_with(&format!("/scim/v2/Users/{id}")));
    assert_eq!(made.body["active"], true);
    let path = format!("/Users/{id}");

    let twice = ask(&door, Method::POST, "/Users", Some(ben())).await;
    assert_eq!(
        (twice.status, &twice.body["scimType"]),
        (409, &json!("uniqueness")),
        "{}",
        twice.text
    );
    assert_eq!(twice.body["status"], "409");

    for (filter, found) in [
        ("userName eq \"ben@ACME.example\"", 1),
        ("externalId eq \"00u1\"", 1),
        ("externalId eq \"00U1\"", 0),
        ("name.familyName sw \"be\" and active eq true", 1),
        ("emails[type eq \"work\" and value ew \"@acme.example\"]", 1),
        ("not (userName pr)", 0),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"r&d\"", 1),
    ] {
        let request = door.request(Method::GET, "/scim/v2/Users").query(&[("filter", filter)]);
        let list = answered(request).await;
        assert_eq!(list.body["totalResults"], found, "{filter}: {}", list.text);
    }
    let bad = door.request(Method::GET, "/scim/v2/Users").query(&[("filter", "userName is x")]);
    let bad = answered(bad).await;
    assert_eq!((bad.status, &bad.body["scimType"]), (400, &json!("invalidFilter")), "{}", bad.text);

    let operations = json!([
        { "op": "Replace", "path": "name.givenName", "value": "Benjamin" },
        { "op": "Add", "path": "emails[type eq \"home\"].value", "value": "ben@home.example" },
        { "op": "replace", "value": { "title": "Dr" } },
    ]);
    let patched = ask(&door, Method::PATCH, &path, patch(operations)).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(patched.body["name"]["givenName"], "Benjamin");
    assert_eq!(patched.body["emails"][1]["value"], "ben@home.example", "{}", patched.text);
    assert_eq!(patched.body["title"], "Dr");

    let stale = door.request(Method::PUT, &format!("/scim/v2{path}"));
    let stale = stale.header("if-match", made.header("etag"));
    let stale = stale.header("content-type", "application/scim+json").body(ben().to_string());
    assert_eq!(answered(stale).await.status, 412);

    let password =
        json!([{ "op": "replace", "path": "password", "value": "correct horse battery" }]);
    let set = ask(&door, Method::PATCH, &path, patch(password)).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert!(!set.text.contains("horse"), "{}", set.text);
    let tokens = log_in(&door, "ben@acme.example", "correct horse battery").await.body;
    let me = || as_user(&door, &tokens, Method::GET, "/api/v1/auth/me");
    assert_eq!(me().await.status, 200);
    let off = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    let off = ask(&door, Method::PATCH, &path, patch(off)).await;
    assert_eq!(off.body["active"], false, "{}", off.text);
    assert_eq!(me().await.status, 401, "deactivation ends sessions");

    let gone = ask(&door, Method::DELETE, &path, None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(ask(&door, Method::GET, &path, None).await.status, 404);
    let again = ask(&door, Method::POST, "/Users", Some(ben())).await;
    assert_eq!(again.status, 201, "his name is free again: {}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_take_members_by_id_and_by_address() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await["user"]["id"].clone();
    let ben = ask(&door, Method::POST, "/Users", Some(ben())).await.body["id"].clone();
    let wanted = json!({
        "displayName": "crew",
        "externalId": "g1",
        "members": ["ana@acme.example", { "value": ben }],
    });
    let made = ask(&door, Method::POST, "/Groups", Some(wanted)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let members = |answer: &Answered| -> Vec<Value> {
        let all = answer.body["members"].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|it| it["value"].clone()).collect()
    };
    assert_eq!(members(&made).len(), 2, "{}", made.text);
    let path = format!("/Groups/{}", made.body["id"].as_str().unwrap());
    let user = ask(&door, Method::GET, &format!("/Users/{}", ben.as_str().unwrap()), None).await;
    assert_eq!(user.body["groups"][0]["display"], "crew", "{}", user.text);

    let out = json!([{ "op": "remove", "path": "members", "value": [{ "value": ben }] }]);
    let out = ask(&door, Method::PATCH, &path, patch(out)).await;
    assert_eq!(members(&out), std::slice::from_ref(&ana), "{}", out.text);
    let short = ask(&door, Method::GET, &format!("{path}?excludedAttributes=members"), None).await;
    assert!(short.body["members"].is_null() && short.body["displayName"] == "crew");
    let odd = json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody@x.y" }] }]);
    let odd = ask(&door, Method::PATCH, &path, patch(odd)).await;
    assert_eq!((odd.status, &odd.body["scimType"]), (400, &json!("invalidValue")), "{}", odd.text);

    // Who is removed is in no group.
    let gone = ask(&door, Method::DELETE, &format!("/Users/{}", ana.as_str().unwrap()), None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert!(members(&ask(&door, Method::GET, &path, None).await).is_empty());
    assert_eq!(ask(&door, Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ask(&door, Method::GET, "/Groups", None).await.body["totalResults"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_count_from_one_and_refusals_speak_scim() {
    let door = Door::open().await;
    for name in ["a", "b", "c"] {
        let user = json!({ "userName": format!("{name}@acme.example") });
        assert_eq!(ask(&door, Method::POST, "/Users", Some(user)).await.status, 201);
    }
    let page = ask(&door, Method::GET, "/Users?startIndex=2&count=1", None).await;
    let numbers = ["totalResults", "startIndex", "itemsPerPage"].map(|it| page.body[it].clone());
    assert_eq!(numbers, [json!(3), json!(2), json!(1)], "{}", page.text);
    let none = ask(&door, Method::GET, "/Users?count=0", None).await;
    assert_eq!((&none.body["totalResults"], &none.body["Resources"]), (&json!(3), &json!([])));

    for (method, path, status) in [
        (Method::GET, "/Users/nobody", 404),
        (Method::GET, "/Nothing", 404),
        (Method::PATCH, "/Users", 405),
        (Method::POST, "/Schemas", 405),
        (Method::GET, "/Me", 501),
    ] {
        let body = (method == Method::PATCH || method == Method::POST).then(|| json!({}));
        let no = ask(&door, method.clone(), path, body).await;
        assert_eq!(no.status, status, "{method} {path}: {}", no.text);
        assert_eq!(no.header("content-type"), "application/scim+json", "{path}");
        assert_eq!(no.body["status"], status.to_string(), "{path}: {}", no.text);
    }
    let nobody = answered(door.bare(Method::GET, "/scim/v2/Users")).await;
    assert_eq!((nobody.status, &nobody.body["status"]), (401, &json!("401")), "{}", nobody.text);
    let weak = door.key(&[Permission::ReadAudit]).await;
    let weak = door.bare(Method::GET, "/scim/v2/Users").bearer_auth(&weak);
    assert_eq!(answered(weak).await.status, 403);

    let config = ask(&door, Method::GET, "/ServiceProviderConfig", None).await;
    assert_eq!(config.body["patch"]["supported"], true, "{}", config.text);
    let schemas = ask(&door, Method::GET, "/Schemas", None).await;
    for schema in schemas.body["Resources"].as_array().unwrap() {
        let one = format!("/Schemas/{}", schema["id"].as_str().unwrap());
        assert_eq!(ask(&door, Method::GET, &one, None).await.body["id"], schema["id"]);
    }
    assert_eq!(
        ask(&door, Method::GET, "/ResourceTypes/User", None).await.body["endpoint"],
        "/Users"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_do_not_change_what_the_directory_wrote_of_them() {
    let door = Door::open().await;
    let made = ask(&door, Method::POST, "/Users", Some(ben())).await;
    let path = format!("/Users/{}", made.body["id"].as_str().unwrap());
    let own = json!({ "profile": { "scim": { "userName": "boss" }, "color": "blue" } });
    let put = format!("/api/v1{}", path.replace("/Users", "/users"));
    assert_eq!(door.put(&put, own).await.status, 200);
    let now = ask(&door, Method::GET, &path, None).await;
    assert_eq!(now.body["userName"], "Ben@acme.example", "{}", now.text);
    assert!(now.body["color"].is_null());
}

/// What scim2-tester found.
#[tokio::test(flavor = "multi_thread")]
async fn directories_find_what_the_standard_tells_them() {
    let door = Door::open().await;
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
        let posted = answered(door.request(Method::POST, &format!("/scim/v2{path}"))).await;
        assert_eq!(posted.status, 405, "whatever is sent: {path} {}", posted.text);
    }

    let squat = Email::of_nobody("bjensen");
    let squat =
        json!({ "email": squat.as_str(), "password": "correct horse battery", "name": "Eve" });
    let squat = answered(door.bare(Method::POST, "/api/v1/auth/register").json(&squat)).await;
    assert_eq!((squat.status, squat.fields()), (400, vec!["email"]), "{}", squat.text);
    let bare = json!({ "userName": "bjensen", "displayName": "Babs", "nickName": "B" });
    let made = ask(&door, Method::POST, "/Users", Some(bare)).await;
    assert_eq!(made.status, 201, "without an address: {}", made.text);
    assert!(made.body["emails"].is_null(), "{}", made.text);
    let path = format!("/Users/{}", made.body["id"].as_str().unwrap());
    assert_eq!(ask(&door, Method::POST, &path, None).await.status, 405);
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let changed = ask(
        &door,
        Method::PATCH,
        &path,
        patch(json!([
            { "op": "remove", "path": "displayName" },
            { "op": "add", "path": enterprise, "value": { "schemas": [enterprise], "division": "R&D" } },
        ])),
    )
    .await;
    assert_eq!(changed.body[enterprise]["division"], "R&D", "{}", changed.text);
    assert!(changed.body["displayName"].is_null(), "{}", changed.text);

    let search = json!({ "filter": "nickName eq \"b\"", "attributes": ["userName"], "count": 5 });
    let found = ask(&door, Method::POST, "/Users/.search", Some(search.clone())).await;
    assert_eq!(found.body["Resources"][0]["userName"], "bjensen", "{}", found.text);
    assert!(found.body["Resources"][0]["nickName"].is_null(), "{}", found.text);
    assert_eq!(ask(&door, Method::POST, "/.search", Some(search)).await.status, 501);
    let reader = door.key(&[Permission::ReadUser]).await;
    let request = door.bare(Method::POST, "/scim/v2/Groups/.search").bearer_auth(reader);
    assert_eq!(answered(request.json(&json!({}))).await.status, 200, "to search is to read");

    let group = json!({ "displayName": "crew", "externalId": "g1" });
    let group = ask(&door, Method::POST, "/Groups", Some(group)).await;
    let path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    let removed = json!([{ "op": "remove", "path": "externalId" }]);
    let removed = ask(&door, Method::PATCH, &path, patch(removed)).await;
    assert!(removed.status == 200 && removed.body["externalId"].is_null(), "{}", removed.text);
}
