//! Finds the operation of the document that a request means, and holds the request against it.

use std::collections::HashMap;

use domain::identity::Permission;
use poem::http::Method;
use serde_json::Value;

use super::METHODS;
use super::schema::{self, Schemas};
use crate::error::{ApiError, Fault};

/// Every operation, by path.
pub(crate) struct Operations {
    /// By the number of segments; those with fewer parameters first.
    templates: HashMap<usize, Vec<Template>>,
    schemas: Schemas,
}

/// One path of the document.
pub(crate) struct Template {
    /// As the document writes it.
    pub(crate) path: &'static str,
    segments: Vec<Segment>,
    operations: Vec<Operation>,
}

enum Segment {
    Fixed(String),
    Parameter,
}

/// One method of a path.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// What the caller needs; nothing when it is open to all.
    pub(crate) permission: Option<Permission>,
    path: Vec<Parameter>,
    query: Vec<Parameter>,
    body: Option<BodyRule>,
    streams: bool,
    writes: bool,
}

struct Parameter {
    name: String,
    required: bool,
    schema: Value,
}

struct BodyRule {
    required: bool,
    schema: Value,
}

impl Operations {
    /// Reads the finished document. It lives as long as the process.
    pub(crate) fn of(document: &Value) -> Self {
        let schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
        let mut templates: HashMap<usize, Vec<Template>> = HashMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let template = Template::of(path, item);
            templates.entry(template.segments.len()).or_default().push(template);
        }
        for list in templates.values_mut() {
            list.sort_by_key(Template::parameters);
        }
        Self { templates, schemas }
    }

    /// The path of the document that a request's path fits.
    pub(crate) fn find(&self, path: &str) -> Option<&Template> {
        let parts = || path.split('/').skip(1);
        let same_length = self.templates.get(&parts().count())?;
        same_length.iter().find(|template| {
            template.segments.iter().zip(parts()).all(|(segment, part)| match segment {
                Segment::Fixed(text) => text == part,
                Segment::Parameter => !part.is_empty(),
            })
        })
    }

    /// Refuses a path or query that the document does not allow.
    pub(crate) fn check_target(
        &self,
        template: &Template,
        operation: &Operation,
        path: &str,
        query: Option<&str>,
    ) -> Result<(), ApiError> {
        let mut faults = Vec::new();
        let parts = path.split('/').skip(1).zip(&template.segments);
        let values = parts.filter(|(_, segment)| matches!(segment, Segment::Parameter));
        for ((part, _), parameter) in values.zip(&operation.path) {
            match decoded(part) {
                Some(text) => self.check_parameter(parameter, &text, &mut faults),
                None => faults.push(fault(&parameter.name, "must be UTF-8")),
            }
        }
        let given = pairs(query.unwrap_or_default());
        for parameter in &operation.query {
            let mut values = given.iter().filter(|(name, _)| *name == parameter.name);
            match (values.next(), values.next()) {
                (Some((_, text)), None) => self.check_parameter(parameter, text, &mut faults),
                (Some(_), Some(_)) => faults.push(fault(&parameter.name, "may be given once only")),
                (None, _) if parameter.required => {
                    faults.push(fault(&parameter.name, "is required"));
                }
                (None, _) => {}
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(faults)) }
    }

    fn check_parameter(&self, parameter: &Parameter, text: &str, faults: &mut Vec<Fault>) {
        let Parameter { name, schema, .. } = parameter;
        let Some(value) = schema::parameter(schema, text) else {
            let kind = schema["type"].as_str().unwrap_or("value");
            let article = if kind == "integer" { "an" } else { "a" };
            faults.push(fault(name, &format!("must be {article} {kind}")));
            return;
        };
        faults.extend(schema::faults(&self.schemas, schema, name, &value));
    }

    /// Refuses a body that the document does not allow. An absent one stands for `{}` where
    /// nothing in it is required; then this answers what to read instead.
    pub(crate) fn check_body(
        &self,
        operation: &Operation,
        body: &[u8],
    ) -> Result<Option<&'static [u8]>, ApiError> {
        let Some(BodyRule { required, schema }) = &operation.body else { return Ok(None) };
        if body.is_empty() {
            return match required {
                true => Err(ApiError::field("body", "is required")),
                false => Ok(Some(b"{}")),
            };
        }
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::field("body", format!("is not JSON: {error}")))?;
        let faults = schema::faults(&self.schemas, schema, "", &value);
        if faults.is_empty() { Ok(None) } else { Err(ApiError::invalid(faults)) }
    }
}

