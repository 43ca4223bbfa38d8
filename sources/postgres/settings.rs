//! What was said of the source, checked as far as it can be without asking the database.

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{PullError, PullErrorKind, Said};

use super::address::Address;
use super::identifiers::TableName;
use super::mapping::{self, SPAN, TRACE};
use super::pass_file;

/// How new rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// By the time of the last change, then by key.
    Updated,
    /// By the time at which a row was made, then by key.
    Created,
    /// By a number that grows.
    Growing,
}

/// A table as it was said.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: TableName,
    /// Whether somebody named it; the usual names may be missing beside one that was.
    pub(super) is_said: bool,
    pub(super) columns: mapping::Said,
    /// Where to begin: a time and a key, either of them or none.
    pub(super) from: Option<(Option<Timestamp>, Option<String>)>,
}

/// Everything that was said.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: Address,
    pub(super) mode: Mode,
    pub(super) traces: Option<Wanted>,
    pub(super) spans: Option<Wanted>,
    /// The column of traces that holds them whole.
    pub(super) document: Option<String>,
    pub(super) filter: Option<(String, String)>,
    pub(super) most_value: u64,
    pub(super) overlap: Duration,
    pub(super) rescan: Option<Duration>,
    pub(super) rows: u32,
    pub(super) timeout: Duration,
    /// The zone of times without one, known to be one.
    pub(super) zone: Option<String>,
    pub(super) since: Option<Timestamp>,
}

/// Where traces and spans are when nobody says.
const TRACES: &str = "ai_traces";
const SPANS: &str = "ai_spans";

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    ///
    /// What does not fit together, or a variable that is not set.
    pub(super) fn of(said: &Said, since: Option<Timestamp>) -> Result<Self, PullError> {
        let url = said.secret("urlEnv").ok_or_else(|| {
            wrong("the variable of the connection string is not set")
                .advice("set the variable that `urlEnv` names: `postgresql://user:password@host:5432/database`")
        })?;
        let mut address = Address::parse(url, said.secret("passwordEnv"))
            .map_err(|error| wrong(format!("the connection string cannot be used: {error}")))?;
        if let Some(file) = said.path("passFile") {
            pass_file::fill(&mut address, file);
        }
        if let Some(file) = said.path("rootCert") {
            address.root_cert = Some(file.clone());
        }
        let document = said.text("documentColumn").map(str::to_owned);
        let traces = wanted(said, ["traceTable", "traceColumns", "tracesFrom"], TRACES)?;
        let mut spans = wanted(said, ["spanTable", "spanColumns", "spansFrom"], SPANS)?;
        if document.is_some() {
            // Whole traces have their spans in them.
            spans = spans.filter(|spans| spans.is_said);
        }
        if traces.is_none() && (spans.is_none() || document.is_some()) {
            return Err(wrong("there is no table to read: `traceTable` is off"));
        }
        let filter = match (said.text("filterColumn"), said.text("filterValue")) {
            (Some(column), Some(value)) => Some((column.to_owned(), value.to_owned())),
            (None, None) => None,
            _ => return Err(wrong("`filterColumn` and `filterValue` go together")),
        };
        let mode = match said.text("cursorMode") {
            Some("created_at_id") => Mode::Created,
            Some("id") => Mode::Growing,
            _ => Mode::Updated,
        };
        Ok(Self {
            address,
            mode,
            traces,
            spans,
            document,
            filter,
            most_value: said.number("maxValue").unwrap_or(16 << 20).max(1024),
            overlap: said.duration("overlap").unwrap_or(Duration::from_secs(300)),
            rescan: said.duration("rescan").filter(|every| !every.is_zero()),
            rows: said
                .number("pageRows")
                .and_then(|rows| u32::try_from(rows).ok())
                .unwrap_or(1000)
                .clamp(1, 10_000),
            timeout: said
                .duration("statementTimeout")
                .filter(|timeout| !timeout.is_zero())
                .unwrap_or(Duration::from_secs(30)),
            zone: said.text("zone").map(zone).transpose()?,
            since,
        })
    }
}

