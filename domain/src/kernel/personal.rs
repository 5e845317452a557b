//! Data about people, which they can have erased.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::ParseIdError;

/// What stands where a text was that nobody can read any more.
pub const ERASED: &str = "[erased]";

/// Whose data it is, and so which key seals it: `discord:<id>` or `user:<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Person(String);

impl Person {
    /// The holder of a Discord account.
    pub fn discord(id: impl fmt::Display) -> Self {
        Self(format!("discord:{id}"))
    }

    /// Who runs this installation: texts of machines and of the platform itself.
    pub fn operator() -> Self {
        Self("user:operator".to_owned())
    }

    /// A user of the platform, or somebody a client of the API names by an id of its own.
    pub fn user(id: impl fmt::Display) -> Self {
        Self(format!("user:{id}"))
    }

    /// The person a client of the API means: a snowflake is a Discord account.
    pub fn named(id: &str) -> Self {
        let snowflake = (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        if snowflake { Self::discord(id) } else { Self::user(id) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Person {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let kind = text.split_once(':').filter(|(_, id)| !id.is_empty()).map(|(kind, _)| kind);
        let known = matches!(kind, Some("discord" | "user")) && text.len() <= 128;
        let expected = "a person: discord:<id> or user:<id>";
        known.then(|| Self(text.to_owned())).ok_or(ParseIdError { text: text.into(), expected })
    }
}

/// A value that belongs to a person. Rules and folds may copy it, never compute from it.
///
/// In memory it is clear. On its way into the log the [`Codec`](super::Codec) takes the values
/// out and seals them, one box per event and person; on the way out it puts them back, or
/// `Erased` where the person's key was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Personal<T> {
    /// It can be read.
    Clear {
        /// Whose it is.
        of: Person,
        /// What it says.
        value: T,
    },
    /// Its key was destroyed; nobody can read it any more.
    Erased {
        /// Whose it was.
        of: Person,
    },
}

impl<T> Personal<T> {
    /// A value of this person.
    pub fn of(of: Person, value: T) -> Self {
        Self::Clear { of, value }
    }

    /// The value, unless it was erased.
    pub fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Erased { .. } => None,
        }
    }

    /// Whose it is.
    pub fn person(&self) -> &Person {
        match self {
            Self::Clear { of, .. } | Self::Erased { of } => of,
        }
    }
}

impl Personal<String> {
    /// As people see it.
    pub fn shown(&self) -> &str {
        self.clear().map_or(ERASED, String::as_str)
    }
}

/// The values of one person in one event.
pub(super) struct Boxed {
    pub(super) of: Person,
    /// None when the key is gone.
    pub(super) values: Option<Vec<Box<RawValue>>>,
}

thread_local! {
    /// While an event is encoded: the values taken out so far.
    static SEALING: RefCell<Option<Vec<Boxed>>> = const { RefCell::new(None) };
    /// While an event is decoded: the values to put back.
    static OPENING: RefCell<Option<Vec<Boxed>>> = const { RefCell::new(None) };
}

/// Runs an encoder; every personal value in what it writes comes out beside the result.
pub(super) fn take_out<R>(encode: impl FnOnce() -> R) -> (R, Vec<Boxed>) {
    SEALING.set(Some(Vec::new()));
    let result = encode();
    (result, SEALING.take().unwrap_or_default())
}

/// Runs a decoder; the places that [`take_out`] left are filled from the boxes.
pub(super) fn put_back<R>(boxes: Vec<Boxed>, decode: impl FnOnce() -> R) -> R {
    OPENING.set(Some(boxes));
    let result = decode();
    OPENING.take();
    result
}

/// How a personal value looks in JSON: the place of a sealed one, or the value itself.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<T> {
    /// The n-th value in the p-th box.
    Sealed {
        sealed: (usize, usize),
    },
    Clear {
        of: Person,
        value: T,
    },
    Erased {
        of: Person,
    },
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let place = SEALING.with_borrow_mut(|boxes| {
            let boxes = boxes.as_mut()?;
            Some(place_in(boxes, self))
        });
        match place {
            Some(sealed) => {
                Form::<()>::Sealed { sealed: sealed.map_err(S::Error::custom)? }.serialize(to)
            }
            None => match self {
                Self::Clear { of, value } => Form::Clear { of: of.clone(), value }.serialize(to),
                Self::Erased { of } => Form::<()>::Erased { of: of.clone() }.serialize(to),
            },
        }
    }
}

fn place_in<T: Serialize>(
    boxes: &mut Vec<Boxed>,
    personal: &Personal<T>,
) -> Result<(usize, usize), String> {
    let Personal::Clear { of, value } = personal else {
        return Err("an erased value cannot be stored again".to_owned());
    };
    let value = serde_json::value::to_raw_value(value).map_err(|error| error.to_string())?;
    let place = boxes.iter().position(|it| it.of == *of).unwrap_or_else(|| {
        boxes.push(Boxed { of: of.clone(), values: Some(Vec::new()) });
        boxes.len() - 1
    });
    let values = boxes[place].values.get_or_insert_default();
    values.push(value);
    Ok((place, values.len() - 1))
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let fields = Fields::<T>::deserialize(from)?;
        match fields {
            Fields { sealed: Some((place, nth)), .. } => OPENING.with_borrow(|boxes| {
                let held = boxes.as_ref().and_then(|boxes| boxes.get(place));
                let held =
                    held.ok_or_else(|| D::Error::custom("a sealed value without its box"))?;
                let Some(values) = &held.values else {
                    return Ok(Self::Erased { of: held.of.clone() });
                };
                let value = values.get(nth);
                let value = value.ok_or_else(|| D::Error::custom("a box lacks a value"))?;
                let value = serde_json::from_str(value.get()).map_err(D::Error::custom)?;
                Ok(Self::Clear { of: held.of.clone(), value })
            }),
            Fields { of: Some(of), value: Some(value), .. } => Ok(Self::Clear { of, value }),
            Fields { of: Some(of), value: None, .. } => Ok(Self::Erased { of }),
            Fields { .. } => Err(D::Error::custom("a personal value names no person")),
        }
    }
}

/// [`Form`], read without trying one shape after the other.
#[derive(Deserialize)]
struct Fields<T> {
    #[serde(default = "Option::default")]
    sealed: Option<(usize, usize)>,
    #[serde(default = "Option::default")]
    of: Option<Person>,
    #[serde(default = "Option::default")]
    value: Option<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_and_erased_values_keep_their_form() {
        let ana = Person::discord(7);
        for (value, json) in [
            (Personal::of(ana.clone(), 7), r#"{"of":"discord:7","value":7}"#),
            (Personal::Erased { of: ana }, r#"{"of":"discord:7"}"#),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<Personal<u8>>(json).unwrap(), value);
        }
    }

    #[test]
    fn values_are_taken_out_by_person_and_put_back() {
        let (ana, ben) = (Person::discord(1), Person::discord(2));
        let values = vec![
            Personal::of(ana.clone(), "a".to_owned()),
            Personal::of(ben.clone(), "b".to_owned()),
            Personal::of(ana.clone(), "c".to_owned()),
        ];

        let (json, mut boxes) = take_out(|| serde_json::to_string(&values).unwrap());
        assert_eq!(json, r#"[{"sealed":[0,0]},{"sealed":[1,0]},{"sealed":[0,1]}]"#);
        boxes[1].values = None;

        let read = put_back(boxes, || serde_json::from_str::<Vec<Personal<String>>>(&json));
        let erased = Personal::Erased { of: ben };
        assert_eq!(read.unwrap(), [values[0].clone(), erased, values[2].clone()]);
    }
}
