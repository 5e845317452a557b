//! Every operation of the document the server answers, tried by people whom it does not concern.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::doors::{Answered, Door, answered};
use uuid::Uuid;

use super::accounts::{register, send};

/// What everybody who signed in may ask, about himself.
const ONES_OWN: [&str; 27] = [
    "authorize",
    "authorizeBatch",
    "beginPasskeyRegistration",
    "changeEmail",
    "changePassword",
    "createGroup",
    "createUser",
    "deleteOwnUser",
    "disableMfa",
    "endOtherSessions",
    "finishLink",
    "finishPasskeyRegistration",
    "getMfa",
    "getOwnUser",
    "listLinks",
    "listPasskeys",
    "listPermissions",
    "listSessions",
    "makeBackupCodes",
    "me",
    "removeFactor",
    "removePasskey",
    "sendVerification",
    "setUpMfa",
    "startLink",
    "stepUp",
    "unlink",
];

/// The same, and changes something of his.
const OWN_CHANGES: [&str; 1] = ["updateOwnUser"];

/// What shows everybody what he may see of it, and no more.
const LISTS: [&str; 3] = ["listGroups", "listOrganizations", "listUsers"];

/// What changes an object whose owner is asked for, and how.
const CHANGES: [(&str, &str); 5] = [
    ("addGroupMembers", r#"{"user_ids":["USER"]}"#),
    ("setUserPassword", r#"{"password":"correct horse battery 2"}"#),
    ("updateGroup", r#"{"display_name":"taken over"}"#),
    ("updateOrganization", r#"{"name":"taken over"}"#),
    ("updateUser", r#"{"name":"taken over"}"#),
];

struct Operation {
    id: String,
    method: Method,
    path: String,
    /// None when nobody has to show who he is.
    permission: Option<String>,
}

/// What belongs to the organization acme, as paths name it.
struct Acme {
    boss: Value,
    member: Value,
    group: String,
    session: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_what_is_not_his() {
    let door = Door::open().await;
    let acme = Acme::settled(&door).await;
    let boss = register(&door, "bob@globex.example").await;
    let member = register(&door, "ben@globex.example").await;
    let stranger = register(&door, "eve@gmail.com").await;
    let powerless = json!({ "access_token": door.key(&[]).await });
    let operations = operations(&door).await;
    assert!(operations.len() > 140, "{}", operations.len());

    for operation in operations.iter().filter(|it| it.permission.is_some()) {
        let head = door.journal.log().head().await.unwrap();
        let path = acme.named(operation);
        let nobody =
            answered(body_of(operation, &acme, door.bare(operation.method.clone(), &path)));
        let nobody = nobody.await;
        assert_eq!(nobody.status, 401, "{}: {}", operation.id, nobody.text);
        let refused = acme.asked(&door, operation, &powerless).await;
        assert_eq!(refused.status, 403, "{}: {}", operation.id, refused.text);
        for (who, caller) in [
            ("admin", &boss),
            ("member", &member),
            ("stranger", &stranger),
            ("colleague", &acme.member),
        ] {
            let colleague = who == "colleague";
            let Some(allowed) = operation.concerns(colleague) else { continue };
            let told = acme.asked(&door, operation, caller).await;
            let name = format!("{} by {who}: {} {}", operation.id, told.status, told.text);
            assert!(allowed.contains(&told.status), "{name}");
            if !colleague {
                acme.is_not_in(&told, &name);
            }
        }
        assert_eq!(door.journal.log().head().await.unwrap(), head, "{}", operation.id);
    }
    for path in ["Users", "Groups"] {
        for caller in [&boss, &member, &stranger, &acme.member, &powerless] {
            let path = format!("/scim/v2/{path}");
            let told = send(&door, caller, Method::POST, &path, json!({})).await;
            assert_eq!(told.status, 403, "{path}: {}", told.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_reads_everything() {
    let door = Door::open().await;
    let acme = Acme::settled(&door).await;
    for operation in operations(&door).await {
        if operation.method == Method::GET && operation.permission.is_some() {
            let told = answered(door.request(Method::GET, &acme.named(&operation))).await;
            // Some are about whoever signed in, which a key did not.
            let own = ONES_OWN.contains(&operation.id.as_str());
            let refused = [401, 403].contains(&told.status);
            assert!(told.status < 500 && (own || !refused), "{}: {}", operation.id, told.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_changes_by_cookies_it_asks_with_a_token_of_its_own() {
    let door = Door::open().await;
    let acme = Acme::settled(&door).await;
    let cookie = format!("palimpsest_access={}", acme.boss["access_token"].as_str().unwrap());
    for operation in operations(&door).await {
        if operation.permission.is_none() || operation.method == Method::GET {
            continue;
        }
        let request = door.bare(operation.method.clone(), &acme.named(&operation));
        let told = answered(request.header("cookie", &cookie)).await;
        assert_eq!((told.status, told.code()), (403, "CSRF_FAILED"), "{}", operation.id);
    }
}

impl Acme {
    async fn settled(door: &Door) -> Self {
        let boss = register(door, "ana@acme.example").await;
        let member = register(door, "ann@acme.example").await;
        let organization = &boss["user"]["organization_id"];
        let new = json!({ "display_name": "acme-readers", "organization_id": organization });
        let group = send(door, &boss, Method::POST, "/api/v1/groups", new).await;
        let group = group.body["data"]["id"].as_str().expect(&group.text).to_owned();
        let path = format!("/api/v1/groups/{group}/members");
        let both = json!({ "user_ids": [boss["user"]["id"], member["user"]["id"]] });
        let added = send(door, &boss, Method::POST, &path, both).await;
        assert_eq!(added.status, 200, "{}", added.text);
        let sessions = send(door, &boss, Method::GET, "/api/v1/sessions", json!({})).await;
        let session = sessions.body["data"]["sessions"][0]["id"].as_str().expect(&sessions.text);
        let session = session.to_owned();
        Self { boss, member, group, session }
    }

    fn user(&self) -> &str {
        self.boss["user"]["id"].as_str().unwrap()
    }

    fn organization(&self) -> &str {
        self.boss["user"]["organization_id"].as_str().unwrap()
    }

    /// The path, about what is acme's.
    fn named(&self, operation: &Operation) -> String {
        let some = Uuid::now_v7().to_string();
        let parts = operation.path.split('/').map(|part| match part {
            "{user_id}" => self.user(),
            "{organization_id}" => self.organization(),
            "{group_id}" => &self.group,
            "{session_id}" => &self.session,
            "{role_id}" => "auditor",
            "{provider}" => "github",
            "{person}" => "user:1",
            "{path}" => "greeting.md",
            "{name}" | "{policy_id}" => "some",
            "{conversationId}" => "ana:desk",
            part if part.starts_with('{') => &some,
            part => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    async fn asked(&self, door: &Door, operation: &Operation, caller: &Value) -> Answered {
        let token = caller["access_token"].as_str().unwrap();
        let request = door.bare(operation.method.clone(), &self.named(operation));
        answered(body_of(operation, self, request.bearer_auth(token))).await
    }

    /// Nothing that tells of it.
    fn is_not_in(&self, told: &Answered, name: &str) {
        let secrets = [self.organization(), &self.session, "acme", "ana@", "ann@"];
        for secret in secrets {
            // Who asks names what he asks for.
            assert!(!told.text.contains(secret), "{name} tells {secret}");
        }
    }
}

impl Operation {
    /// What people may be answered whom it does not concern; none when everybody does this for himself.
    fn concerns(&self, colleague: bool) -> Option<BTreeSet<u16>> {
        let permission = self.permission.as_deref()?;
        if !["authorize:request", "read:profile", "write:profile"].contains(&permission) {
            return Some([403].into());
        }
        let id = self.id.as_str();
        if ONES_OWN.contains(&id) || OWN_CHANGES.contains(&id) {
            return None;
        }
        if LISTS.contains(&id) {
            return Some([200].into());
        }
        // People of one organization see some of each other.
        let seen = colleague && self.method == Method::GET;
        Some(if seen { [200, 403, 404].into() } else { [403, 404].into() })
    }
}

fn body_of(
    operation: &Operation,
    acme: &Acme,
    request: reqwest::RequestBuilder,
) -> reqwest::RequestBuilder {
    match CHANGES.iter().find(|(id, _)| *id == operation.id) {
        Some((_, body)) => {
            let body = body.replace("USER", acme.user());
            request.header("content-type", "application/json").body(body)
        }
        None => request,
    }
}

async fn operations(door: &Door) -> Vec<Operation> {
    let document = answered(door.bare(Method::GET, "/openapi.json")).await.body;
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let Some(id) = operation["operationId"].as_str() else { continue };
            let open = operation["security"].as_array().is_some_and(Vec::is_empty);
            let permission = operation["x-permission"].as_str().map(ToOwned::to_owned);
            assert!(open != permission.is_some(), "{id} is neither open nor guarded");
            all.push(Operation { id: id.to_owned(), method, path: path.clone(), permission });
        }
    }
    all
}
