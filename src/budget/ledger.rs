//! The user's ledger: one SQLite file for all projects. Money is reserved there before anything
//! is spent, so that processes that run at once never spend more than the caps together.
//!
//! An attempt counts for the day on which it was reserved. The sum of a day is all that counts at
//! or after its beginning: what was entered before the clock was set back is still there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::Timestamp;
use archal_core::environment::Environment;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tempfile::TempDir;

use crate::store::database::{self, DatabaseError, Migrations, Promise};
use crate::store::layout;

use super::amount::Usd;
use super::cap::{Cap, Caps, WhichCap};
use super::entry::{AttemptKey, Charge, CostSource, Entry, Request, State};
use super::prices::Tokens;

const MIGRATIONS: Migrations = &[
    "CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        repo TEXT NOT NULL,
        attempt TEXT NOT NULL,
        kind TEXT NOT NULL,
        trace TEXT,
        at INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'charged', 'released')),
        reserved INTEGER CHECK (reserved >= 0),
        metered INTEGER CHECK (metered >= 0),
        cost INTEGER CHECK (cost >= 0),
        cost_source TEXT CHECK (cost_source IN ('reported', 'computed', 'reserved', 'unknown')),
        interrupted INTEGER NOT NULL CHECK (interrupted IN (0, 1)),
        counted INTEGER NOT NULL CHECK (counted >= 0),
        tokens TEXT,
        prices TEXT,
        UNIQUE (repo, attempt)
    ) STRICT;
    CREATE INDEX entries_by_time ON entries (at);
    CREATE INDEX entries_by_trace ON entries (repo, trace);",
    "ALTER TABLE entries ADD COLUMN holder TEXT;",
];

/// The columns of an entry, in the order of [`entry`].
pub(super) const COLUMNS: &str = "repo, attempt, kind, trace, at, state, reserved, metered, cost, cost_source, interrupted, counted, tokens, prices";

/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// Why the ledger cannot be used. Then nothing may be spent.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// What was spent cannot be read.
    #[error("the budget ledger is broken, so nothing may be spent")]
    Broken(#[source] DatabaseError),
    /// A later archal wrote it.
    #[error("the budget ledger cannot be read by this archal, so nothing may be spent")]
    Newer(#[source] DatabaseError),
    /// It refuses otherwise: full disk, missing permission, a lock nobody gives up.
    #[error("the budget ledger cannot be used, so nothing may be spent")]
    Refused(#[source] DatabaseError),
    /// There is no place for a ledger of this run either.
    #[error("there is no place for a budget ledger, so nothing may be spent")]
    NoPlace(#[source] io::Error),
    /// An attempt that never reserved anything.
    #[error("attempt {attempt} of {repo} is not in the budget ledger")]
    NoSuchAttempt {
        /// The repository.
        repo: String,
        /// The attempt.
        attempt: String,
    },
}

impl LedgerError {
    /// The command that mends it, where one does.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Broken(_) => Some("archal budget repair"),
            _ => None,
        }
    }
}

impl From<DatabaseError> for LedgerError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Broken { .. } => Self::Broken(error),
            DatabaseError::Newer { .. } => Self::Newer(error),
            DatabaseError::Sqlite { .. }
            | DatabaseError::Io { .. }
            | DatabaseError::Network { .. } => Self::Refused(error),
        }
    }
}

/// A reservation that a cap forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget {which} is used up: {} asked for, ${spent} spent and ${reserved} reserved of ${cap}", shown(*asked))]
pub struct Denied {
    /// The cap.
    pub which: WhichCap,
    /// How much it allows.
    pub cap: Usd,
    /// What is known to be spent of it.
    pub spent: Usd,
    /// What is taken of it besides: reserved, or spent by attempts whose cost is unknown.
    pub reserved: Usd,
    /// What was asked for; none for an unknown cost.
    pub asked: Option<Usd>,
}

fn shown(asked: Option<Usd>) -> String {
    asked.map_or_else(|| "an unknown cost".to_owned(), |asked| format!("${asked}"))
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// A cap forbids it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What stands in the ledger for an attempt after it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The entry.
    pub entry: Entry,
    /// Whether this call made it. If not, the attempt was reserved before, and perhaps run: it
    /// must not run again.
    pub is_new: bool,
}

