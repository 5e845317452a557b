//! The OpenAPI document is what the API does, and says so of every operation.

use poem::http::Method;
use serde_json::{Value, json};
use tests::doors::{Door, answered};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    text: Value,
}

fn document() -> Value {
    serde_json::from_str(&api::openapi_json()).unwrap()
}

fn operations() -> Vec<Operation> {
    let document = document();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, text) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push(Operation { method, path: path.clone(), text: text.clone() });
        }
    }
    all
}

impl Operation {
    fn secured(&self) -> bool {
        !self.text["security"].as_array().unwrap().is_empty()
    }

    /// A path with something in every place.
    fn some_path(&self) -> String {
        let id = "01890000-0000-7000-8000-000000000000";
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// `just accept` keeps the document of this run.
#[test]
fn the_document_is_the_one_that_was_accepted() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/openapi.json");
    let mut now = serde_json::to_string_pretty(&document()).unwrap();
    now.push('\n');
    if std::env::var_os("PALIMPSEST_ACCEPT").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    let accepted = std::fs::read_to_string(file).unwrap_or_default();
    let differs = now.lines().zip(accepted.lines()).position(|(now, then)| now != then);
    assert!(
        now == accepted,
        "the API is another one than tests/golden/openapi.json says, first in line {}; if that is \
         meant, keep it with: just accept the_document",
        differs.unwrap_or_else(|| now.lines().count().min(accepted.lines().count())) + 1
    );
}

#[test]
fn every_operation_says_what_it_is_and_who_may_call_it() {
    let mut names = Vec::new();
    for operation in operations() {
        let name = operation.text["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(!name.is_empty(), "{} {} has no id", operation.method, operation.path);
        assert!(operation.text["summary"].is_string(), "{name} has no summary");
        assert_eq!(operation.text["tags"].as_array().unwrap().len(), 1, "{name}");
        if operation.secured() {
            assert!(operation.text["x-permission"].is_string(), "{name} needs no permission");
            for status in ["400", "401", "403", "429", "500", "503"] {
                assert!(operation.text["responses"][status].is_object(), "{name} lacks {status}");
            }
        }
        assert!(!names.contains(&name), "{name} is there twice");
        names.push(name);
    }
    assert!(names.len() > 40, "{}", names.len());
}

#[test]
fn schemas_are_as_exact_as_the_door() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas["NewEdit"]["additionalProperties"], false);
    assert_eq!(schemas["NewFile"]["additionalProperties"], false);
    integers(&document, "");
    let text = document.to_string();
    assert!(!text.contains("charset=utf-8") && !text.contains("xml"));
    assert_eq!(document["openapi"], "3.0.3");
}

/// Every integer has bounds.
fn integers(value: &Value, place: &str) {
    match value {
        Value::Object(object) => {
            if object.get("type") == Some(&json!("integer")) {
                for bound in ["minimum", "maximum"] {
                    assert!(object.contains_key(bound), "{place} has no {bound}");
                }
            }
            object.iter().for_each(|(name, value)| integers(value, &format!("{place}/{name}")));
        }
        Value::Array(items) => items.iter().for_each(|item| integers(item, place)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_lets_in_who_may_not_call_it() {
    let door = Door::open().await;
    let poor = door.key(&[]).await;
    let mut open = Vec::new();
    for operation in operations() {
        let path = operation.some_path();
        let request = || door.bare(operation.method.clone(), &path);
        if !operation.secured() {
            open.push(operation.path.clone());
            continue;
        }
        let nobody = answered(request()).await;
        let stranger = answered(request().bearer_auth("pal_00_00")).await;
        let visitor = answered(request().bearer_auth(&poor)).await;
        let codes = [&nobody, &stranger, &visitor].map(|it| (it.status, it.code().to_owned()));
        let expected =
            [(401, "UNAUTHORIZED"), (401, "INVALID_TOKEN"), (403, "INSUFFICIENT_PERMISSIONS")];
        let expected = expected.map(|(status, code)| (status, code.to_owned()));
        assert_eq!(codes, expected, "{} {path}", operation.method);
        let needed = &visitor.body["error"]["details"]["needed"];
        assert_eq!(*needed, operation.text["x-permission"]);
    }
    let expected = [
        "/api/public/integrations/discord/callback",
        "/api/v1/auth/discord",
        "/api/v1/auth/discord/callback",
        "/api/v1/auth/email/verify",
        "/api/v1/auth/login",
        "/api/v1/auth/logout",
        "/api/v1/auth/mfa/passkey",
        "/api/v1/auth/mfa/verify",
        "/api/v1/auth/oauth",
        "/api/v1/auth/oauth/{provider}",
        "/api/v1/auth/oauth/{provider}/callback",
        "/api/v1/auth/oauth/{provider}/callback",
        "/api/v1/auth/passkeys/authenticate/begin",
        "/api/v1/auth/passkeys/authenticate/finish",
        "/api/v1/auth/password/forgot",
        "/api/v1/auth/password/reset",
        "/api/v1/auth/refresh",
        "/api/v1/auth/register",
        "/health",
        "/health/live",
        "/health/ready",
    ];
    assert_eq!(open, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_which_there_are() {
    let door = Door::open().await;
    let all = operations();
    for operation in &all {
        let path = operation.some_path();
        let taken = |method: &Method| {
            all.iter().any(|it| it.path == operation.path && it.method == *method)
        };
        let others = [Method::PATCH, Method::PUT, Method::DELETE, Method::POST, Method::GET];
        let other = others.into_iter().find(|method| !taken(method)).unwrap();
        let answer = answered(door.request(other, &path)).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed = answer.header("allow").split(", ").any(|it| it == operation.method.as_str());
        assert!(allowed, "{path}: {}", answer.header("allow"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_need_nothing_from_elsewhere() {
    let door = Door::open().await;
    let served = answered(door.bare(Method::GET, "/openapi.json")).await;
    assert_eq!(served.body, document());
    let page = answered(door.bare(Method::GET, "/docs")).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("startConversation"));
    assert!(!page.text.contains("<script src=") && !page.text.contains("<link "));
}
