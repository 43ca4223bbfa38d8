//! Whom a source asks, and what it is let in with: what the user of a machine allows, because a file of the
//! repository says it.

use std::collections::BTreeMap;
use std::fmt;

/// Options as they hold, by name: what was said, else what holds where nobody says. Of a variable it is the
/// name, never what it holds.
pub type Named = BTreeMap<&'static str, String>;

/// What of a source is allowed by the user of a machine before it is asked there.
#[derive(Clone, Copy)]
pub struct Reach {
    /// The options that say whom it asks and what it is let in with, sorted. All that are variables or
    /// programs are among them.
    pub options: &'static [&'static str],
    /// Whether nobody needs to allow it: it asks its provider's own servers, and with nothing but what is
    /// there for them.
    pub is_usual: fn(&Named) -> bool,
    /// What it does, to be read behind the source's name: `sends A_KEY to host.example`.
    pub told: fn(&Named) -> String,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The text of an option; empty where it is not there.
pub fn text<'a>(named: &'a Named, option: &str) -> &'a str {
    named.get(option).map_or("", String::as_str)
}

/// Those of these options that are there, in words: `A_KEY and B_KEY`.
pub fn listed(named: &Named, options: &[&str]) -> String {
    let texts: Vec<&str> = options
        .iter()
        .map(|option| text(named, option))
        .filter(|text| !text.is_empty())
        .collect();
    match texts.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_listed() {
        let named = Named::from([("a", "A".to_owned()), ("b", "B".to_owned())]);
        let of = |options: &[&str]| listed(&named, options);
        assert_eq!(of(&["a", "c", "b"]), "A and B");
        assert_eq!((of(&["b"]), of(&["c"])), ("B".to_owned(), String::new()));
        assert_eq!(text(&named, "c"), "");
    }
}