/// The ledger. Cheap to clone; may be used from several threads and, as a file, by several
/// processes.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
    /// The state folder whose attempts are reserved through this handle.
    pub(super) holder: Option<String>,
}

#[derive(Debug)]
struct Inner {
    connection: Mutex<Connection>,
    path: PathBuf,
    /// The folder of a ledger that lasts for this run.
    _private: Option<TempDir>,
}

/// Where the ledger lies: `$XDG_STATE_HOME/archal/ledger.db`, else below `~/.local/state`; none
/// without a home.
pub fn path(environment: &Environment) -> Option<PathBuf> {
    layout::of_user(environment, "ledger.db")
}

impl Ledger {
    /// Opens the user's ledger, or makes it on first use.
    ///
    /// Where there is none and none can be made, money is counted in a private file that lasts
    /// for this run; then the second value is a line that says so. A ledger that is there and
    /// cannot be used is an error: what it holds must not be forgotten.
    pub fn open(path: Option<&Path>) -> Result<(Self, Option<String>), LedgerError> {
        let Some(path) = path else {
            return Self::private("there is no home directory to keep it in");
        };
        match Self::at(path, None) {
            Err(LedgerError::Refused(error)) if !path.exists() && is_closed(&error) => {
                Self::private(&reason(&error))
            }
            ledger => ledger.map(|ledger| (ledger, None)),
        }
    }

    /// Opens a ledger for looking at it; none where there is none.
    pub fn existing(path: &Path) -> Result<Option<Self>, LedgerError> {
        let connection = database::open_to_read(path, MIGRATIONS)?;
        Ok(connection.map(|connection| Self::of(connection, path, None)))
    }

    fn private(why: &str) -> Result<(Self, Option<String>), LedgerError> {
        let folder = tempfile::Builder::new()
            .prefix("archal-ledger-")
            .tempdir()
            .map_err(LedgerError::NoPlace)?;
        let path = folder.path().join("ledger.db");
        let warning = format!(
            "the budget counts this run only, not what others spend or spent: the ledger cannot be kept ({why})"
        );
        Ok((Self::at(&path, Some(folder))?, Some(warning)))
    }

    fn at(path: &Path, private: Option<TempDir>) -> Result<Self, LedgerError> {
        let connection = database::open(path, MIGRATIONS, Promise::Synced)?;
        database::check(path, &connection)?;
        Ok(Self::of(connection, path, private))
    }

    fn of(connection: Connection, path: &Path, private: Option<TempDir>) -> Self {
        Self {
            inner: Arc::new(Inner {
                connection: Mutex::new(connection),
                path: path.to_owned(),
                _private: private,
            }),
            holder: None,
        }
    }

