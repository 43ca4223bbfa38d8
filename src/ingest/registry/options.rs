//! What can be set about a source, checked against what its provider knows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use archal_core::diagnostic::nearest;
use archal_core::source::{OptionInfo, OptionKind};

use crate::config::amounts::{Age, Size};

/// The longest value.
const MAX_VALUE: usize = 4096;

/// Why an option cannot be what was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The provider has none of that name.
    #[error("`{provider}` has no option `{name}`")]
    Unknown {
        /// The provider.
        provider: String,
        /// The name.
        name: String,
        /// The nearest right one.
        near: Option<&'static str>,
    },
    /// Its value is none for it.
    #[error("`{name}` {wanted}")]
    Value {
        /// The option.
        name: &'static str,
        /// What is wrong or wanted, said after the name.
        wanted: String,
    },
    /// It is not there, and there is no source without it.
    #[error("`{name}` is missing: {about}")]
    Missing {
        /// The option.
        name: &'static str,
        /// What it is.
        about: &'static str,
    },
}

/// The option of that name.
///
/// # Errors
///
/// [`OptionError::Unknown`].
pub fn known(
    provider: &str,
    options: &'static [OptionInfo],
    name: &str,
) -> Result<&'static OptionInfo, OptionError> {
    options
        .iter()
        .find(|option| option.name == name)
        .ok_or_else(|| OptionError::Unknown {
            provider: provider.to_owned(),
            name: name.to_owned(),
            near: nearest(name, options.iter().map(|option| option.name)),
        })
}

/// Whether `text` may be the value of `option`.
///
/// # Errors
///
/// [`OptionError::Value`]; it quotes nothing that might be a secret.
pub fn check(option: &'static OptionInfo, text: &str) -> Result<(), OptionError> {
    let wanted = |wanted: String| {
        Err(OptionError::Value {
            name: option.name,
            wanted,
        })
    };
    if text.is_empty() || text.len() > MAX_VALUE || text.chars().any(char::is_control) {
        return wanted(format!("is one line of 1 to {MAX_VALUE} bytes"));
    }
    match option.kind {
        OptionKind::Text
        | OptionKind::Path
        | OptionKind::UsualPath { .. }
        | OptionKind::Program => Ok(()),
        OptionKind::Number { least, most } => match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(()),
            _ => wanted(format!("is a whole number from {least} to {most}")),
        },
        OptionKind::Switch => match text {
            "true" | "false" => Ok(()),
            _ => wanted("is `true` or `false`".to_owned()),
        },
        OptionKind::Duration => match text.parse::<Age>() {
            Ok(_) => Ok(()),
            Err(error) => wanted(format!("cannot be that: {error}")),
        },
        OptionKind::Size => match text.parse::<Size>() {
            Ok(_) => Ok(()),
            Err(error) => wanted(format!("cannot be that: {error}")),
        },
        OptionKind::Listen { may_be_off } => {
            if (may_be_off && text == "off") || text.parse::<SocketAddr>().is_ok() {
                return Ok(());
            }
            let off = if may_be_off { ", or `off`" } else { "" };
            wanted(format!("is an address and a port, `127.0.0.1:4318`{off}"))
        }
        OptionKind::Variable if is_variable(text) => Ok(()),
        OptionKind::Variable => wanted(
            "is the name of an environment variable, in upper case (`MY_TOKEN`), never the \
                 secret itself"
                .to_owned(),
        ),
        OptionKind::Variables if names(text).all(is_variable) => Ok(()),
        OptionKind::Variables => wanted(
            "are names of environment variables, in upper case, with commas between them \
                 (`MY_TOKEN,MY_HOST`), never the secrets themselves"
                .to_owned(),
        ),
        OptionKind::Choice(choices) if choices.contains(&text) => Ok(()),
        OptionKind::Choice(choices) => wanted(format!("is one of {}", choices.join(", "))),
    }
}

/// The names in a list of variables.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// Only upper case: a token in the place of its variable would be committed with the registry.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The options of one source: what was said, over what holds where nobody says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    said: BTreeMap<String, String>,
    known: &'static [OptionInfo],
}

impl Options {
    /// Of what was said.
    pub fn new(said: BTreeMap<String, String>, known: &'static [OptionInfo]) -> Self {
        Self { said, known }
    }

    /// Says an option for as long as this lives; the registry stays as it is.
    pub fn say(&mut self, name: &str, text: String) {
        self.said.insert(name.to_owned(), text);
    }

