//! What a source is given to ask with: its options as it reads them, how to wait, and what of it
//! must never be seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use archal_core::pull::{
    Asking, OpenScores, Opened, PullError, PullErrorKind, PullSource, Said, SaidValue, Scores, Stop,
};
use archal_core::redact::{Literals, RedactionCounts, Redactor};
use archal_core::source::{OptionInfo, OptionKind};
use serde_json::Value;

use crate::ingest::registry::Options;
use crate::ingest::subscription::Subscription;
use crate::sandbox::StopToken;

/// A shorter wait is not told.
const LONG: Duration = Duration::from_secs(5);

/// Opens a source that is asked; sends nothing yet.
///
/// # Errors
///
/// When its options do not fit together, or a variable is not set.
pub fn open(
    subscription: &Subscription,
    options: &[OptionInfo],
    pull: &PullSource,
    since: Option<Timestamp>,
    stop: Waiting,
) -> Result<Opened, PullError> {
    let opened = (pull.open)(asking(subscription, options, since, stop)?);
    opened.map_err(|error| Unseen::of(subscription).error(error))
}

/// The same of a service that takes verdicts.
///
/// # Errors
///
/// The same.
pub fn open_scores(
    subscription: &Subscription,
    options: &[OptionInfo],
    open: OpenScores,
    stop: &StopToken,
) -> Result<Box<dyn Scores>, PullError> {
    let opened = open(asking(subscription, options, None, Waiting::of(stop))?);
    opened.map_err(|error| Unseen::of(subscription).error(error))
}

fn asking(
    subscription: &Subscription,
    options: &[OptionInfo],
    since: Option<Timestamp>,
    stop: Waiting,
) -> Result<Asking, PullError> {
    // Whoever opens it looked; what is sent to somebody is looked at here once more.
    if let Some(problem) = subscription.source.problems.first() {
        return Err(PullError::new(
            PullErrorKind::Options,
            problem.message.clone(),
        ));
    }
    Ok(Asking {
        name: subscription.source.name.clone(),
        options: said(
            &subscription.source.options,
            options,
            Some(&subscription.environment),
        )?,
        since,
        clock: Arc::clone(&subscription.clock),
        rates: Arc::clone(&subscription.rates),
        programs: Arc::clone(&subscription.programs),
        stop: Arc::new(stop),
    })
}

/// Options as a source reads them, with what variables hold where an environment is given.
///
/// # Errors
///
/// When a variable is not set.
pub fn said(
    options: &Options,
    known: &[OptionInfo],
    environment: Option<&Environment>,
) -> Result<Said, PullError> {
    let mut values = BTreeMap::new();
    for option in known {
        let Some(text) = options.text(option.name) else {
            let usual = environment.and_then(|environment| usual(option.kind, environment));
            values.extend(usual.map(|path| (option.name.to_owned(), SaidValue::Path(path))));
            continue;
        };
        let value = match option.kind {
            OptionKind::Text
            | OptionKind::Choice(_)
            | OptionKind::Listen { .. }
            | OptionKind::Variables => Some(SaidValue::Text(text.to_owned())),
            OptionKind::Number { .. } => options.number(option.name).map(SaidValue::Number),
            OptionKind::Size => options.size(option.name).map(SaidValue::Number),
            OptionKind::Switch => Some(SaidValue::Switch(options.switch(option.name))),
            OptionKind::Duration => options.duration(option.name).map(SaidValue::Duration),
            OptionKind::Path | OptionKind::UsualPath { .. } | OptionKind::Program => {
                options.path(option.name).map(SaidValue::Path)
            }
            OptionKind::Variable => match environment {
                None => None,
                Some(environment) => {
                    let secret = environment.get(text).ok_or_else(|| unset(option, text))?;
                    Some(SaidValue::Secret(secret.to_owned()))
                }
            },
        };
        values.extend(value.map(|value| (option.name.to_owned(), value)));
    }
    Ok(Said::new(values))
}

/// Where a file is when nobody says.
fn usual(kind: OptionKind, environment: &Environment) -> Option<PathBuf> {
    let OptionKind::UsualPath { variable, in_home } = kind else {
        return None;
    };
    let home = || Some(Path::new(environment.get("HOME")?).join(in_home));
    let said = environment.get(variable).map(PathBuf::from);
    said.or_else(home).map(|path| environment.resolve(path))
}

/// What tells what a source is asked from anything else; none where its cursor does.
///
/// # Errors
///
/// When a variable is not set.
pub fn asked(
    subscription: &Subscription,
    options: &[OptionInfo],
    pull: &PullSource,
) -> Result<Option<String>, PullError> {
    if pull.asks.is_empty() {
        return Ok(None);
    }
    let environment = Some(&subscription.environment);
    let said = said(&subscription.source.options, options, environment)?;
    Ok(Some(said.fingerprint(pull.asks)))
}

fn unset(option: &OptionInfo, variable: &str) -> PullError {
    PullError::new(
        PullErrorKind::Options,
        format!(
            "the variable {variable}, which `{}` names, is not set",
            option.name
        ),
    )
    .advice(format!("export {variable}=…"))
}

