//! How much may be spent: on a trace, and in a day by the user in all projects.

use std::fmt;
use std::str::FromStr;

use archal_core::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Loaded;
use crate::config::schema::{BudgetCap, NoCap};

use super::amount::{AmountError, Usd};

/// The most that may be spent on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cap {
    /// At most this.
    AtMost(Usd),
    /// There is no cap, because somebody said so.
    None(NoCap),
}

impl Cap {
    /// No cap.
    pub const NONE: Self = Self::None(NoCap::None);

    /// The amount, where there is a cap.
    pub fn amount(self) -> Option<Usd> {
        match self {
            Self::AtMost(amount) => Some(amount),
            Self::None(NoCap::None) => None,
        }
    }
}

/// `--budget-usd`: dollars or `none`.
impl FromStr for Cap {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text.trim() == "none" {
            return Ok(Self::NONE);
        }
        text.parse().map(Self::AtMost)
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(amount) => write!(f, "${amount}"),
            Self::None(NoCap::None) => f.write_str("none"),
        }
    }
}

/// The value of a key that an option overrides.
impl From<Cap> for Value {
    fn from(cap: Cap) -> Self {
        // A number or a word always has a JSON form.
        serde_json::to_value(cap).unwrap_or_default()
    }
}

/// The caps in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// On one trace, over all its attempts.
    pub per_trace: Cap,
    /// By the user in a UTC day, in all projects.
    pub per_day: Cap,
}

impl Caps {
    /// What a fixer that says nothing beforehand reserves, and is told that it may spend: a quarter
    /// of the trace's cap, so that one that was cut off can be started again. None without a cap.
    pub fn fixer_share(&self) -> Option<Usd> {
        Usd::from_micros(self.per_trace.amount()?.micros() / 4)
    }

    /// The caps of a configuration. `attach.budgetUsd`, which `--budget-usd` sets, wins over
    /// `budget.perTraceUsd`.
    ///
    /// # Errors
    ///
    /// When an amount is finer than a micro-dollar; the finding has its place.
    pub fn of(loaded: &Loaded) -> Result<Self, Diagnostic> {
        let cap = |path: &str, value: &BudgetCap| of(loaded, path, value);
        let config = &loaded.config;
        let per_trace = match &config.attach.budget_usd {
            Some(value) => cap("attach.budgetUsd", value)?,
            None => cap("budget.perTraceUsd", &config.budget.per_trace_usd)?,
        };
        Ok(Self {
            per_trace,
            per_day: cap("budget.perDayUsd", &config.budget.per_day_usd)?,
        })
    }
}

/// The cap that stands at `path` of a configuration.
///
/// # Errors
///
/// When the amount is finer than a micro-dollar; the finding has its place.
pub fn of(loaded: &Loaded, path: &str, value: &BudgetCap) -> Result<Cap, Diagnostic> {
    from_config(value).map_err(|error| {
        let finding = Diagnostic::error("config/amount", format!("`{path}`: {error}"));
        loaded.at(path, finding)
    })
}

fn from_config(value: &BudgetCap) -> Result<Cap, AmountError> {
    match value {
        // The shortest text of a number is the one in the file.
        BudgetCap::Usd(dollars) => dollars.to_string().parse().map(Cap::AtMost),
        BudgetCap::Word(NoCap::None) => Ok(Cap::NONE),
    }
}

/// Which cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhichCap {
    /// That of the trace.
    Trace,
    /// That of the day.
    Day,
}

impl fmt::Display for WhichCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "of this trace",
            Self::Day => "of the day",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archal_core::environment::Environment;

    use crate::config::{self, Override};

    use super::*;

    fn caps(text: &str, flags: &[Override]) -> Result<Caps, String> {
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("c.json"), text).expect("writable");
        let environment = Environment {
            directory: folder.path().to_owned(),
            ..Environment::default()
        };
        let loaded = config::load(
            Some(Path::new("c.json")),
            Path::new("."),
            flags,
            &environment,
        )
        .map_err(|error| match error {
            config::ConfigError::Invalid { diagnostics, .. } => diagnostics
                .iter()
                .map(|finding| finding.message.clone())
                .collect(),
            other => other.to_string(),
        })?;
        Caps::of(&loaded).map_err(|finding| format!("{} {:?}", finding.message, finding.span))
    }

    fn shown(text: &str, flags: &[Override]) -> String {
        match caps(text, flags) {
            Ok(caps) => format!("{} {}", caps.per_trace, caps.per_day),
            Err(error) => error,
        }
    }

    #[test]
    fn caps_come_from_flag_file_and_defaults() {
        assert_eq!(shown("{}", &[]), "$1.00 $5.00");
        let text = r#"{"budget": {"perTraceUsd": 0.25, "perDayUsd": "none"}}"#;
        assert_eq!(shown(text, &[]), "$0.25 none");
        let text =
            r#"{"budget": {"perTraceUsd": 2, "perDayUsd": 3}, "attach": {"budgetUsd": 0.5}}"#;
        assert_eq!(shown(text, &[]), "$0.50 $3.00");
        for (given, expected) in [
            ("none", "none $3.00"),
            ("4", "$4.00 $3.00"),
            ("0.125", "$0.125 $3.00"),
        ] {
            let cap: Cap = given.parse().expect("a cap");
            let flag = Override {
                flag: "--budget-usd",
                path: "attach.budgetUsd",
                value: cap.into(),
            };
            assert_eq!(shown(text, &[flag]), expected);
        }
    }

    #[test]
    fn a_cap_that_is_no_amount_is_refused_at_its_place() {
        assert_eq!(
            shown(r#"{"budget": {"perDayUsd": 0.0000001}}"#, &[]),
            "`budget.perDayUsd`: `0.0000001` is finer than a micro-dollar; write at most six digits after the point Some(Span { start: 25, end: 34 })"
        );
        assert_eq!(
            shown(r#"{"budget": {"perDayUsd": -1}}"#, &[]),
            "`budget.perDayUsd` must be between 0 and 1000000"
        );
        assert_eq!(
            shown(r#"{"attach": {"budgetUsd": "nothing"}}"#, &[]),
            "`attach.budgetUsd` cannot be `nothing`"
        );
        assert_eq!(
            shown(r#"{"budget": {"perTraceUsd": null}}"#, &[]),
            "`budget.perTraceUsd` must be a number or a string, not null"
        );
        assert!("unlimited".parse::<Cap>().is_err());
    }
}