fn wanted(said: &Said, names: [&str; 3], usual: &str) -> Result<Option<Wanted>, PullError> {
    let [table, columns, from] = names;
    let name = said.text(table);
    if name == Some("off") {
        return Ok(None);
    }
    let fields = if table == "spanTable" { SPAN } else { TRACE };
    Ok(Some(Wanted {
        name: TableName::parse(name.unwrap_or(usual))
            .map_err(|error| wrong(format!("`{table}`: {error}")))?,
        is_said: name.is_some(),
        columns: mapping::parse(columns, said.text(columns).unwrap_or_default(), fields)
            .map_err(wrong)?,
        from: said
            .text(from)
            .map(|text| beginning(from, text))
            .transpose()?,
    }))
}

/// `2026-01-01T00:00:00Z`, the same with `,id`, or `,id` alone.
fn beginning(option: &str, text: &str) -> Result<(Option<Timestamp>, Option<String>), PullError> {
    let (at, key) = match text.split_once(',') {
        Some((at, key)) => (at.trim(), Some(key.trim().to_owned())),
        None => (text.trim(), None),
    };
    let at = if at.is_empty() {
        None
    } else {
        let parsed = at.parse::<Timestamp>().map_err(|_| {
            wrong(format!(
                "`{option}` is a time and an id: `2026-01-01T00:00:00Z,42`; the time cannot be read"
            ))
        })?;
        Some(parsed)
    };
    Ok((at, key.filter(|key| !key.is_empty())))
}

/// The name of a zone, as the database takes it.
fn zone(text: &str) -> Result<String, PullError> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    // Whether there is such a zone is for the database to say.
    if (1..=64).contains(&text.len()) && text.chars().all(is_safe) {
        Ok(text.to_owned())
    } else {
        Err(wrong("`zone` names no time zone: `UTC`, `Europe/Berlin`"))
    }
}

fn wrong(message: impl Into<String>) -> PullError {
    PullError::new(PullErrorKind::Options, message)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use archal_core::pull::SaidValue;

    use super::*;

    /// Options as the engine hands them over, all of them text but the connection string.
    pub(crate) fn said(url: &str, texts: &[(&str, &str)]) -> Said {
        let mut values: BTreeMap<String, SaidValue> = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), SaidValue::Text((*text).to_owned())))
            .collect();
        values.insert("urlEnv".to_owned(), SaidValue::Secret(url.to_owned()));
        Said::new(values)
    }

    fn of(texts: &[(&str, &str)]) -> Result<Settings, PullError> {
        Settings::of(&said("postgres://u@localhost/x", texts), None)
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        for texts in [
            &[("traceTable", "off"), ("spanTable", "off")][..],
            &[("traceTable", "off"), ("documentColumn", "body")],
            &[("filterColumn", "workspace")],
            &[("zone", "'; DROP TABLE x")],
            &[("tracesFrom", "yesterday")],
            &[("traceTable", "a.b.c")],
            &[("spanColumns", "nonsense=x")],
        ] {
            let error = of(texts).expect_err("wrong options");
            assert_eq!(error.kind, PullErrorKind::Options, "{texts:?}");
        }
        let error = Settings::of(&Said::default(), None).expect_err("no variable");
        assert!(error.advice.is_some_and(|advice| advice.contains("urlEnv")));
    }

    #[test]
    fn places_to_begin_are_times_ids_or_both() {
        let from = |text| {
            of(&[("spansFrom", text)])
                .expect(text)
                .spans
                .and_then(|one| one.from)
        };
        let time: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(from("2026-01-01T00:00:00Z"), Some((Some(time), None)));
        assert_eq!(
            from("2026-01-01T00:00:00Z,a,b"),
            Some((Some(time), Some("a,b".to_owned())))
        );
        assert_eq!(from(",42"), Some((None, Some("42".to_owned()))));
    }

    #[test]
    fn a_column_of_whole_traces_needs_no_table_of_spans() {
        let settings = of(&[("documentColumn", "body"), ("traceTable", "runs")]).expect("options");
        assert!(settings.spans.is_none());
        assert_eq!(settings.zone, None);
        assert_eq!(
            of(&[("zone", "Europe/Berlin")])
                .expect("a zone")
                .zone
                .as_deref(),
            Some("Europe/Berlin")
        );
    }
}