/// Hears why there is a long wait.
pub type Waits = Arc<dyn Fn(&str) + Send + Sync>;

/// Waiting that ends with a token.
pub struct Waiting {
    stop: StopToken,
    waits: Option<Waits>,
}

impl Waiting {
    /// Waiting of which nobody is told.
    pub fn of(stop: &StopToken) -> Self {
        Self::told(stop, None)
    }

    /// Waiting of which somebody is told where it is long.
    pub fn told(stop: &StopToken, waits: Option<Waits>) -> Self {
        let stop = stop.clone();
        Self { stop, waits }
    }
}

impl Stop for Waiting {
    fn is_asked(&self) -> bool {
        self.stop.is_asked()
    }

    fn wait(&self, pause: Duration) -> bool {
        self.stop.wait(pause)
    }

    fn wait_because(&self, pause: Duration, why: &str) -> bool {
        if pause >= LONG
            && let Some(waits) = &self.waits
        {
            waits(why);
        }
        self.wait(pause)
    }
}

/// What no message, finding or cursor of a source may hold: secrets by their shape, and those that
/// its variables hold.
pub struct Unseen {
    redactor: Redactor,
    secrets: Literals,
}

impl Unseen {
    /// Of a source.
    pub fn of(subscription: &Subscription) -> Self {
        let variables = subscription.source.options.variables();
        let secrets = variables.filter_map(|(_, name)| subscription.environment.get(name));
        Self::new(&subscription.redactor, secrets)
    }

    /// Of these secrets.
    pub fn new<'a>(redactor: &Redactor, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            redactor: redactor.clone(),
            secrets: Literals::new(redactor, secrets),
        }
    }

    /// What takes out secrets.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The secrets that its variables hold, in whatever shape they come.
    pub fn secrets(&self) -> &Literals {
        &self.secrets
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        self.counted(text, &mut RedactionCounts::new())
    }

    /// [`Self::text`], with what was taken out by its shape counted.
    pub fn counted(&self, text: &str, counts: &mut RedactionCounts) -> String {
        let known = self.secrets.text(text);
        self.redactor.text(&known, counts)
    }

    /// An error without them.
    #[must_use]
    pub fn error(&self, error: PullError) -> PullError {
        PullError {
            kind: error.kind,
            message: self.text(&error.message),
            advice: error.advice.as_deref().map(|advice| self.text(advice)),
        }
    }

    /// A finding without them: it may quote what could not be read.
    #[must_use]
    pub fn finding(&self, mut finding: Diagnostic) -> Diagnostic {
        finding.message = self.text(&finding.message);
        finding.help = finding.help.as_deref().map(|help| self.text(help));
        finding
    }

    /// Whether a value holds nothing that the source's own variables hold, whatever the names in it: a
    /// cursor that was changed would lead elsewhere. What only has the shape of a secret is let through:
    /// ids and keys of rows stand in cursors, and a row that somebody gave such a one ends nothing.
    pub fn is_free(&self, value: &Value) -> bool {
        let is_free = |text: &str| self.secrets.text(text) == text;
        match value {
            Value::String(text) => is_free(text),
            Value::Array(items) => items.iter().all(|item| self.is_free(item)),
            Value::Object(members) => members
                .iter()
                .all(|(name, value)| is_free(name) && self.is_free(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wait_is_told_and_a_short_one_is_not() {
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let waits: Waits = Arc::new(move |why| heard.lock().expect("whole").push(why.to_owned()));
        let stop = StopToken::new();
        let waiting = Waiting::told(&stop, Some(waits));
        assert!(!waiting.wait_because(Duration::from_nanos(1), "soon"));
        stop.ask();
        assert!(waiting.wait_because(Duration::from_secs(410), "later"));
        assert_eq!(*told.lock().expect("whole"), ["later"]);
    }

    #[test]
    fn a_file_that_nobody_says_is_where_a_variable_says_or_in_the_home_folder() {
        const KNOWN: &[OptionInfo] = &[OptionInfo {
            name: "passFile",
            about: "for this test",
            kind: OptionKind::UsualPath {
                variable: "PGPASSFILE",
                in_home: ".pgpass",
            },
            default: None,
            is_required: false,
        }];
        let of = |text: Option<&str>, variables: &[(&str, &str)]| {
            let text = text.map(|text| ("passFile".to_owned(), text.to_owned()));
            let options = Options::new(text.into_iter().collect(), KNOWN);
            let variables = variables.iter();
            let environment = Environment {
                variables: variables
                    .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                    .collect(),
                directory: PathBuf::from("/here"),
            };
            let said = said(&options, KNOWN, Some(&environment)).expect("options");
            said.path("passFile").cloned()
        };
        let home = ("HOME", "/home/me");
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(of(None, &[home]), path("/home/me/.pgpass"));
        let named = ("PGPASSFILE", "secret/passwords");
        assert_eq!(of(None, &[home, named]), path("/here/secret/passwords"));
        assert_eq!(of(Some("/said"), &[home, named]), path("/said"));
        assert_eq!(of(None, &[]), None);
        let nobody = said(&Options::new(BTreeMap::new(), KNOWN), KNOWN, None);
        assert_eq!(nobody.expect("options").path("passFile"), None);
    }
}
