//! The OpenAPI document: what the framework writes, and what it leaves out.

pub(crate) mod operations;
pub(crate) mod schema;

use serde_json::{Map, Value, json};

use crate::auth::SCHEME;

/// The methods that a path of the document may have.
const METHODS: [&str; 5] = ["delete", "get", "patch", "post", "put"];

/// What the largest integer is that every client can hold.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

const ABOUT: &str = "Palimpsest runs a Discord bot that can edit its own behavior, and keeps \
every fact, command, self-edit and rollback as an event.\n\nEvery answer under `/api/v1` is \
`{success, data, message?, timestamp}`, or `{success: false, error: {code, message, details, \
request_id}, timestamp}`. Every answer carries `X-Request-Id`; every write carries \
`X-Event-Position`, and answers once the read models show its effect.\n\nEvery read takes \
`X-Min-Position` and waits until the read models show that commit; where an answer has an `ETag`, \
`If-None-Match` is answered with 304.";

/// Finishes the framework's document.
pub(crate) fn finished(raw: &str) -> Value {
    let mut document: Value = serde_json::from_str(raw).unwrap_or_default();
    document["openapi"] = json!("3.0.3");
    document["info"]["description"] = json!(ABOUT);
    document["info"]["license"] = json!({
        "name": "Apache-2.0",
        "url": "https://www.apache.org/licenses/LICENSE-2.0.html",
    });
    document["servers"] = json!([{ "url": "/" }]);

    let sent = sent_schemas(&document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, schema) in schemas.iter_mut() {
            let open = schema.get("additionalProperties").is_some();
            if sent.contains(name) && schema["type"] == "object" && !open {
                schema["additionalProperties"] = json!(false);
            }
            if !sent.contains(name) {
                name_times(schema);
            }
            bound_integers(schema);
            admit_null(schema);
        }
        schemas.insert("Failure".to_owned(), failure());
    }
    let optional = bodies_that_may_be_missing(&document);
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                finish_operation(path, method, operation, &optional);
            }
        }
    }
    document["components"]["responses"] = refusals();
    // In one order, however the maps of the JSON library keep theirs.
    document.sort_all_objects();
    document
}

/// Security, parameters and answers that every operation of its kind has.
fn finish_operation(
    path: &str,
    method: &str,
    operation: &mut Map<String, Value>,
    optional: &[String],
) {
    let permission = operation
        .get("security")
        .and_then(|list| list[0].as_object()?.keys().next().cloned())
        .filter(|name| name != SCHEME);
    let secured = permission.is_some();
    match permission {
        Some(permission) => {
            let about = operation.get("description").and_then(Value::as_str).unwrap_or_default();
            let about = format!("{about}\n\nNeeds the permission `{permission}`.");
            operation.insert("description".into(), json!(about.trim()));
            operation.insert("x-permission".into(), json!(permission));
            operation.insert("security".into(), json!([{ SCHEME: [] }]));
        }
        None => {
            operation.insert("security".into(), json!([]));
        }
    }

    let has_body = operation.contains_key("requestBody");
    if let Some(body) = operation.get_mut("requestBody") {
        rename_media_type(body);
        let schema = body.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
        if schema.is_some_and(|it| optional.iter().any(|name| it.ends_with(&format!("/{name}")))) {
            body["required"] = json!(false);
        }
    }
    if path.starts_with("/api/") {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            for parameter in parameters.iter_mut() {
                bound_integers(&mut parameter["schema"]);
            }
            parameters.extend(shared_parameters(method, secured));
        }
        let answers = operation.entry("responses").or_insert_with(|| json!({}));
        for (status, name) in statuses(path, method, secured, has_body) {
            if answers.get(status).is_none() {
                answers[status] = json!({ "$ref": format!("#/components/responses/{name}") });
            }
        }
    }
    for answer in
        operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten()
    {
        rename_media_type(answer.1);
        bound_integers(answer.1);
    }
}

