//! What attributes users and groups have: RFC 7643, 4 and 8.7.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::path::{Path, field};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum Kind {
    Boolean,
    Complex,
    Reference,
    String,
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "RFC 7643 has that many")]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    pub(crate) multi: bool,
    pub(crate) required: bool,
    pub(crate) read_only: bool,
    /// Taken, and never shown: a password.
    pub(crate) write_only: bool,
    pub(crate) case_exact: bool,
    pub(crate) unique: bool,
    /// What a `type` usually is.
    pub(crate) words: &'static [&'static str],
    pub(crate) parts: &'static [Attribute],
}

const fn text(name: &'static str, about: &'static str) -> Attribute {
    Attribute {
        name,
        about,
        kind: Kind::String,
        multi: false,
        required: false,
        read_only: false,
        write_only: false,
        case_exact: false,
        unique: false,
        words: &[],
        parts: &[],
    }
}

const fn complex(
    name: &'static str,
    about: &'static str,
    multi: bool,
    parts: &'static [Attribute],
) -> Attribute {
    Attribute { kind: Kind::Complex, multi, parts, ..text(name, about) }
}

const fn link(name: &'static str, about: &'static str) -> Attribute {
    Attribute { kind: Kind::Reference, case_exact: true, ..text(name, about) }
}

const fn shown(attribute: Attribute) -> Attribute {
    Attribute { read_only: true, ..attribute }
}

const PRIMARY: Attribute =
    Attribute { kind: Kind::Boolean, ..text("primary", "Whether it is the preferred one.") };
const DISPLAY: Attribute = text("display", "How it is shown.");
const PLACES: &[&str] = &["work", "home", "other"];
const TYPE: Attribute = Attribute { words: PLACES, ..text("type", "What it is for.") };

/// The attributes of a user.
pub(crate) const USER_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        required: true,
        unique: true,
        ..text("userName", "By what the user signs in to the directory; his alone.")
    },
    complex(
        "name",
        "The parts of his name.",
        false,
        &[
            text("formatted", "The whole name."),
            text("familyName", "The family name."),
            text("givenName", "The given name."),
            text("middleName", "The middle names."),
            text("honorificPrefix", "What stands before."),
            text("honorificSuffix", "What stands behind."),
        ],
    ),
    text("displayName", "How he is called."),
    text("nickName", "How friends call him."),
    link("profileUrl", "A page about him."),
    text("title", "His position."),
    text("userType", "What he is to the organization."),
    text("preferredLanguage", "As Accept-Language, RFC 9110."),
    text("locale", "For numbers and dates, RFC 5646."),
    text("timezone", "As the IANA time zone database names it."),
    // Never taken away: somebody may come in, or not. Who leaves it out wants it so.
    Attribute { kind: Kind::Boolean, required: true, ..text("active", "Whether he may come in.") },
    Attribute {
        write_only: true,
        case_exact: true,
        ..text("password", "To be set; it is never shown.")
    },
    complex(
        "emails",
        "His addresses; the primary one, or else the first, is his account's.",
        true,
        &[text("value", "The address."), DISPLAY, TYPE, PRIMARY],
    ),
    complex(
        "phoneNumbers",
        "As RFC 3966.",
        true,
        &[
            text("value", "The number."),
            DISPLAY,
            Attribute {
                words: &["work", "home", "mobile", "fax", "pager", "other"],
                ..text("type", "What it is for.")
            },
            PRIMARY,
        ],
    ),
    complex(
        "photos",
        "Pictures of him.",
        true,
        &[
            link("value", "Where it is."),
            DISPLAY,
            Attribute { words: &["photo", "thumbnail"], ..text("type", "What it is.") },
            PRIMARY,
        ],
    ),
    complex(
        "addresses",
        "Where he is.",
        true,
        &[
            text("formatted", "The whole address."),
            text("streetAddress", "Street and number."),
            text("locality", "The city."),
            text("region", "The state or region."),
            text("postalCode", "The postal code."),
            text("country", "As ISO 3166-1 alpha-2."),
            TYPE,
            PRIMARY,
        ],
    ),
    shown(complex(
        "groups",
        "The groups he is in; they are changed there.",
        true,
        &[
            shown(text("value", "The group's id.")),
            shown(link("$ref", "Where the group is.")),
            shown(DISPLAY),
            shown(text("type", "Always “direct”.")),
        ],
    )),
];

/// The attributes of the enterprise extension.
pub(crate) const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    text("employeeNumber", "His number."),
    text("costCenter", "His cost center."),
    text("organization", "His organization."),
    text("division", "His division."),
    text("department", "His department."),
    complex(
        "manager",
        "Whom he reports to.",
        false,
        &[
            text("value", "The manager's id."),
            link("$ref", "Where the manager is."),
            shown(text("displayName", "How the manager is called.")),
        ],
    ),
];

/// The attributes of a group.
pub(crate) const GROUP_ATTRIBUTES: &[Attribute] = &[
    Attribute { required: true, ..text("displayName", "How the group is called.") },
    complex(
        "members",
        "Who is in it.",
        true,
        &[
            text("value", "The user's id."),
            link("$ref", "Where the user is."),
            Attribute { words: &["User"], ..text("type", "Always “User”.") },
        ],
    ),
];

/// What every resource has.
const COMMON: &[Attribute] = &[
    shown(Attribute { case_exact: true, ..text("id", "") }),
    Attribute { case_exact: true, ..text("externalId", "") },
    shown(complex("meta", "", false, &[])),
    shown(Attribute { multi: true, ..text("schemas", "") }),
];

/// Which resource is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Group,
    User,
}

