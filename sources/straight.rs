//! JSON read straight into what it is to become, field by field, by readers that know what they expect.
//!
//! They give up at the first thing they do not: a field twice, a null in a list, deep nesting. Whoever uses
//! them has another reader for that.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::raw;

/// Lists and maps in each other that are read so.
pub(crate) const MAX_DEPTH: u8 = 16;

/// What an object is read into.
pub(crate) trait Object<'de> {
    /// Its fields.
    const NAMES: &'static [&'static str];
    /// Other names of them, which the lenient reader knows.
    const OTHERS: &'static [&'static str];

    /// Reads the value of the field at that place of the names.
    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object; null is one without fields.
pub(crate) struct Fields<'o, O>(pub(crate) &'o mut O);

impl<'de, O: Object<'de>> DeserializeSeed<'de> for Fields<'_, O> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, O: Object<'de>> Visitor<'de> for Fields<'_, O> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u32;
        while let Some(place) = map.next_key_seed(Name(O::NAMES, O::OTHERS))? {
            let Some(place) = place else {
                // What nobody looks at may still be what makes the lenient reader reject a span.
                map.next_value_seed(Flat)?;
                continue;
            };
            if seen & 1 << place != 0 {
                return Err(A::Error::custom("a field twice"));
            }
            seen |= 1 << place;
            self.0.field(place, &mut map)?;
        }
        Ok(())
    }
}

/// [`Fields`] that null is not.
pub(crate) struct Whole<'o, O>(pub(crate) &'o mut O);

impl<'de, O: Object<'de>> DeserializeSeed<'de> for Whole<'_, O> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Fields(self.0))
    }
}

/// A value of any kind that does not nest deeply.
pub(crate) struct Flat;

impl<'de> DeserializeSeed<'de> for Flat {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let value = Some(value).filter(|value| raw::fits(value, MAX_DEPTH.into()));
        value.ok_or_else(|| D::Error::custom("nested too deeply"))
    }
}

/// The place of a name in a list, none where it is in neither.
pub(crate) struct Name(
    pub(crate) &'static [&'static str],
    pub(crate) &'static [&'static str],
);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        let place = self.0.iter().position(|one| *one == name);
        if place.is_none() && self.1.contains(&name) {
            return Err(E::custom("another name"));
        }
        Ok(place)
    }
}

/// What a list is read into.
pub(crate) trait List<'de> {
    /// Reads the next item; false where there is none.
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error>;
}

/// Reads a list; null is an empty one.
pub(crate) struct Items<'l, L>(pub(crate) &'l mut L);

impl<'de, L: List<'de>> DeserializeSeed<'de> for Items<'_, L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, L: List<'de>> Visitor<'de> for Items<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.0.item(&mut items)? {}
        Ok(())
    }
}

/// A text, a number or null.
pub(crate) enum Scalar<'de> {
    Text(Cow<'de, str>),
    Number(Number),
    Null,
}

impl Scalar<'_> {
    /// A text, which null is none of.
    pub(crate) fn string<E: Error>(self) -> Result<String, E> {
        match self {
            Self::Text(text) => Ok(text.into_owned()),
            Self::Number(_) | Self::Null => Err(E::custom("no text")),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars)
    }
}

struct Scalars;

impl<'de> Visitor<'de> for Scalars {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar<'de>, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("not a number"))?;
        Ok(Scalar::Number(number))
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }
}
