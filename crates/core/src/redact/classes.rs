//! What is known of a name already.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// More names than that are made up by somebody, and not worth remembering.
const MOST: usize = 4096;
/// A longer one is no name of a field.
const LONGEST: usize = 64;

/// What a name says of the value under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameClass {
    /// It is never changed.
    pub(super) kept: bool,
    /// It is a secret.
    pub(super) secret: bool,
    /// It is a secret if it is long.
    pub(super) token: bool,
    /// A rule may know it by that name.
    pub(super) sounds: bool,
    /// It holds a secret itself.
    pub(super) holds: bool,
}

/// Names met so far.
#[derive(Debug, Default)]
pub(super) struct Classes {
    known: RwLock<HashMap<Box<str>, NameClass>>,
}

impl Classes {
    pub(super) fn get(&self, name: &str) -> Option<NameClass> {
        if name.len() > LONGEST {
            return None;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied()
    }

    pub(super) fn put(&self, name: &str, class: NameClass) {
        if name.len() > LONGEST {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert(name.into(), class);
        }
    }
}