impl Resource {
    /// The attribute that a path names, and the part of it; none when there is none.
    pub(crate) fn find(
        self,
        path: &Path,
    ) -> Option<(&'static Attribute, Option<&'static Attribute>)> {
        let attributes = match (&path.extension, self) {
            (Some(extension), Self::User) if extension.eq_ignore_ascii_case(ENTERPRISE) => {
                ENTERPRISE_ATTRIBUTES
            }
            (Some(_), _) => return None,
            (None, Self::Group) => GROUP_ATTRIBUTES,
            (None, Self::User) => USER_ATTRIBUTES,
        };
        let common = if path.extension.is_none() { COMMON } else { &[] };
        let found =
            by_name(attributes, &path.attribute).or_else(|| by_name(common, &path.attribute))?;
        match &path.part {
            Some(part) => Some((found, Some(by_name(found.parts, part)?))),
            None => Some((found, None)),
        }
    }

    /// The resource as it may be kept: known attributes under their proper names and with values of their
    /// kinds. What is only shown is left out, and so is what nobody knows; `Err` names what is wrong.
    pub(crate) fn cleaned(self, given: &Value) -> Result<Value, String> {
        let (attributes, extension) = match self {
            Self::Group => (GROUP_ATTRIBUTES, None),
            Self::User => (USER_ATTRIBUTES, Some(ENTERPRISE)),
        };
        let mut kept = cleaned_fields(attributes, given)?;
        if let Some(id) = field(given, "externalId").filter(|it| !it.is_null()) {
            let id = id.as_str().ok_or("externalId is a text")?;
            kept["externalId"] = json!(id);
        }
        if let Some(more) = extension.and_then(|it| field(given, it)) {
            let more = cleaned_fields(ENTERPRISE_ATTRIBUTES, more)?;
            if more.as_object().is_some_and(|it| !it.is_empty()) {
                kept[ENTERPRISE] = more;
            }
        }
        Ok(kept)
    }
}

pub(crate) fn by_name(all: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    all.iter().find(|it| it.name.eq_ignore_ascii_case(name))
}

fn cleaned_fields(attributes: &'static [Attribute], given: &Value) -> Result<Value, String> {
    let mut kept = json!({});
    for attribute in attributes.iter().filter(|it| !it.read_only) {
        let Some(value) = field(given, attribute.name).filter(|it| !it.is_null()) else { continue };
        let value = attribute.fitted(value)?;
        let empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty);
        if !empty {
            kept[attribute.name] = value;
        }
    }
    Ok(kept)
}

impl Attribute {
    /// A value as this attribute holds it; `Err` says what is wrong.
    pub(crate) fn fitted(&'static self, value: &Value) -> Result<Value, String> {
        if !self.multi {
            return self.fitted_one(value);
        }
        // One value is a list of one: some clients leave the brackets out.
        let all = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        if all.len() > 100_000 {
            return Err(format!("{} has too many values", self.name));
        }
        all.iter().map(|it| self.fitted_one(it)).collect()
    }

    fn fitted_one(&'static self, value: &Value) -> Result<Value, String> {
        let wrong = |wanted: &str| Err(format!("{} is {wanted}", self.name));
        match (self.kind, value) {
            (Kind::Boolean, Value::Bool(_)) => Ok(value.clone()),
            // Entra writes truth values as texts.
            (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => {
                Ok(json!(true))
            }
            (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => {
                Ok(json!(false))
            }
            (Kind::Boolean, _) => wrong("true or false"),
            (Kind::Complex, Value::Object(_)) => cleaned_fields(self.parts, value),
            // A member may be named by his id or address alone, a manager by his id.
            (Kind::Complex, Value::String(text)) if by_name(self.parts, "value").is_some() => {
                Ok(json!({ "value": text }))
            }
            (Kind::Complex, _) => wrong("an object"),
            (Kind::Reference | Kind::String, Value::String(text)) if text.len() <= 4_096 => {
                Ok(value.clone())
            }
            (Kind::Reference | Kind::String, Value::String(_)) => wrong("too long"),
            (Kind::String, Value::Number(number)) => Ok(json!(number.to_string())),
            (Kind::Reference | Kind::String, _) => wrong("a text"),
        }
    }

    /// As `/Schemas` describes it.
    pub(crate) fn described(&self) -> Value {
        let mutability = match (self.read_only, self.write_only) {
            (true, _) => "readOnly",
            (false, true) => "writeOnly",
            (false, false) => "readWrite",
        };
        let mut text = json!({
            "name": self.name,
            "type": self.kind.as_ref(),
            "multiValued": self.multi,
            "description": self.about,
            "required": self.required,
            "mutability": mutability,
            "returned": if self.write_only { "never" } else { "default" },
        });
        match self.kind {
            Kind::String | Kind::Reference => {
                text["caseExact"] = json!(self.case_exact);
                text["uniqueness"] = json!(if self.unique { "server" } else { "none" });
            }
            Kind::Boolean | Kind::Complex => {}
        }
        if self.kind == Kind::Reference {
            let of =
                if self.name == "$ref" { json!(["User", "Group"]) } else { json!(["external"]) };
            text["referenceTypes"] = of;
        }
        if !self.words.is_empty() {
            text["canonicalValues"] = json!(self.words);
        }
        if self.kind == Kind::Complex {
            text["subAttributes"] = self.parts.iter().map(Self::described).collect();
        }
        text
    }
}

/// Whether texts of this attribute are compared letter by letter.
pub(crate) fn is_case_exact(path: &Path) -> bool {
    let found = Resource::User.find(path).or_else(|| Resource::Group.find(path));
    found.is_some_and(|(attribute, part)| part.unwrap_or(attribute).case_exact)
}
