//! Discord's own `OpenAPI` document as router and judge: every request has to be in it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../fixtures/discord/openapi-v10.json");
const NAME: &str = "urn:discord";

static API: LazyLock<Api> = LazyLock::new(Api::load);

/// The document: its schemas, and its paths cut into segments.
struct Api {
    paths: Vec<Path>,
    registry: Registry<'static>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

struct Path {
    template: String,
    segments: Vec<String>,
    item: Value,
}

/// A method and path that Discord has, with what the path names.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) template: &'static str,
    pub(super) params: HashMap<String, String>,
    item: &'static Value,
    operation: &'static Value,
}

/// Why a request leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Method,
    Path,
}

/// One thing that is wrong with a request, and where in it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// Keys and indexes down to the value.
    pub(super) place: Vec<String>,
    pub(super) reason: String,
}

/// Find what a request means. A literal segment wins over a parameter: `@me` is not a user's id.
pub(super) fn route(method: &str, path: &str) -> Result<Route, Lost> {
    let given: Vec<&str> = path.trim_matches('/').split('/').collect();
    let matching = API.paths.iter().filter(|path| path.fits(&given));
    let path = matching.max_by_key(|path| path.literals()).ok_or(Lost::Path)?;
    let operation = path.item.get(method.to_lowercase()).ok_or(Lost::Method)?;
    let names = path
        .segments
        .iter()
        .zip(&given)
        .filter_map(|(segment, value)| Some((parameter(segment)?.to_owned(), decoded(value))));
    Ok(Route { template: &path.template, params: names.collect(), item: &path.item, operation })
}

impl Route {
    /// Whether one may ask without a token: the path then carries its own secret.
    pub(super) fn is_open(&self) -> bool {
        let security = self.operation["security"].as_array();
        security.is_none_or(|ways| ways.iter().any(|way| *way == json!({})))
    }

    /// Everything in the request that the document does not allow.
    pub(super) fn faults(&self, query: &[(String, String)], body: Option<&Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for parameter in self.parameters() {
            let (name, schema) = (text(&parameter["name"]), &parameter["schema"]);
            let given = match text(&parameter["in"]) {
                "path" => self.params.get(name),
                "query" => query.iter().find(|(key, _)| key == name).map(|(_, value)| value),
                _ => continue,
            };
            if let Some(given) = given {
                faults.extend(check(schema, &read_as(schema, given), &[name]));
            }
        }
        let known =
            |key: &str| self.parameters().any(|it| it["name"] == key && it["in"] == "query");
        for (key, _) in query.iter().filter(|(key, _)| !known(key)) {
            faults.push(Fault::new(&[key], "is not a parameter of this path"));
        }
        faults.extend(self.body_faults(body));
        faults
    }

    fn parameters(&self) -> impl Iterator<Item = &'static Value> {
        let both = [&self.item["parameters"], &self.operation["parameters"]];
        both.into_iter().filter_map(Value::as_array).flatten()
    }

    fn body_faults(&self, body: Option<&Value>) -> Vec<Fault> {
        let request = &self.operation["requestBody"];
        let schema = &request["content"]["application/json"]["schema"];
        match body {
            Some(body) if !schema.is_null() => check(schema, body, &[]),
            Some(_) if request.is_null() => vec![Fault::new(&[], "takes no body")],
            Some(_) => vec![Fault::new(&[], "takes no JSON body")],
            None if request["required"] == true => vec![Fault::new(&[], "needs a body")],
            None => Vec::new(),
        }
    }
}

impl Fault {
    fn new(place: &[&str], reason: &str) -> Self {
        let place = place.iter().map(|&key| key.to_owned()).collect();
        Self { place, reason: reason.to_owned() }
    }
}

impl Api {
    fn load() -> Self {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("the fixture is JSON");
        name_references(&mut document);
        accept_what_discord_accepts(&mut document);
        let paths = document["paths"].as_object().expect("the document has paths");
        let paths = paths.iter().map(|(template, item)| Path {
            template: template.clone(),
            segments: template.trim_matches('/').split('/').map(str::to_owned).collect(),
            item: item.clone(),
        });
        let paths = paths.collect();
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(NAME, document)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .expect("the document's schemas refer to each other only");
        Self { paths, registry, compiled: Mutex::default() }
    }

    /// Compiling takes longer than checking, and the document is large: each schema once, when
    /// it is first needed.
    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = compiled.entry(schema.to_string()).or_insert_with(|| {
            let options = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .with_registry(&self.registry)
                .should_validate_formats(true)
                .build(schema);
            Arc::new(options.expect("the document's schemas are schemas"))
        });
        Arc::clone(validator)
    }
}

impl Path {
    fn fits(&self, given: &[&str]) -> bool {
        let same = |(segment, given): (&String, &&str)| {
            !given.is_empty() && (parameter(segment).is_some() || segment == given)
        };
        self.segments.len() == given.len() && self.segments.iter().zip(given).all(same)
    }

    fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| parameter(segment).is_none()).count()
    }
}

fn check(schema: &Value, value: &Value, root: &[&str]) -> Vec<Fault> {
    let validator = API.validator(schema);
    let errors = validator.iter_errors(value).map(|error| {
        let path = error.instance_path().to_string();
        let below = path.split('/').skip(1).map(str::to_owned);
        let place = root.iter().map(|&key| key.to_owned()).chain(below).collect();
        Fault { place, reason: error.to_string() }
    });
    errors.collect()
}

/// What a path or query holds is text; the schema says what it stands for.
fn read_as(schema: &Value, given: &str) -> Value {
    match text(&schema["type"]) {
        "integer" => given.parse::<i64>().map_or_else(|_| json!(given), Value::from),
        "boolean" => given.parse::<bool>().map_or_else(|_| json!(given), Value::from),
        _ => json!(given),
    }
}

/// Make `#/components/…` mean this document wherever it is read from.
fn name_references(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(name_references),
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                reference.insert_str(0, NAME);
            }
            fields.values_mut().for_each(name_references);
        }
        _ => {}
    }
}

/// Where Discord is milder than its document: it takes permissions as text too, and sends them
/// only so.
fn accept_what_discord_accepts(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(accept_what_discord_accepts),
        Value::Object(fields) => {
            let permissions = fields.get_mut("default_member_permissions");
            let number = json!(["integer", "null"]);
            if let Some(schema) = permissions.filter(|schema| schema["type"] == number) {
                schema["type"] = json!(["integer", "string", "null"]);
            }
            fields.values_mut().for_each(accept_what_discord_accepts);
        }
        _ => {}
    }
}

fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A segment of a path without its percent signs.
fn decoded(segment: &str) -> String {
    let mut pieces = segment.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let hex = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, rest) = hex.map_or((b'%', piece), |byte| (byte, &piece[2..]));
        bytes.push(byte);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