/// Headers that work the same everywhere.
fn shared_parameters(method: &str, secured: bool) -> Vec<Value> {
    let header = |name: &str, about: &str, schema: Value| {
        json!({
            "name": name,
            "in": "header",
            "required": false,
            "description": about,
            "schema": schema,
        })
    };
    match method {
        "post" if secured => vec![header(
            "Idempotency-Key",
            "The same key with the same request is done once and answered the same.",
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" }),
        )],
        "delete" | "patch" | "put" => {
            let one = r#""[0-9]+(-[0-9a-f]+)?""#;
            let pattern = format!("^(\\*|{one}(, *{one})*)$");
            let tags = json!({ "type": "string", "maxLength": 255, "pattern": pattern });
            vec![header("If-Match", "Do it only when the resource still has one of these.", tags)]
        }
        "get" if secured => {
            let position = json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": SAFE_INTEGER });
            let tags = json!({ "type": "string", "maxLength": 1024 });
            vec![
                header("If-None-Match", "304 when the resource still has one of these.", tags),
                header("X-Min-Position", "Answer when the read models show this commit.", position),
            ]
        }
        _ => Vec::new(),
    }
}

/// The refusals that an operation of this kind may be answered with.
fn statuses(
    path: &str,
    method: &str,
    secured: bool,
    has_body: bool,
) -> Vec<(&'static str, &'static str)> {
    let writes = method != "get";
    // Whoever comes in shows who he is by something else than a token.
    let known = secured || path.starts_with("/api/v1/auth/");
    // What a path names, a body speaks of, or sends people back may not be there.
    let names = path.contains('{') || writes || path.ends_with("/auth/discord/callback");
    let all = [
        ("304", "NotModified", !writes && secured),
        ("400", "InvalidRequest", true),
        ("401", "Unauthorized", known),
        ("403", "Forbidden", known),
        ("404", "NotFound", names),
        ("409", "Conflict", writes || known),
        ("412", "PreconditionFailed", writes && method != "post"),
        ("413", "PayloadTooLarge", writes),
        ("415", "UnsupportedMediaType", has_body),
        ("429", "RateLimitExceeded", true),
        ("500", "InternalError", true),
        ("503", "Unavailable", true),
    ];
    all.into_iter().filter(|it| it.2).map(|(status, name, _)| (status, name)).collect()
}

/// What the refusals look like.
fn refusals() -> Value {
    let json = json!({ "schema": { "$ref": "#/components/schemas/Failure" } });
    let about = [
        ("Conflict", "The present state forbids it, or somebody else changed it first."),
        ("Forbidden", "The caller lacks the permission."),
        ("InternalError", "Something went wrong on our side; the log has it by the request id."),
        ("InvalidRequest", "The request can never be right; `details.fields` says why."),
        ("NotFound", "There is no such thing."),
        ("PayloadTooLarge", "The body is too large."),
        ("PreconditionFailed", "The resource has another version by now."),
        ("RateLimitExceeded", "Too many requests; `Retry-After` says when to come back."),
        ("Unauthorized", "There is no token, or it is not valid."),
        ("Unavailable", "Something we need is down."),
        ("UnsupportedMediaType", "The body is not of a type this operation reads."),
    ];
    let mut all: Map<String, Value> = about
        .into_iter()
        .map(|(name, about)| {
            let mut headers = json!({ "X-Request-Id": {
                "description": "Names the request, here and in the log.",
                "schema": { "type": "string", "format": "uuid" },
            }});
            if ["Conflict", "RateLimitExceeded", "Unavailable"].contains(&name) {
                headers["Retry-After"] = json!({
                    "description": "Seconds to wait, where waiting helps.",
                    "schema": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 86_400 },
                });
            }
            if name == "Unauthorized" {
                headers["WWW-Authenticate"] = json!({
                    "description": "What is wanted.",
                    "schema": { "type": "string" },
                });
            }
            let content = json!({ "application/json": json });
            let answer = json!({ "description": about, "headers": headers, "content": content });
            (name.to_owned(), answer)
        })
        .collect();
    all.insert("NotModified".into(), json!({ "description": "It is as the caller knows it." }));
    Value::Object(all)
}

