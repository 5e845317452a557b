//! What is asked for: which resources, how many, and how much of each.

use serde_json::Value;

use super::discovery::MOST;
use super::error::{Kind, ScimError};
use super::filter::Filter;
use super::path::{Path, field};

/// See the module. RFC 7644, 3.4.2 and 3.9.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    /// Counts from 1.
    pub(super) start: usize,
    pub(super) count: usize,
    attributes: Vec<Path>,
    excluded: Vec<Path>,
}

impl Query {
    /// Reads the part behind `?`.
    pub(super) fn parse(text: &str) -> Result<Self, ScimError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|it| !it.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            let number = || {
                let reason = format!("{name} is a number");
                value.parse::<i64>().map_err(|_| ScimError::bad(Kind::InvalidValue, reason))
            };
            match name {
                "filter" => query.filter = Some(filter(&value)?),
                "startIndex" => query.start = clamped(number()?, 1),
                "count" => query.count = clamped(number()?, 0).min(MOST),
                "attributes" => query.attributes = paths(value.split(','))?,
                "excludedAttributes" => query.excluded = paths(value.split(','))?,
                // What others ask for is passed over, as sorting that is not offered.
                _ => {}
            }
        }
        Ok(query)
    }

    /// Reads a search (RFC 7644, 3.4.3).
    pub(super) fn of_search(search: &Value) -> Result<Self, ScimError> {
        let bad = |name: &str, what: &str| {
            ScimError::bad(Kind::InvalidValue, format!("{name} is {what}"))
        };
        let given = |name: &str| field(search, name).filter(|it| !it.is_null());
        let number = |name: &str| {
            given(name).map(|it| it.as_i64().ok_or_else(|| bad(name, "a number"))).transpose()
        };
        let names = |name: &str| {
            let wrong = || bad(name, "a list of names");
            let Some(all) = given(name) else { return Ok(vec![]) };
            let all = all.as_array().ok_or_else(wrong)?.iter();
            paths(all.map(|it| it.as_str().ok_or_else(wrong)).collect::<Result<Vec<_>, _>>()?)
        };
        let text = given("filter").map(|it| it.as_str().ok_or_else(|| bad("filter", "a text")));
        let default = Self::default();
        Ok(Self {
            filter: text.transpose()?.map(filter).transpose()?,
            start: number("startIndex")?.map_or(default.start, |it| clamped(it, 1)),
            count: number("count")?.map_or(default.count, |it| clamped(it, 0).min(MOST)),
            attributes: names("attributes")?,
            excluded: names("excludedAttributes")?,
        })
    }

    /// Whether an attribute is wanted at all: some cost much to look up.
    pub(super) fn wants(&self, name: &str) -> bool {
        let named =
            |paths: &[Path]| paths.iter().any(|path| path.attribute.eq_ignore_ascii_case(name));
        if self.attributes.is_empty() { !named(&self.excluded) } else { named(&self.attributes) }
    }

    /// As much of a resource as is wanted; its id, schemas and meta always.
    pub(super) fn shown(&self, mut resource: Value) -> Value {
        if let Some(fields) = resource.as_object_mut() {
            fields.retain(|name, _| {
                let always = ["id", "schemas", "meta"].contains(&name.as_str());
                let extension = name.contains(':');
                let wanted = |paths: &[Path]| {
                    paths.iter().any(|path| match &path.extension {
                        Some(schema) => schema.eq_ignore_ascii_case(name),
                        None => path.attribute.eq_ignore_ascii_case(name),
                    })
                };
                always
                    || if self.attributes.is_empty() {
                        !wanted(&self.excluded)
                    } else {
                        wanted(&self.attributes) && (!extension || wanted(&self.attributes))
                    }
            });
        }
        resource
    }
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: None, start: 1, count: 100, attributes: vec![], excluded: vec![] }
    }
}

fn filter(text: &str) -> Result<Filter, ScimError> {
    Filter::parse(text).map_err(|reason| ScimError::bad(Kind::InvalidFilter, reason))
}

fn clamped(number: i64, least: i64) -> usize {
    usize::try_from(number.max(least)).unwrap_or(usize::MAX)
}

fn paths<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Path>, ScimError> {
    let names = names.into_iter().map(str::trim).filter(|it| !it.is_empty());
    let wrong = |reason| ScimError::bad(Kind::InvalidPath, reason);
    names.map(|name| Path::parse(name).map_err(wrong)).collect()
}

/// A text as it was before it became part of an address.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).unwrap_or_default();
                u8::from_str_radix(hex, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_is_read_with_its_limits() {
        let query = Query::parse("filter=userName%20eq+%22ana%22&startIndex=0&count=5000").unwrap();
        assert_eq!(query.filter.unwrap().is_just("userName"), Some("ana"));
        assert_eq!((query.start, query.count), (1, MOST));
        assert!(Query::parse("count=many").is_err() && Query::parse("filter=x").is_err());
    }

    #[test]
    fn a_search_asks_the_same_in_its_body() {
        let text = "filter=active%20pr&startIndex=2&count=3&attributes=userName,name.givenName";
        let search = json!({
            "filter": "active pr", "startIndex": 2, "Count": 3,
            "attributes": ["userName", "name.givenName"], "sortBy": "userName",
        });
        assert_eq!(Query::of_search(&search).unwrap(), Query::parse(text).unwrap());
        assert_eq!(Query::of_search(&json!({})).unwrap(), Query::parse("").unwrap());
        for wrong in [
            json!({ "filter": 1 }),
            json!({ "count": "3" }),
            json!({ "attributes": "userName" }),
            json!({ "excludedAttributes": [1] }),
            json!({ "filter": "x" }),
        ] {
            assert!(Query::of_search(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_nobody_wants_is_left_out() {
        let resource = json!({ "id": "1", "userName": "ana", "title": "Dr", "meta": {} });
        let query = Query::parse("attributes=USERNAME").unwrap();
        let shown = query.shown(resource.clone());
        assert_eq!(shown, json!({ "id": "1", "userName": "ana", "meta": {} }));
        let query = Query::parse("excludedAttributes=title,id").unwrap();
        let shown = query.shown(resource);
        assert_eq!(shown, json!({ "id": "1", "userName": "ana", "meta": {} }));
        assert!(!query.wants("title") && query.wants("groups"));
    }
}
