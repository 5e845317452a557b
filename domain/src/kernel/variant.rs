//! An enum's variant, kept as a name and a payload instead of `{"name": payload}`.
//!
//! The log stores the name as the event's type and the payload as its data, so both can be read
//! without the other, and the payload goes straight into its type without a tree in between.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::event::Payload;

/// The payload of a value; `null` for a variant that has none.
pub(super) fn payload(value: &impl Payload) -> serde_json::Result<Box<RawValue>> {
    let text = serde_json::to_string(value)?;
    // `{"name":payload}`, or `"name"` for a variant without a payload.
    let inner = text
        .strip_prefix("{\"")
        .and_then(|rest| rest.strip_prefix(value.as_ref())?.strip_prefix("\":")?.strip_suffix('}'));
    RawValue::from_string(inner.unwrap_or("null").to_owned())
}

/// The value with this name and payload.
pub(super) fn read<T: Payload>(name: &str, data: &RawValue) -> serde_json::Result<T> {
    T::deserialize(Named { name, data })
}

struct Named<'a> {
    name: &'a str,
    data: &'a RawValue,
}

impl<'de> Deserializer<'de> for Named<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> EnumAccess<'de> for Named<'de> {
    type Error = serde_json::Error;
    type Variant = Payloaded<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Payloaded<'de>), Self::Error> {
        let name: StrDeserializer<'de, Self::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Payloaded(self.data)))
    }
}

struct Payloaded<'a>(&'a RawValue);

impl<'de> VariantAccess<'de> for Payloaded<'de> {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Self::Error> {
        seed.deserialize(&mut serde_json::Deserializer::from_str(self.0.get()))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        serde_json::Deserializer::from_str(self.0.get()).deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        serde_json::Deserializer::from_str(self.0.get())
            .deserialize_struct("event", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
    #[serde(rename_all = "snake_case")]
    #[strum(serialize_all = "snake_case")]
    enum Sample {
        Plain,
        WithFields { text: String, more: Option<u8> },
        Wrapping(u64),
    }

    #[test]
    fn every_kind_of_variant_survives() {
        for (value, data) in [
            (Sample::Plain, "null"),
            (
                Sample::WithFields { text: "a \"b\"".into(), more: None },
                r#"{"text":"a \"b\"","more":null}"#,
            ),
            (Sample::Wrapping(7), "7"),
        ] {
            let stored = payload(&value).unwrap();
            assert_eq!(stored.get(), data);
            assert_eq!(read::<Sample>(value.as_ref(), &stored).unwrap(), value);
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let data = RawValue::from_string("{}".into()).unwrap();
        assert!(read::<Sample>("renamed", &data).unwrap_err().to_string().contains("renamed"));
    }
}