    /// The same ledger for the attempts that a state folder has rows of. A repository may have
    /// several (`ARCHAL_STATE_DIR`), and none of them knows what became of another's attempts.
    #[must_use]
    pub fn held_by(&self, state: &Path) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            holder: Some(super::entry::repo_name(state)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Takes what an attempt is expected to cost from the caps, before it begins.
    ///
    /// An attempt that is in the ledger already gets what is there, except one that was released:
    /// that never began, and may be reserved again.
    ///
    /// # Errors
    ///
    /// When a cap forbids it or the ledger cannot be used; then nothing may be spent.
    pub fn reserve(
        &self,
        request: &Request,
        caps: &Caps,
        now: Timestamp,
    ) -> Result<Reservation, ReserveError> {
        let outcome = self.change(|change| {
            let found = find(change, &request.key)?;
            if let Some(entry) = found.filter(|entry| entry.state != State::Released) {
                return Ok(Ok(Reservation {
                    entry,
                    is_new: false,
                }));
            }
            if let Some(denied) = denied(change, request, caps, now)? {
                return Ok(Err(denied));
            }
            let entry = Entry::of(request, now);
            put(change, &entry)?;
            change.execute(
                "UPDATE entries SET holder = ?3 WHERE repo = ?1 AND attempt = ?2",
                params![entry.repo, entry.attempt, self.holder],
            )?;
            Ok(Ok(Reservation {
                entry,
                is_new: true,
            }))
        })?;
        Ok(outcome?)
    }

    /// Notes what an attempt has spent so far.
    pub fn meter(&self, key: &AttemptKey, so_far: Usd) -> Result<Entry, LedgerError> {
        self.update(key, |entry| entry.metered(so_far))
    }

    /// Notes what an attempt did cost, in full, also where that is more than it reserved or the
    /// reservation was released. The first charge counts.
    pub fn charge(&self, key: &AttemptKey, charge: &Charge) -> Result<Entry, LedgerError> {
        self.update(key, |entry| entry.charged(charge))
    }

    /// Gives back what an attempt reserved that never began.
    pub fn release(&self, key: &AttemptKey) -> Result<Entry, LedgerError> {
        self.update(key, Entry::released)
    }

    /// Ends an attempt that was cut off: what was metered last is charged, or else all that it
    /// reserved.
    pub fn interrupted(&self, key: &AttemptKey) -> Result<Entry, LedgerError> {
        self.update(key, Entry::interrupted)
    }

    fn update(
        &self,
        key: &AttemptKey,
        step: impl FnOnce(Entry) -> Entry,
    ) -> Result<Entry, LedgerError> {
        let entry = self.change(|change| step_of(change, key, step))?;
        entry.ok_or_else(|| LedgerError::NoSuchAttempt {
            repo: key.repo.clone(),
            attempt: key.attempt.clone(),
        })
    }

    /// One immediate transaction: nobody else reads or writes between its steps.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let failed = |source| failure(&self.inner.path, source);
        let mut connection = self.lock();
        let change = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let value = work(&change).map_err(failed)?;
        change.commit().map_err(failed)?;
        Ok(value)
    }

    /// Reads.
    pub(super) fn query<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        work(&self.lock()).map_err(|source| failure(&self.inner.path, source))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction whose thread panicked was rolled back: the connection is as good as new.
        self.inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure in the midst of work. The statements are archal's own: when SQLite finds one wrong,
/// or a value is of no kind archal writes, the file is not what it was.
fn failure(path: &Path, source: rusqlite::Error) -> LedgerError {
    use rusqlite::Error;
    let is_foreign = match &source {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::SqlInputError { .. } => true,
        Error::SqliteFailure(error, _) => error.extended_code == rusqlite::ffi::SQLITE_ERROR,
        _ => false,
    };
    if is_foreign {
        return LedgerError::Broken(DatabaseError::Broken {
            path: path.to_owned(),
            reason: source.to_string(),
        });
    }
    DatabaseError::of(path, source).into()
}

/// Whether nothing can be written there because of whose place it is, not for want of room.
fn is_closed(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::Io { source, .. } => !matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ),
        other => !other.is_full(),
    }
}