impl Template {
    fn of(path: &str, item: &Value) -> Self {
        let segment = |part: &str| {
            let fixed = !part.starts_with('{');
            if fixed { Segment::Fixed(part.to_owned()) } else { Segment::Parameter }
        };
        let operations = METHODS.iter().filter_map(|method| {
            let operation = item.get(method)?;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
            Some(Operation::of(method, operation))
        });
        Self {
            // Once per route and process; metrics want names that live as long.
            path: Box::leak(path.to_owned().into_boxed_str()),
            segments: path.split('/').skip(1).map(segment).collect(),
            operations: operations.collect(),
        }
    }

    fn parameters(&self) -> usize {
        self.segments.iter().filter(|it| matches!(it, Segment::Parameter)).count()
    }

    /// The operation with this method; `HEAD` is `GET` without a body.
    pub(crate) fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().find(|it| it.method == *method)
    }

    /// The methods there are, as the `Allow` header lists them.
    pub(crate) fn allowed(&self) -> String {
        let mut names: Vec<_> = self.operations.iter().map(|it| it.method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.sort_unstable();
        names.join(", ")
    }
}

impl Operation {
    fn of(method: Method, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array();
        let within = |place: &str| -> Vec<Parameter> {
            let all = parameters.into_iter().flatten().filter(|it| it["in"] == place);
            all.map(|it| Parameter {
                name: it["name"].as_str().unwrap_or_default().to_owned(),
                required: it["required"] == true,
                schema: it["schema"].clone(),
            })
            .collect()
        };
        let body = operation.get("requestBody").and_then(|body| {
            let schema = body.pointer("/content/application~1json/schema")?.clone();
            Some(BodyRule { required: body["required"] == true, schema })
        });
        let permission = operation["x-permission"].as_str().and_then(|it| it.parse().ok());
        let streams = body.is_none() && operation.get("requestBody").is_some();
        // Some that are read by their method write all the same.
        let answers = operation["responses"].as_object().into_iter().flatten();
        let tells_position = |(status, answer): (&String, &Value)| {
            let names = answer["headers"].as_object().into_iter().flatten().map(|(name, _)| name);
            ["302", "303"].contains(&status.as_str())
                || names.into_iter().any(|it| it.eq_ignore_ascii_case("X-Event-Position"))
        };
        let writes = method != Method::GET || answers.into_iter().any(tells_position);
        let (path, query) = (within("path"), within("query"));
        Self { method, permission, path, query, body, streams, writes }
    }

    /// Whether it may change something.
    pub(crate) fn writes(&self) -> bool {
        self.writes
    }

    /// Whether it reads a file, which may be too large to be held in memory.
    pub(crate) fn streams(&self) -> bool {
        self.streams
    }
}

fn fault(field: &str, reason: &str) -> Fault {
    Fault { field: field.to_owned(), reason: reason.to_owned() }
}

/// A query's names and values, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| decoded(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    });
    pairs.collect()
}

/// `%41` is A.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let escaped = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        let byte = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn operations() -> Operations {
        let get = |permission: &str| json!({ "get": { "x-permission": permission } });
        let limit = json!({
            "name": "limit",
            "in": "query",
            "schema": { "type": "integer", "minimum": 1, "maximum": 100 },
        });
        Operations::of(&json!({ "paths": {
            "/a/{id}": get("read:audit"),
            "/a/start": get("read:log"),
            "/list": { "get": { "parameters": [limit] } },
        }}))
    }

    #[test]
    fn fixed_paths_win_over_parameters() {
        let all = operations();
        let permission = |path| all.find(path)?.operation(&Method::HEAD)?.permission;
        assert_eq!(permission("/a/start"), Some(Permission::ReadLog));
        assert_eq!(permission("/a/7"), Some(Permission::ReadAudit));
        assert_eq!(permission("/a/"), None);
    }

    #[test]
    fn queries_are_held_against_the_document() {
        let all = operations();
        let template = all.find("/list").unwrap();
        let operation = template.operation(&Method::GET).unwrap();
        let check = |query| all.check_target(template, operation, "/list", Some(query)).is_ok();
        assert!(check("limit=100") && check("") && check("other=1"));
        assert!(!check("limit=101") && !check("limit=") && !check("limit=1&limit=2"));
    }
}
