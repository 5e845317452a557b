//! Who belongs to what, who is left to manage it, and what becomes of whoever was cut off in the middle.

use domain::identity::UserCommand;
use domain::kernel::{Actor, ApiKeyId, OrganizationId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};

use super::accounts::{as_user, log_in, register, send};

const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_manages_users_is_always_left() {
    let door = Door::open().await;
    let (ana, ben) =
        (register(&door, "ana@acme.example").await, register(&door, "ben@acme.example").await);
    let keys = door.get("/api/v1/api-keys").await;
    let key: ApiKeyId = keys.body["data"]["api_keys"][0]["id"].as_str().unwrap().parse().unwrap();
    door.assign(id(&ana), "admin").await;
    door.revoke(key).await;

    let own = |method, rest: &str| {
        let path = format!("/api/v1/users/{}{rest}", id(&ana));
        let (door, ana) = (&door, &ana);
        async move { as_user(door, ana, method, &path).await }
    };
    for refused in [
        own(Method::DELETE, "/roles/admin").await,
        own(Method::POST, "/deactivate").await,
        own(Method::DELETE, "").await,
        as_user(&door, &ana, Method::DELETE, "/api/v1/users/me").await,
    ] {
        assert_eq!((refused.status, refused.code()), (409, "CONFLICT"), "{}", refused.text);
    }
    let path = format!("/api/v1/users/{}/roles", id(&ben));
    let given = send(&door, &ana, Method::POST, &path, json!({ "role": "owner" })).await;
    assert_eq!(given.status, 200, "{}", given.text);
    let taken = own(Method::DELETE, "/roles/admin").await;
    assert_eq!(taken.body["data"]["roles"], json!(["user"]), "{}", taken.text);
    // That counts at once, with the same token.
    assert_eq!(as_user(&door, &ana, Method::GET, "/api/v1/audit").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_somebody_holds_is_not_removed() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await;
    let role = json!({ "name": "helpers", "permissions": ["read:config"] });
    assert_eq!(door.post("/api/v1/roles", role.clone()).await.status, 201);
    assert_eq!(door.post("/api/v1/roles", role).await.status, 409);
    let path = format!("/api/v1/users/{}/roles", id(&ana));
    let given = door.post(&path, json!({ "role": "helpers" })).await;
    let may = given.body["data"]["permissions"].as_array().unwrap();
    assert!(may.contains(&json!("read:config")) && may.contains(&json!("read:profile")), "{may:?}");
    let remove = || answered(door.request(Method::DELETE, "/api/v1/roles/helpers"));
    assert_eq!(remove().await.status, 409);
    let found = door.get("/api/v1/users?role=helpers&page=1&limit=1").await;
    assert_eq!(found.body["data"]["users"][0]["id"], ana["user"]["id"], "{}", found.text);
    assert_eq!(door.get("/api/v1/users?page=2&offset=1").await.fields(), ["page"]);
    answered(door.request(Method::DELETE, &format!("{path}/helpers"))).await;
    let gone = remove().await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!(door.get("/api/v1/roles/helpers").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_counted_once_wherever_he_goes() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await;
    let acme = ana["user"]["organization_id"].as_str().unwrap().to_owned();
    let made = door.post("/api/v1/organizations", json!({ "name": "Moon" })).await;
    let moon = made.body["data"]["id"].as_str().expect(&made.text).to_owned();
    let taken = json!({ "name": "Other", "domain": "Acme.example" });
    assert_eq!(door.post("/api/v1/organizations", taken).await.status, 409);
    let everybodys = json!({ "name": "Mail", "domain": "gmail.com" });
    assert_eq!(door.post("/api/v1/organizations", everybodys).await.fields(), ["domain"]);

    let members = format!("/api/v1/organizations/{moon}/members");
    let both = json!({ "user_ids": [ana["user"]["id"]] });
    for _ in 0..2 {
        assert_eq!(door.post(&members, both.clone()).await.status, 200);
    }
    assert_eq!((count(&door, &acme).await, count(&door, &moon).await), (0, 1));
    let listed = door.get(&members).await;
    assert_eq!(listed.body["data"]["members"][0]["organization_admin"], true, "{}", listed.text);
    let full = answered(door.request(Method::DELETE, &format!("/api/v1/organizations/{moon}")));
    assert_eq!(full.await.status, 409);
    door.stand_in().await;
    door.stand_in().await;
    assert_eq!((count(&door, &acme).await, count(&door, &moon).await), (0, 1));

    // Whoever moved him was cut off before any organization was told.
    let to = Some(OrganizationId(acme.parse().unwrap()));
    let by = Actor::system("tests");
    door.tell_only(id(&ana), UserCommand::Move { organization: to, by }).await;
    assert_eq!((count(&door, &acme).await, count(&door, &moon).await), (0, 1));
    door.stand_in().await;
    door.stand_in().await;
    assert_eq!((count(&door, &acme).await, count(&door, &moon).await), (1, 0));

    let path = format!("/api/v1/users/{}", id(&ana));
    let renamed = door.put(&path, json!({ "email": "ana@globex.example" })).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let globex = renamed.body["data"]["organization_id"].as_str().expect(&renamed.text).to_owned();
    assert_ne!(globex, acme);
    assert_eq!((count(&door, &acme).await, count(&door, &globex).await), (0, 1));
    let out = format!("/api/v1/organizations/{globex}/members/{}", id(&ana));
    assert_eq!(answered(door.request(Method::DELETE, &out)).await.status, 200);
    assert_eq!(answered(door.request(Method::DELETE, &out)).await.status, 404);
    let gone = answered(door.request(Method::DELETE, &format!("/api/v1/organizations/{globex}")));
    assert_eq!(gone.await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_cut_off_is_finished() {
    let door = Door::open().await;
    register(&door, "boss@acme.example").await;
    let ana = register(&door, "ana@acme.example").await;
    let acme = ana["user"]["organization_id"].as_str().unwrap().to_owned();
    let crew = door.post("/api/v1/groups", json!({ "display_name": "crew" })).await;
    let crew = crew.header("location").to_owned();
    let all = json!({ "user_ids": [ana["user"]["id"]] });
    assert_eq!(door.post(&format!("{crew}/members"), all).await.status, 200);

    door.tell_only(id(&ana), UserCommand::Delete { by: Actor::system("tests") }).await;
    assert_eq!(as_user(&door, &ana, Method::GET, "/api/v1/auth/me").await.status, 401);
    let taken = json!({ "email": "ana@acme.example", "password": PASSWORD, "name": "Ana" });
    let taken = answered(door.bare(Method::POST, "/api/v1/auth/register").json(&taken)).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    door.stand_in().await;
    door.stand_in().await;
    assert_eq!(count(&door, &acme).await, 1);
    let crew = door.get(&crew).await;
    assert_eq!(crew.body["data"]["members"], 0, "{}", crew.text);
    let erased = door.get(&format!("/api/v1/events?stream=person.user:{}", id(&ana))).await;
    assert_eq!(erased.body["data"]["events"].as_array().unwrap().len(), 1, "{}", erased.text);
    register(&door, "ana@acme.example").await;
    same_when_built_anew(&door).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_many_want_at_once_is_ones() {
    let door = Door::open().await;
    let make = |nth: u32| {
        let new = json!({ "email": "ana@acme.example", "name": format!("Ana {nth}") });
        let door = &door;
        async move { door.post("/api/v1/users", new).await.status }
    };
    let (a, b, c, d) = tokio::join!(make(1), make(2), make(3), make(4));
    let mut answers = [a, b, c, d];
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409]);
    assert_eq!(door.get("/api/v1/users").await.body["data"]["pagination"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_themselves_and_what_they_are_in() {
    let door = Door::open().await;
    let (boss, ana, ben) = (
        register(&door, "boss@acme.example").await,
        register(&door, "ana@acme.example").await,
        register(&door, "ben@acme.example").await,
    );
    let acme = boss["user"]["organization_id"].as_str().unwrap();
    let crew =
        send(&door, &boss, Method::POST, "/api/v1/groups", json!({ "display_name": "crew" }));
    let crew = crew.await;
    assert_eq!(crew.body["data"]["organization_id"], acme, "{}", crew.text);
    let crew = crew.header("location").to_owned();
    let members = format!("{crew}/members");
    let all = json!({ "user_ids": [boss["user"]["id"], ana["user"]["id"]] });
    assert_eq!(send(&door, &boss, Method::POST, &members, all).await.status, 200);

    let get = |who: &Value, path: &str| {
        let (door, who, path) = (&door, who.clone(), path.to_owned());
        async move { as_user(door, &who, Method::GET, &path).await }
    };
    let total = |answer: &Answered| answer.body["data"]["pagination"]["total"].clone();
    assert_eq!(total(&get(&boss, &members).await), 2);
    let seen = get(&ana, &members).await;
    assert_eq!(total(&seen), 1, "{}", seen.text);
    assert_eq!(seen.body["data"]["members"][0]["id"], ana["user"]["id"]);
    assert_eq!(get(&ben, &members).await.status, 404);
    assert_eq!(total(&get(&ana, "/api/v1/groups").await), 1);
    assert_eq!(total(&get(&ben, "/api/v1/groups").await), 0);
    assert_eq!(
        send(&door, &ana, Method::PATCH, &crew, json!({ "display_name": "x" })).await.status,
        403
    );
    assert_eq!(
        send(&door, &ben, Method::PATCH, &crew, json!({ "display_name": "x" })).await.status,
        404
    );

    let organization = format!("/api/v1/organizations/{acme}");
    let shown = get(&ana, &organization).await;
    assert_eq!(shown.body["data"]["name"], "acme.example", "{}", shown.text);
    assert!(shown.body["data"]["members"].is_null(), "{}", shown.text);
    assert_eq!(get(&boss, &organization).await.body["data"]["members"], 3);
    let run = |who: &Value, method: Method| {
        let (door, who) = (&door, who.clone());
        let path = format!("{organization}/admins/{}", id(&ana));
        async move { as_user(door, &who, method, &path).await.status }
    };
    assert_eq!(run(&ben, Method::PUT).await, 403);
    assert_eq!(run(&boss, Method::PUT).await, 200);
    assert_eq!(total(&get(&ana, "/api/v1/users").await), 3, "at once, with the same token");
    assert_eq!(run(&boss, Method::DELETE).await, 200);
    assert_eq!(total(&get(&ana, "/api/v1/users").await), 1);

    let off_path = format!("/api/v1/users/{}/deactivate", id(&ben));
    let off = as_user(&door, &boss, Method::POST, &off_path);
    assert_eq!(off.await.body["data"]["status"], "deactivated");
    assert_eq!(get(&ben, "/api/v1/auth/me").await.status, 401);
    let on_path = format!("/api/v1/users/{}/reactivate", id(&ben));
    let on = as_user(&door, &boss, Method::POST, &on_path);
    assert_eq!(on.await.body["data"]["status"], "active");
    let new = json!({ "password": "another horse battery" });
    let path = format!("/api/v1/users/{}/password", id(&ben));
    assert_eq!(send(&door, &boss, Method::POST, &path, new).await.status, 200);
    assert_eq!(log_in(&door, "ben@acme.example", PASSWORD).await.status, 401);
    let ben = log_in(&door, "ben@acme.example", "another horse battery").await;
    assert_eq!(ben.status, 200, "{}", ben.text);
    let gone = as_user(&door, &ben.body, Method::DELETE, "/api/v1/users/me").await;
    assert_eq!((gone.status, &gone.body["data"]["deleted"]), (200, &json!(true)), "{}", gone.text);
    assert_eq!(total(&get(&boss, "/api/v1/users").await), 2);
    same_when_built_anew(&door).await;
}

fn id(tokens: &Value) -> UserId {
    tokens["user"]["id"].as_str().unwrap().parse().unwrap()
}

/// How many members an organization says it has.
async fn count(door: &Door, organization: &str) -> u64 {
    let shown = door.get(&format!("/api/v1/organizations/{organization}")).await;
    shown.body["data"]["members"].as_u64().expect(&shown.text)
}

/// The views, built anew from the log, hold the same.
async fn same_when_built_anew(door: &Door) {
    let begun = door.post("/api/v1/replays", json!({ "check": true })).await;
    let replay = begun.body["data"]["replay_id"].as_str().expect(&begun.text).to_owned();
    loop {
        let progress = door.get(&format!("/api/v1/replays/{replay}")).await;
        match progress.body["data"]["status"].as_str() {
            Some("completed") => {
                return assert_eq!(progress.body["data"]["differences"], json!([]));
            }
            Some("running") => tokio::task::yield_now().await,
            _ => panic!("{}", progress.text),
        }
    }
}
