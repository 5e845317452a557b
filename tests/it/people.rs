//! Administrators look after people; organizations are apart from each other.

use domain::identity::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};

use super::accounts::{as_user, log_in, register, send};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_changes_and_removes_users() {
    let door = Door::open().await;
    let new =
        json!({ "email": "ben@acme.example", "name": "Ben", "password": "correct horse battery" });
    let made = door.post("/api/v1/users", new.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (path, id) = (made.header("location").to_owned(), made.body["data"]["id"].clone());
    assert_eq!(made.body["data"]["roles"], json!(["user"]));
    let twice = door.post("/api/v1/users", new).await;
    assert_eq!((twice.status, twice.fields()), (409, vec!["email"]), "{}", twice.text);

    let tokens = log_in(&door, "ben@acme.example", "correct horse battery").await.body;
    let found = door.get("/api/v1/users?search=BEN@acme").await;
    assert_eq!(found.body["data"]["users"][0]["id"], id, "{}", found.text);
    assert!(found.body["data"]["users"][0]["last_login"].is_string(), "{}", found.text);
    let none = door.get("/api/v1/users?search=b%25n").await;
    assert_eq!(none.body["data"]["pagination"]["total"], 0, "a joker is a letter: {}", none.text);
    assert_eq!(door.get("/api/v1/users?role=admin").await.body["data"]["users"], json!([]));

    let renamed = door.put(&path, json!({ "name": "Benjamin" })).await;
    assert_eq!(renamed.body["data"]["name"], "Benjamin", "{}", renamed.text);
    let stale = door.request(Method::PUT, &path).header("if-match", "\"1\"");
    assert_eq!(answered(stale.json(&json!({ "name": "B" }))).await.status, 412);

    let off = door.put(&path, json!({ "active": false })).await;
    assert_eq!(off.body["data"]["status"], "deactivated", "{}", off.text);
    assert_eq!(as_user(&door, &tokens, Method::GET, "/api/v1/auth/me").await.status, 401);
    assert_eq!(log_in(&door, "ben@acme.example", "correct horse battery").await.status, 401);
    door.put(&path, json!({ "active": true })).await;
    assert_eq!(as_user(&door, &tokens, Method::GET, "/api/v1/auth/me").await.status, 401);
    assert_eq!(log_in(&door, "ben@acme.example", "correct horse battery").await.status, 200);

    let gone = answered(door.request(Method::DELETE, &path)).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!(door.get(&path).await.status, 404);
    let audit = door.get(&format!("/api/v1/audit?target_id={}", id.as_str().unwrap())).await;
    assert!(audit.text.contains("user.deleted"), "{}", audit.text);
    assert!(!audit.text.contains("ben@acme") && !audit.text.contains("Benjamin"), "{}", audit.text);
    // His address is free again.
    register(&door, "ben@acme.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_he_has() {
    let door = Door::open().await;
    let user = register(&door, "ana@acme.example").await;
    let id = user["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{id}/roles");
    let weak = door.key(&[Permission::ManageRole, Permission::ReadUser]).await;
    let give = |role: &str| {
        answered(door.bare(Method::POST, &path).bearer_auth(&weak).json(&json!({ "role": role })))
    };
    let no = give("admin").await;
    assert_eq!(no.status, 403, "{}", no.text);
    assert_eq!(give("nothing").await.status, 400);
    let role = json!({ "name": "helper", "permissions": ["erase:person"] });
    let made = answered(door.bare(Method::POST, "/api/v1/roles").bearer_auth(&weak).json(&role));
    assert_eq!(made.await.status, 403);

    let role =
        json!({ "name": "auditors", "description": "they look", "permissions": ["read:audit"] });
    let made = door.post("/api/v1/roles", role).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let audit = || as_user(&door, &user, Method::GET, "/api/v1/audit");
    assert_eq!(audit().await.status, 403);
    let given = door.post(&path, json!({ "role": "auditors" })).await;
    assert_eq!(given.body["data"]["roles"], json!(["auditors", "user"]), "{}", given.text);
    assert_eq!(audit().await.status, 200, "at once, with the same token");
    let less = json!({ "permissions": ["read:config"] });
    assert_eq!(door.put("/api/v1/roles/auditors", less).await.status, 200);
    assert_eq!(audit().await.status, 403);
    let taken = door.request(Method::DELETE, &format!("{path}/auditors"));
    assert_eq!(answered(taken).await.body["data"]["roles"], json!(["user"]));

    let roles = door.get("/api/v1/roles").await;
    let names: Vec<_> =
        roles.body["data"]["roles"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["admin", "auditor", "auditors", "moderator", "owner", "user"]);
    let change = door.put("/api/v1/roles/admin", json!({ "permissions": [] })).await;
    assert_eq!(change.status, 409, "{}", change.text);
    assert!(door.get("/api/v1/permissions").await.text.contains("approve:self-edit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_do_not_exist_for_each_other() {
    let door = Door::open().await;
    let (boss, member) =
        (register(&door, "boss@acme.example").await, register(&door, "ana@acme.example").await);
    let other = register(&door, "boss@globex.example").await;
    let id = |tokens: &Value| tokens["user"]["id"].as_str().unwrap().to_owned();
    let organization =
        |tokens: &Value| tokens["user"]["organization_id"].as_str().unwrap().to_owned();
    let (acme, globex) = (organization(&boss), organization(&other));
    assert_eq!(acme, organization(&member));
    assert_ne!(acme, globex);
    let loner = register(&door, "ana@gmail.com").await;
    assert!(loner["user"]["organization_id"].is_null());

    let get = |tokens: &Value, path: String| {
        let tokens = tokens.clone();
        let door = &door;
        async move { as_user(door, &tokens, Method::GET, &path).await }
    };
    let list = get(&boss, "/api/v1/users".into()).await;
    assert_eq!(list.body["data"]["pagination"]["total"], 2, "{}", list.text);
    let list = get(&member, "/api/v1/users".into()).await;
    assert_eq!(list.body["data"]["pagination"]["total"], 1, "{}", list.text);
    for (who, path, status) in [
        (&boss, format!("/api/v1/users/{}", id(&member)), 200),
        (&boss, format!("/api/v1/users/{}", id(&other)), 404),
        (&member, format!("/api/v1/users/{}", id(&boss)), 404),
        (&member, format!("/api/v1/users/{}", id(&member)), 200),
        (&boss, format!("/api/v1/organizations/{acme}"), 200),
        (&boss, format!("/api/v1/organizations/{globex}"), 404),
        (&boss, format!("/api/v1/organizations/{acme}/members"), 200),
        (&member, format!("/api/v1/organizations/{acme}/members"), 403),
        (&loner, format!("/api/v1/organizations/{acme}"), 404),
        (&boss, format!("/api/v1/users?organization_id={globex}"), 404),
    ] {
        assert_eq!(get(who, path.clone()).await.status, status, "{path}");
    }
    let rename = |tokens: &Value, user: String| {
        let tokens = tokens.clone();
        let (door, path) = (&door, format!("/api/v1/users/{user}"));
        async move { send(door, &tokens, Method::PUT, &path, json!({ "name": "X" })).await.status }
    };
    assert_eq!(rename(&boss, id(&member)).await, 200);
    assert_eq!(rename(&boss, id(&other)).await, 404);
    assert_eq!(rename(&member, id(&boss)).await, 404);

    let group = json!({ "display_name": "crew", "organization_id": acme });
    let made = send(&door, &boss, Method::POST, "/api/v1/groups", group.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        send(&door, &member, Method::POST, "/api/v1/groups", group.clone()).await.status,
        403
    );
    assert_eq!(send(&door, &other, Method::POST, "/api/v1/groups", group).await.status, 403);
    let path = format!("/api/v1/groups/{}/members", made.body["data"]["id"].as_str().unwrap());
    let add = |user: String| send(&door, &boss, Method::POST, &path, json!({ "user_ids": [user] }));
    assert_eq!(add(id(&member)).await.status, 200);
    let stranger = add(id(&other)).await;
    assert_eq!((stranger.status, stranger.fields()), (400, vec!["user_ids"]), "{}", stranger.text);
    let members = get(&member, path.clone()).await;
    assert_eq!(members.body["data"]["members"][0]["id"], id(&member), "{}", members.text);
    assert_eq!(get(&other, path.clone()).await.status, 404);
    let out = as_user(&door, &boss, Method::DELETE, &format!("{path}/{}", id(&member))).await;
    assert_eq!(out.status, 200, "{}", out.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removes_his_own_account_is_gone() {
    let door = Door::open().await;
    let tokens = register(&door, "ana@acme.example").await;
    let path = format!("/api/v1/users/{}", tokens["user"]["id"].as_str().unwrap());
    let gone = as_user(&door, &tokens, Method::DELETE, &path).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!(as_user(&door, &tokens, Method::GET, "/api/v1/auth/me").await.status, 401);
    assert_eq!(log_in(&door, "ana@acme.example", "correct horse battery").await.status, 401);
    let organization = tokens["user"]["organization_id"].as_str().unwrap();
    let left = door.get(&format!("/api/v1/organizations/{organization}")).await;
    assert_eq!(left.body["data"]["members"], 0, "{}", left.text);
    assert_eq!(door.get("/api/v1/views").await.status, 200);
}
