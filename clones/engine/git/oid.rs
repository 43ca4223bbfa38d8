//! Ids of git objects.

use std::fmt;
use std::str::FromStr;

use gix_hash::ObjectId;

use super::object::Kind;

/// The id of an object: the SHA-1 of its kind, length and bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Oid([u8; 20]);

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an object id is 40 hex digits")]
pub(crate) struct NotAnOid;

impl Oid {
    /// What stands for no object: before a ref was made, after it was deleted.
    pub(crate) const ZERO: Self = Self([0; 20]);

    /// The id of an object.
    pub(crate) fn of(kind: Kind, bytes: &[u8]) -> Self {
        // SHA-1 with detection of collisions fails only for bytes made to collide; such an object
        // gets the id that stands for none, and no ref can be set to it.
        gix_object::compute_hash(gix_hash::Kind::Sha1, kind.into(), bytes)
            .map_or(Self::ZERO, Self::from)
    }

    /// Whether it stands for no object.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Its first hex digits.
    pub(crate) fn short(&self, digits: usize) -> String {
        let mut text = self.to_string();
        text.truncate(digits);
        text
    }
}

impl From<ObjectId> for Oid {
    fn from(id: ObjectId) -> Self {
        id.as_slice().try_into().map_or(Self::ZERO, Self)
    }
}

impl From<Oid> for ObjectId {
    fn from(oid: Oid) -> Self {
        Self::from_bytes_or_panic(&oid.0)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Oid {
    type Err = NotAnOid;

    fn from_str(text: &str) -> Result<Self, NotAnOid> {
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(NotAnOid);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or(NotAnOid)?;
            let low = char::from(pair[1]).to_digit(16).ok_or(NotAnOid)?;
            *byte = u8::try_from(high << 4 | low).map_err(|_| NotAnOid)?;
        }
        Ok(Self(bytes))
    }
}