    /// What was said, by name.
    pub fn said(&self) -> &BTreeMap<String, String> {
        &self.said
    }

    /// The text of an option; none where nobody said one and none holds.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.said.get(name) {
            Some(said) => Some(said),
            None => {
                let known = self.known.iter().find(|option| option.name == name);
                known.and_then(|option| option.default)
            }
        }
    }

    /// A duration.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.text(name)?.parse::<Age>().ok().map(Age::duration)
    }

    /// A size in bytes.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse::<Size>().ok().map(Size::in_bytes)
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// Where a server listens; none where it is `off`.
    pub fn listen(&self, name: &str) -> Option<SocketAddr> {
        self.text(name)?.parse().ok()
    }

    /// A path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Everything that is wrong, in order of name: unknown options, bad values, missing ones.
    pub fn problems(&self, provider: &str) -> Vec<OptionError> {
        let wrong = self.said.iter().filter_map(|(name, text)| {
            let option = known(provider, self.known, name);
            option.and_then(|option| check(option, text)).err()
        });
        let missing = self
            .known
            .iter()
            .filter(|option| option.is_required && !self.said.contains_key(option.name))
            .map(|option| OptionError::Missing {
                name: option.name,
                about: option.about,
            });
        wrong.chain(missing).collect()
    }

    /// Variables that hold secrets, by option.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_named = |kind| matches!(kind, OptionKind::Variable | OptionKind::Variables);
        self.known
            .iter()
            .filter(move |option| is_named(option.kind))
            .filter_map(|option| Some((option.name, self.text(option.name)?)))
            .flat_map(|(option, text)| names(text).map(move |name| (option, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn option(name: &'static str, kind: OptionKind, is_required: bool) -> OptionInfo {
        OptionInfo {
            name,
            about: "for this test",
            kind,
            default: None,
            is_required,
        }
    }

    const KNOWN: &[OptionInfo] = &[
        option("host", OptionKind::Text, true),
        option("keyEnv", OptionKind::Variable, true),
        option("listen", OptionKind::Listen { may_be_off: false }, false),
        option("more", OptionKind::Variables, false),
        option(
            "pages",
            OptionKind::Number {
                least: 1,
                most: 100,
            },
            false,
        ),
        OptionInfo {
            default: Some("5s"),
            ..option("settle", OptionKind::Duration, false)
        },
    ];

    fn of(said: &[(&str, &str)]) -> Options {
        let said = said
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Options::new(said, KNOWN)
    }

    #[test]
    fn what_was_said_stands_over_what_holds_otherwise() {
        let options = of(&[
            ("listen", "127.0.0.1:0"),
            ("pages", "7"),
            ("keyEnv", "A_KEY"),
            ("more", "B_KEY, C_KEY"),
        ]);
        assert_eq!(options.duration("settle"), Some(Duration::from_secs(5)));
        assert_eq!(options.number("pages"), Some(7));
        assert_eq!(options.listen("listen").map(|at| at.port()), Some(0));
        assert_eq!(
            options.variables().collect::<Vec<_>>(),
            [("keyEnv", "A_KEY"), ("more", "B_KEY"), ("more", "C_KEY")]
        );
        assert_eq!(options.text("host"), None);
    }

    #[test]
    fn everything_wrong_is_told_and_a_secret_is_not_repeated() {
        let secret = "sk-live-0123456789";
        let told: Vec<String> = of(&[
            ("hots", "x"),
            ("keyEnv", secret),
            ("listen", "localhost"),
            ("pages", "0"),
            ("settle", "soon"),
        ])
        .problems("test")
        .iter()
        .map(ToString::to_string)
        .collect();
        insta::assert_debug_snapshot!(told);
        assert!(!told.iter().any(|line| line.contains(secret)));
    }

    #[test]
    fn a_token_without_punctuation_is_no_name_of_a_variable() {
        for (text, is_name) in [
            ("f3a9c2d41b", false),
            ("ghp_16C7e42F", false),
            ("9_LIVES", false),
            ("_KEY_2", true),
        ] {
            let list = format!("A_KEY,{text}");
            for (known, text) in [(&KNOWN[1], text), (&KNOWN[3], &list)] {
                let checked = check(known, text);
                assert_eq!(checked.is_ok(), is_name, "{text}");
                if let Err(error) = checked {
                    assert!(!error.to_string().contains(text), "{error}");
                }
            }
        }
    }
}
