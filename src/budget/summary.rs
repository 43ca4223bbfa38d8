//! What was spent, for people and programs.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::types::ToSql;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Usd;
use super::cap::Caps;
use super::entry::{Entry, State};
use super::ledger::{COLUMNS, DAY_MICROS, Ledger, LedgerError, day_start, entry};

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those of this UTC day.
    pub day: Option<Date>,
    /// Those of this repository, as `entry::repo_name` names it.
    pub repo: Option<String>,
    /// The last ones, this many.
    pub last: Option<usize>,
}

/// The UTC day of a time.
pub fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// What was spent in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The day, in UTC: `2026-11-21`.
    pub day: String,
    /// The ledger; null where there is none, so that nothing was spent.
    pub ledger: Option<String>,
    /// What all projects took from the cap of the day.
    pub totals: Totals,
    /// What may be spent in that day; `none` where there is no cap.
    pub per_day_usd: super::cap::Cap,
    /// What may be spent on one trace.
    pub per_trace_usd: super::cap::Cap,
    /// What is left of the day's cap; null where there is no cap.
    pub left_usd: Option<Usd>,
    /// What is dated after that day and counts for it, too: the clock was set back. Only for
    /// today.
    pub dated_ahead_usd: Usd,
    /// By repository, sorted by its path.
    pub projects: Vec<Group>,
    /// By what attempts did, sorted.
    pub kinds: Vec<Group>,
    /// The last attempts, newest first.
    pub entries: Vec<Entry>,
}

/// Sums over attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Known costs of attempts that ended.
    pub spent_usd: Usd,
    /// What attempts that may be running have reserved.
    pub reserved_usd: Usd,
    /// What attempts of unknown cost had reserved: it stays taken.
    pub held_usd: Usd,
    /// Attempts that began or may be running.
    pub attempts: u64,
    /// Attempts that ended at a cost nobody knows.
    pub unknown_cost: u64,
    /// Attempts that were cut off.
    pub interrupted: u64,
}

/// Sums of a project or of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The repository, or what the attempts did.
    pub name: String,
    /// The sums.
    #[serde(flatten)]
    pub totals: Totals,
}

impl Totals {
    /// Everything that is taken from a cap.
    pub fn taken(&self) -> Usd {
        self.spent_usd
            .saturating_add(self.reserved_usd)
            .saturating_add(self.held_usd)
    }

    fn add(&mut self, entry: &Entry) {
        let place = match (entry.state, entry.cost_usd) {
            (State::Released, _) => return,
            (State::Reserved, _) => &mut self.reserved_usd,
            (State::Charged, Some(_)) => &mut self.spent_usd,
            (State::Charged, None) => &mut self.held_usd,
        };
        *place = place.saturating_add(entry.counted_usd);
        self.attempts += 1;
        self.unknown_cost += u64::from(entry.is_unknown());
        self.interrupted += u64::from(entry.interrupted);
    }
}

impl Ledger {
    /// Entries, newest first.
    pub fn entries(&self, selection: &Selection) -> Result<Vec<Entry>, LedgerError> {
        let day = selection.day.and_then(bounds);
        let (from, to) = day.unwrap_or((i64::MIN, i64::MAX));
        self.rows(from, to, selection)
    }

    fn rows(&self, from: i64, to: i64, selection: &Selection) -> Result<Vec<Entry>, LedgerError> {
        let last = selection
            .last
            .and_then(|last| i64::try_from(last).ok())
            .unwrap_or(-1);
        let sql = format!(
            "SELECT {COLUMNS} FROM entries
             WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR repo = ?3)
             ORDER BY at DESC, id DESC LIMIT ?4"
        );
        self.query(|connection| {
            let mut rows = connection.prepare(&sql)?;
            let values: [&dyn ToSql; 4] = [&from, &to, &selection.repo, &last];
            rows.query_map(&values[..], entry)?.collect()
        })
    }

    /// What one trace took from its cap, and its attempts, oldest first.
    pub fn of_trace(&self, repo: &str, trace: &str) -> Result<(Totals, Vec<Entry>), LedgerError> {
        let sql =
            format!("SELECT {COLUMNS} FROM entries WHERE repo = ?1 AND trace = ?2 ORDER BY at, id");
        let entries: Vec<Entry> = self.query(|connection| {
            let mut rows = connection.prepare(&sql)?;
            rows.query_map([repo, trace], entry)?.collect()
        })?;
        let mut totals = Totals::default();
        entries.iter().for_each(|entry| totals.add(entry));
        Ok((totals, entries))
    }

    /// What was spent in a day against the caps. For the day of `now` it is what the caps see:
    /// also what is dated later.
    pub fn report(
        &self,
        day: Date,
        repo: Option<&str>,
        last: usize,
        caps: &Caps,
        now: Timestamp,
    ) -> Result<Report, LedgerError> {
        let is_today = day == day_of(now);
        let (from, to) = bounds(day).unwrap_or((i64::MAX, i64::MAX));
        let end = if is_today { i64::MAX } else { to };
        let all = self.rows(from, end, &Selection::default())?;
        let mut report = Report::empty(day, caps);
        report.ledger = Some(self.path().display().to_string());
        let (mut projects, mut kinds) = (BTreeMap::new(), BTreeMap::new());
        for entry in &all {
            report.totals.add(entry);
            if entry.at.as_microsecond() >= to {
                let ahead = &mut report.dated_ahead_usd;
                *ahead = ahead.saturating_add(entry.counted_usd);
            }
            if entry.state != State::Released && repo.is_none_or(|repo| repo == entry.repo) {
                add_to(&mut projects, &entry.repo, entry);
                add_to(&mut kinds, &entry.kind, entry);
            }
        }
        report.projects = groups(projects);
        report.kinds = groups(kinds);
        report.left_usd = caps
            .per_day
            .amount()
            .map(|cap| cap.saturating_sub(report.totals.taken()));
        report.entries = all
            .into_iter()
            .filter(|entry| repo.is_none_or(|repo| repo == entry.repo))
            .take(last)
            .collect();
        Ok(report)
    }
}

impl Report {
    /// The report where nothing was spent.
    pub fn empty(day: Date, caps: &Caps) -> Self {
        Self {
            day: day.to_string(),
            ledger: None,
            totals: Totals::default(),
            per_day_usd: caps.per_day,
            per_trace_usd: caps.per_trace,
            left_usd: caps.per_day.amount(),
            dated_ahead_usd: Usd::ZERO,
            projects: Vec::new(),
            kinds: Vec::new(),
            entries: Vec::new(),
        }
    }
}

fn add_to<'a>(groups: &mut BTreeMap<&'a str, Totals>, name: &'a str, entry: &Entry) {
    groups.entry(name).or_default().add(entry);
}

fn groups(groups: BTreeMap<&str, Totals>) -> Vec<Group> {
    groups
        .into_iter()
        .map(|(name, totals)| Group {
            name: name.to_owned(),
            totals,
        })
        .collect()
}

/// The first microsecond of a UTC day and the first one after it.
fn bounds(day: Date) -> Option<(i64, i64)> {
    let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let from = day_start(start);
    Some((from, from.saturating_add(DAY_MICROS)))
}