fn failure() -> Value {
    json!({
        "title": "Failure",
        "description": "It did not work.",
        "type": "object",
        "required": ["success", "error", "timestamp"],
        "properties": {
            "success": { "type": "boolean", "enum": [false] },
            "error": {
                "type": "object",
                "required": ["code", "message", "details", "request_id"],
                "properties": {
                    "code": { "type": "string", "example": "INVALID_REQUEST" },
                    "message": { "type": "string", "description": "In words for people." },
                    "details": {
                        "type": "object",
                        "description": "More for machines, such as `fields:[{field, reason}]`.",
                    },
                    "request_id": { "type": "string", "format": "uuid" },
                },
            },
            "timestamp": { "type": "string", "format": "date-time" },
        },
    })
}

/// The framework adds a charset that JSON does not have.
fn rename_media_type(holder: &mut Value) {
    let content = holder.get_mut("content").and_then(Value::as_object_mut);
    if let Some(content) = content
        && let Some(json) = content.remove("application/json; charset=utf-8")
    {
        content.insert("application/json".to_owned(), json);
    }
}

/// Every integer has bounds, and a format that the specification knows.
fn bound_integers(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("type").and_then(Value::as_str) == Some("integer") {
                let format = object.get("format").and_then(Value::as_str).unwrap_or("int64");
                let signed = format.starts_with("int");
                let most = if format.ends_with("32") { (1 << 31) - 1 } else { SAFE_INTEGER };
                let least = if signed { -most.cast_signed() } else { 0 };
                let format = if format.ends_with("32") { "int32" } else { "int64" };
                object.insert("format".into(), json!(format));
                for (name, bound) in [("minimum", least), ("maximum", most.cast_signed())] {
                    // The framework writes bounds as floats.
                    let given = object.get(name).and_then(Value::as_f64);
                    #[expect(clippy::cast_possible_truncation, reason = "bounds are whole")]
                    let bound = given.map_or(bound, |it| it as i64);
                    object.insert(name.into(), json!(bound));
                }
            }
            object.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        _ => {}
    }
}

/// Times are written as RFC 3339 writes them; the framework only sees texts.
fn name_times(schema: &mut Value) {
    let is_time = |name: &str| {
        ["at", "lastActive", "timestamp"].contains(&name)
            || name.ends_with("_at")
            || name.ends_with("At")
    };
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if is_time(name) && property["type"] == "string" {
            property["format"] = json!("date-time");
        }
    }
}

/// What need not be there may also be null.
fn admit_null(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let required = required.as_array().cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if required.contains(&json!(name)) {
            continue;
        }
        if let Some(reference) = property.get("$ref").cloned() {
            *property = json!({ "allOf": [{ "$ref": reference }] });
        }
        property["nullable"] = json!(true);
    }
}

/// The names of all schemas that a request body is made of.
fn sent_schemas(document: &Value) -> Vec<String> {
    let mut open = Vec::new();
    for operation in operations_of(document) {
        if let Some(body) = operation.get("requestBody") {
            references(body, &mut open);
        }
    }
    let mut found: Vec<String> = Vec::new();
    while let Some(name) = open.pop() {
        if !found.contains(&name) {
            references(&document["components"]["schemas"][&name], &mut open);
            found.push(name);
        }
    }
    found
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|it| it.rsplit('/').next()).map(ToOwned::to_owned));
            object.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

/// The schemas none of whose fields is required.
fn bodies_that_may_be_missing(document: &Value) -> Vec<String> {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let optional = schemas
        .filter(|(_, schema)| schema["type"] == "object" && schema.get("required").is_none());
    optional.map(|(name, _)| name.clone()).collect()
}

fn operations_of(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(_, item)| METHODS.iter().filter_map(move |method| item.get(method)))
}
