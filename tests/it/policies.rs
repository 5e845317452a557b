//! The policies decide: on what somebody asks them, and on every request at the door.

use domain::identity::{Permission, Permissions};
use domain::kernel::{Actor, DiscordUserId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};

use super::accounts::{as_user, register, send};
use super::mfa::Home;

const AUTHORIZE: &str = "/v1/authorize";
const POLICIES: &str = "/api/v1/policies";

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_reads_its_documents_and_nobody_elses() {
    let door = Door::open().await;
    let boss = register(&door, "boss@acme.example").await;
    let ana = register(&door, "ana@acme.example").await;
    let eve = register(&door, "eve@globex.example").await;
    let acme = ana["user"]["organization_id"].as_str().unwrap();
    for (who, principal, action, allowed) in [
        (&ana, "ana@acme.example", "read", true),
        (&ana, ana["user"]["id"].as_str().unwrap(), "list", true),
        (&ana, "ana@acme.example", "write", false),
        (&boss, "boss@acme.example", "write", true),
        (&boss, "ana@acme.example", "read", true),
        (&eve, "eve@globex.example", "read", false),
        (&eve, "eve@globex.example", "delete", false),
    ] {
        for organization in [acme, "acme.example"] {
            let body = question(principal, action, organization);
            let answer = send(&door, who, Method::POST, AUTHORIZE, body).await;
            let word = if allowed { "Allow" } else { "Deny" };
            assert_eq!(answer.body["decision"], word, "{principal} {action}: {}", answer.text);
            assert_eq!(answer.body["errors"], json!([]), "{}", answer.text);
            assert!(answer.body.get("success").is_none(), "it is bare");
        }
    }
    let denied = ask(&door, &eve, question("eve@globex.example", "read", acme)).await;
    assert_eq!(denied.body["reasons"], json!(["other-organizations"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_knows_wins_over_what_is_claimed() {
    let door = Door::open().await;
    let (ana, eve) =
        (register(&door, "ana@acme.example").await, register(&door, "eve@globex.example").await);
    let acme = ana["user"]["organization_id"].as_str().unwrap();
    let mut claims = question("eve@globex.example", "read", acme);
    claims["context"] = json!({
        "authenticated": true, "jwt_valid": true, "user_roles": ["owner"], "organization_id": acme,
        "organization_domain": "acme.example", "group_memberships": ["engineering-team"],
    });
    assert_eq!(ask(&door, &eve, claims.clone()).await.body["decision"], "Deny");
    // The seed's sample of memberships names nobody.
    let only = json!({ "context": { "group_memberships": ["engineering-team"] } });
    let half = ask(&door, &eve, only).await;
    assert_eq!(half.status, 400, "{}", half.text);
    assert_eq!(half.fields(), ["principal", "action", "resource"]);

    // What the schema has no word for is an error, and an error is a denial.
    let mut strange = question("ana@acme.example", "read", acme);
    assert_eq!(ask(&door, &ana, strange.clone()).await.body["decision"], "Allow");
    strange["context"] = json!({ "moon": "full" });
    let strange = ask(&door, &ana, strange).await;
    assert_eq!(strange.body["decision"], "Deny");
    assert_eq!(strange.body["errors"].as_array().unwrap().len(), 1, "{}", strange.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_count_by_what_the_server_knows() {
    let door = Door::open().await;
    go_live(&door, &shipped()).await;
    let boss = register(&door, "boss@acme.example").await;
    let ana = register(&door, "ana@acme.example").await;
    let acme = ana["user"]["organization_id"].as_str().unwrap();
    let editors = "permit(principal is User, action in Action::\"change\", resource is Document)\n\
        when { context.group_memberships.contains(\"editors\") };\n";
    put_live(&door, "editors", editors).await;
    let mut claims = question("ana@acme.example", "write", acme);
    claims["context"] = json!({ "group_memberships": ["editors"] });
    assert_eq!(ask(&door, &ana, claims.clone()).await.body["decision"], "Deny");

    let group = json!({ "display_name": "editors", "organization_id": acme });
    let group = door.post("/api/v1/groups", group).await;
    assert_eq!(group.status, 201, "{}", group.text);
    let path = format!("/api/v1/groups/{}/members", group.body["data"]["id"].as_str().unwrap());
    let added = json!({ "user_ids": [ana["user"]["id"]] });
    let added = send(&door, &boss, Method::POST, &path, added).await;
    assert_eq!(added.status, 200, "{}", added.text);
    claims["context"] = json!({ "group_memberships": [] });
    let allowed = ask(&door, &ana, claims).await;
    assert_eq!(allowed.body["reasons"], json!(["editors"]), "{}", allowed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_learn_nothing_of_others() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await;
    let eve = register(&door, "eve@globex.example").await;
    let acme = ana["user"]["organization_id"].as_str().unwrap();
    let asked = async |who: &Value, about: &str| {
        let answer = ask(&door, who, question(about, "read", acme)).await;
        (answer.status, answer.body["decision"].clone(), answer.body["reasons"].clone())
    };
    let there = asked(&eve, "ana@acme.example").await;
    assert_eq!(there, asked(&eve, "nobody@acme.example").await, "she is as if she were not");
    assert_eq!(asked(&ana, "ana@acme.example").await.1, "Allow");

    // An administrator of the platform may ask about everybody; a key that may just ask, may not.
    let about_ana = || question("ana@acme.example", "read", acme);
    assert_eq!(door.post(AUTHORIZE, about_ana()).await.body["decision"], "Allow");
    let key = door.key(&[Permission::AuthorizeRequest]).await;
    let by_key = door.bare(Method::POST, AUTHORIZE).bearer_auth(key).json(&about_ana());
    assert_eq!(answered(by_key).await.body["decision"], "Deny");
    assert_eq!(answered(door.bare(Method::POST, AUTHORIZE).json(&about_ana())).await.status, 401);

    register(&door, "ben@acme.example").await;
    let about_ben = |action| question("ben@acme.example", action, acme);
    let batch = json!({ "requests": [about_ben("read"), about_ben("write")] });
    let batch = door.post("/api/v1/authorize/batch", batch).await;
    let words: Vec<_> = batch.body["decisions"].as_array().unwrap().iter().collect();
    let words: Vec<_> = words.iter().map(|it| it["decision"].as_str().unwrap()).collect();
    assert_eq!(words, ["Allow", "Deny"], "{}", batch.text);
    let many = json!({ "requests": vec![about_ana(); 101] });
    assert_eq!(door.post("/api/v1/authorize/batch", many).await.status, 400);

    let log = door.get("/api/v1/policies/decisions?decision=Deny&limit=2").await;
    let log = log.body["data"]["decisions"].as_array().unwrap().clone();
    assert_eq!(log.len(), 2);
    assert_eq!((&log[0]["action"], &log[0]["reasons"]), (&json!("write"), &json!([])));
    assert_eq!(log[1]["principal"], "User (unknown)", "who must not know, writes nothing down");
    let refused = as_user(&door, &ana, Method::GET, "/api/v1/policies/decisions").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_decides_at_once_at_every_door() {
    let door = Door::open().await;
    go_live(&door, &shipped()).await;
    let key = door.key(&[Permission::ReadConfig, Permission::ReadLog]).await;
    let logs = || answered(door.bare(Method::GET, "/api/v1/logs").bearer_auth(&key));
    let config = || answered(door.bare(Method::GET, "/api/v1/config").bearer_auth(&key));
    assert_ne!(logs().await.status, 403);

    let listed = door.get(POLICIES).await;
    let list = listed.body["data"]["policies"].as_array().unwrap();
    assert!(list.iter().any(|it| it["id"] == "other-organizations" && it["effect"] == "forbid"));
    assert_eq!(listed.body["data"]["decided_by_shipped"], json!([]));

    let no_logs = "// Nobody reads the logs by a key.\n\
        forbid(principal is ApiKey, action == Action::\"read:log\", resource);\n";
    let edit = put_live(&door, "no-logs", no_logs).await;
    assert_eq!((logs().await.status, config().await.status), (403, 200));
    let policy = door.get(&format!("{POLICIES}/no-logs")).await;
    let text = policy.body["data"]["policy"].as_str().unwrap();
    assert!(text.starts_with("// Nobody") && text.contains("@id(\"no-logs\")"), "{text}");

    let gone = door.request(Method::DELETE, &format!("{POLICIES}/no-logs")).json(&json!({}));
    let gone = answered(gone).await;
    assert_eq!(gone.status, 202, "{}", gone.text);
    approve(&door, &gone.body["data"]["id"]).await;
    assert_ne!(logs().await.status, 403);
    let back = json!({ "edit_id": gone.body["data"]["id"], "reason": "after all" });
    let back = door.post("/api/v1/self-editing/rollback", back).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert_eq!(logs().await.status, 403, "a rollback counts at once, too");
    assert!(edit.is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_or_locks_out_is_refused() {
    let door = Door::open().await;
    go_live(&door, &shipped()).await;
    let path = format!("{POLICIES}/mine");
    for (policy, said) in [
        ("permit(principal, action resource);", "unexpected token"),
        ("permit(principal is User, action, resource) when { principal.height > 1 };", "height"),
        ("permit(principal, action, resource); forbid(principal, action, resource);", "one policy"),
        ("@id(\"other\") permit(principal, action, resource is Platform);", "other"),
        ("forbid(principal, action == Action::\"approve:self-edit\", resource);", "take this back"),
        ("@id(\"mine\") permit(principal is Moon, action, resource);", "Moon"),
    ] {
        let refused = door.put(&path, json!({ "policy": policy })).await;
        assert_eq!(refused.status, 400, "{policy}: {}", refused.text);
        assert_eq!(refused.fields(), ["policy"], "{}", refused.text);
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{policy}: {message}");
    }
    let upper = door.put(&format!("{POLICIES}/NoSuch"), json!({ "policy": GOOD })).await;
    assert_eq!((upper.status, upper.fields()), (400, vec!["policy_id"]), "{}", upper.text);
    let moved = door.request(Method::PUT, &path).header("if-match", "\"99\"");
    let moved = answered(moved.json(&json!({ "policy": GOOD }))).await;
    assert_eq!(moved.status, 412);
    let poor = door.key(&[Permission::ReadSelfEdit]).await;
    let poor = door.bare(Method::PUT, &path).bearer_auth(poor).json(&json!({ "policy": GOOD }));
    assert_eq!(answered(poor).await.status, 403);

    let tried = |body: Value| {
        let door = &door;
        async move { door.post(&format!("{POLICIES}/validate"), body).await.body["data"].take() }
    };
    assert_eq!(tried(json!({ "policy": GOOD })).await["valid"], true);
    let bad = tried(json!({ "policy": GOOD.replace("read:log", "read:moon") })).await;
    assert_eq!(bad["valid"], false);
    assert!(bad["findings"][0]["reason"].as_str().unwrap().contains("read:moon"), "{bad}");
    let bad = tried(json!({ "schema": "entity User;" })).await;
    assert_eq!(bad["valid"], false, "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_without_these_policies_is_decided_by_those_that_ship() {
    let door = Door::open().await;
    let listed = door.get(POLICIES).await;
    let shipped = listed.body["data"]["decided_by_shipped"].as_array().unwrap();
    assert_eq!(shipped.len(), Permission::ALL.len(), "{}", listed.text);
    let key = door.key(&[Permission::ReadConfig]).await;
    let config = answered(door.bare(Method::GET, "/api/v1/config").bearer_auth(&key));
    assert_eq!(config.await.status, 200);

    // A start proposes them, once; a person decides.
    let silent = shipped.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    let propose = || palimpsest::policies::propose_shipped(&door.self_editing, &silent);
    let edit = propose().await.unwrap().unwrap();
    assert_eq!(propose().await.unwrap(), Some(edit));
    let looked = door.get(&format!("/api/v1/self-editing/edits/{edit}")).await;
    assert_eq!(looked.body["data"]["status"], "checked", "{}", looked.text);
    approve(&door, &json!(edit.to_string())).await;
    let listed = door.get(POLICIES).await;
    assert_eq!(listed.body["data"]["decided_by_shipped"], json!([]), "{}", listed.text);
    assert_eq!(listed.body["data"]["policies"].as_array().unwrap().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_discord_account_acts_as_its_user() {
    let door = Door::open().await;
    let ana = register(&door, "ana@acme.example").await;
    let ana: UserId = ana["user"]["id"].as_str().unwrap().parse().unwrap();
    door.assign(ana, "auditor").await;
    let account = DiscordUserId(80_351_110_224_678_912);
    let holds = || Permissions::of(&[Permission::WriteConversation]);
    let alone = door.on_discord(account, holds()).await;
    assert_eq!(alone, (Actor::discord(account), holds()));

    door.link_discord(ana, account).await;
    let (actor, may) = door.on_discord(account, holds()).await;
    assert_eq!(actor, Actor::user(ana));
    assert!(may.allow(Permission::ReadAudit) && may.allow(Permission::WriteConversation));
    assert!(!may.allow(Permission::ManageUser), "{may:?}");
    let path = format!("/api/v1/users/{ana}/deactivate");
    let off = door.post(&path, json!({})).await;
    assert_eq!(off.status, 200, "{}", off.text);
    assert_eq!(door.on_discord(account, holds()).await, alone, "who is switched off, is off");
}

const GOOD: &str =
    "permit(principal in Group::\"7\", action == Action::\"read:log\", resource is Platform);";

/// May this one do this to a document of that organization?
fn question(principal: &str, action: &str, organization: &str) -> Value {
    json!({
        "principal": { "type": "User", "id": principal },
        "action": { "type": "Action", "id": action },
        "resource": {
            "type": "Document", "id": "org-acme-doc-001",
            "attributes": { "organization": organization },
        },
        "context": {},
    })
}

async fn ask(door: &Door, who: &Value, body: Value) -> Answered {
    send(door, who, Method::POST, AUTHORIZE, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_more_by_a_policy_is_not_changed_by_who_may_less() {
    let door = Door::open().await;
    go_live(&door, &shipped()).await;
    let ana = register(&door, "ana@acme.example").await;
    let id = ana["user"]["id"].as_str().unwrap();
    let key = door.key(&[
        Permission::ManageUser,
        Permission::ReadProfile,
        Permission::ReadUser,
        Permission::WriteProfile,
    ]);
    let key = key.await;
    let set = async |password: &str| {
        let request = door.bare(Method::POST, &format!("/api/v1/users/{id}/password"));
        answered(request.bearer_auth(&key).json(&json!({ "password": password }))).await
    };
    let ordinary = set("another horse battery").await;
    assert_eq!(ordinary.status, 200, "{}", ordinary.text);
    let keeper = format!(
        "permit(principal == User::\"{id}\", action == Action::\"manage:config\", resource);\n"
    );
    put_live(&door, "keeper", &keeper).await;
    let refused = set("a third horse battery").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_wants_a_second_factor() {
    let mut home = Home::open().await;
    go_live(&home.door, &shipped()).await;
    let body = question(&home.user.to_string(), "read", "acme.com");
    assert_eq!(home.post("/authorize", body.clone()).await.status, 200);
    let policy = "forbid(principal is User, action, resource is Platform)\n\
        when { !principal.second_factor }\n\
        unless { action in [Action::\"read:profile\", Action::\"write:profile\"] };\n";
    put_live(&home.door, "second-factors", policy).await;
    assert_eq!(home.post("/authorize", body.clone()).await.status, 403);
    assert_eq!(home.get("/auth/me").await.status, 200);
    home.protect().await;
    assert_eq!(home.post("/authorize", body).await.status, 200, "it counts at once");
}

/// The policies that ship.
fn shipped() -> Vec<(String, String)> {
    palimpsest::policies::shipped_policies().into_iter().collect()
}

async fn go_live(door: &Door, files: &[(String, String)]) {
    let files: Vec<_> =
        files.iter().map(|(path, text)| json!({ "path": path, "content": text })).collect();
    let edit = json!({ "scope": "security", "description": "Policies", "files": files });
    let edit = door.post("/api/v1/self-editing/edits", edit).await;
    assert_eq!(edit.body["data"]["status"], "checked", "{}", edit.text);
    approve(door, &edit.body["data"]["id"]).await;
}

/// Proposes a policy, and has somebody else approve it.
async fn put_live(door: &Door, id: &str, policy: &str) -> Value {
    let put = door.put(&format!("{POLICIES}/{id}"), json!({ "policy": policy })).await;
    assert_eq!(put.status, 202, "{}", put.text);
    assert_eq!(put.body["data"]["scope"], "security");
    assert_eq!(put.body["data"]["status"], "checked", "{}", put.text);
    approve(door, &put.body["data"]["id"]).await;
    put.body["data"]["id"].clone()
}

async fn approve(door: &Door, edit: &Value) {
    let other = door.key(&[Permission::ApproveSelfEdit]).await;
    for step in ["approve", "apply"] {
        let path = format!("/api/v1/self-editing/edits/{}/{step}", edit.as_str().unwrap());
        let request = door.bare(Method::POST, &path).bearer_auth(&other).json(&json!({}));
        let done = answered(request).await;
        assert_eq!(done.status, 200, "{step}: {}", done.text);
    }
}