fn reason(error: &DatabaseError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The beginning of the UTC day of a time, in microseconds.
pub(super) fn day_start(time: Timestamp) -> i64 {
    time.as_microsecond().div_euclid(DAY_MICROS) * DAY_MICROS
}

fn denied(
    change: &Transaction<'_>,
    request: &Request,
    caps: &Caps,
    now: Timestamp,
) -> rusqlite::Result<Option<Denied>> {
    const SUMS: &str = "SELECT coalesce(sum(cost), 0), coalesce(sum(counted), 0) FROM entries";
    if let (Cap::AtMost(cap), Some(trace)) = (caps.per_trace, &request.trace) {
        let sums = change.query_row(
            &format!("{SUMS} WHERE repo = ?1 AND trace = ?2"),
            [&request.key.repo, trace],
            |row| Ok((amount(row, 0)?, amount(row, 1)?)),
        )?;
        let denied = over(WhichCap::Trace, cap, sums, request.estimate);
        if denied.is_some() {
            return Ok(denied);
        }
    }
    if let Cap::AtMost(cap) = caps.per_day {
        let sums =
            change.query_row(&format!("{SUMS} WHERE at >= ?1"), [day_start(now)], |row| {
                Ok((amount(row, 0)?, amount(row, 1)?))
            })?;
        return Ok(over(WhichCap::Day, cap, sums, request.estimate));
    }
    Ok(None)
}

fn over(
    which: WhichCap,
    cap: Usd,
    (spent, taken): (Usd, Usd),
    asked: Option<Usd>,
) -> Option<Denied> {
    let fits = match asked {
        Some(asked) => taken.checked_add(asked).is_some_and(|sum| sum <= cap),
        None => taken < cap,
    };
    (!fits).then_some(Denied {
        which,
        cap,
        spent,
        reserved: taken.saturating_sub(spent),
        asked,
    })
}

fn find(connection: &Connection, key: &AttemptKey) -> rusqlite::Result<Option<Entry>> {
    connection
        .query_row(
            &format!("SELECT {COLUMNS} FROM entries WHERE repo = ?1 AND attempt = ?2"),
            [&key.repo, &key.attempt],
            entry,
        )
        .optional()
}

pub(super) fn step_of(
    change: &Transaction<'_>,
    key: &AttemptKey,
    step: impl FnOnce(Entry) -> Entry,
) -> rusqlite::Result<Option<Entry>> {
    let Some(before) = find(change, key)? else {
        return Ok(None);
    };
    let after = step(before.clone());
    if after != before {
        put(change, &after)?;
    }
    Ok(Some(after))
}

fn put(change: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let tokens = entry
        .tokens
        .map(|tokens| serde_json::to_string(&tokens))
        .transpose()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    change.execute(
        &format!(
            "INSERT INTO entries ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (repo, attempt) DO UPDATE SET kind = ?3, trace = ?4, at = ?5, state = ?6,
             reserved = ?7, metered = ?8, cost = ?9, cost_source = ?10, interrupted = ?11,
             counted = ?12, tokens = ?13, prices = ?14"
        ),
        params![
            entry.repo,
            entry.attempt,
            entry.kind,
            entry.trace,
            entry.at.as_microsecond(),
            entry.state.word(),
            entry.reserved_usd.map(Usd::micros),
            entry.metered_usd.map(Usd::micros),
            entry.cost_usd.map(Usd::micros),
            entry.cost_source.map(CostSource::word),
            entry.interrupted,
            entry.counted_usd.micros(),
            tokens,
            entry.prices,
        ],
    )?;
    Ok(())
}

/// A value of the database that cannot be: it was not written by archal.
fn nonsense(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        rusqlite::types::Type::Text,
        format!("{what} is nothing archal writes").into(),
    )
}

pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Usd> {
    let micros = row.get(column)?;
    Usd::from_micros(micros).ok_or_else(|| nonsense(column, &micros.to_string()))
}

fn maybe_amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Usd>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => amount(row, column).map(Some),
        None => Ok(None),
    }
}

/// An entry from a row of [`COLUMNS`].
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let at: i64 = row.get(4)?;
    let state: String = row.get(5)?;
    let source: Option<String> = row.get(9)?;
    let tokens: Option<String> = row.get(12)?;
    let states = [State::Reserved, State::Charged, State::Released];
    let sources = [
        CostSource::Reported,
        CostSource::Computed,
        CostSource::Reserved,
        CostSource::Unknown,
    ];
    Ok(Entry {
        repo: row.get(0)?,
        attempt: row.get(1)?,
        kind: row.get(2)?,
        trace: row.get(3)?,
        at: Timestamp::from_microsecond(at).map_err(|_| nonsense(4, &at.to_string()))?,
        state: states
            .into_iter()
            .find(|known| known.word() == state)
            .ok_or_else(|| nonsense(5, &state))?,
        reserved_usd: maybe_amount(row, 6)?,
        metered_usd: maybe_amount(row, 7)?,
        cost_usd: maybe_amount(row, 8)?,
        cost_source: source
            .map(|source| {
                let known = sources.into_iter().find(|known| known.word() == source);
                known.ok_or_else(|| nonsense(9, &source))
            })
            .transpose()?,
        interrupted: row.get(10)?,
        counted_usd: amount(row, 11)?,
        tokens: tokens
            .map(|text| serde_json::from_str::<Tokens>(&text).map_err(|_| nonsense(12, &text)))
            .transpose()?,
        prices: row.get(13)?,
    })
}

#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;
