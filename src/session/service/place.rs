//! Where sessions lie: a folder each below `.archal/cache/sessions`, with a lock that ends with the
//! process and a record that is true for as long as the lock is held.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::lock::{FileLock, LockError};
use crate::host::record::is_there;
use crate::store::layout::Layout;

/// The name of a session that nobody named.
pub const DEFAULT_NAME: &str = "default";
/// Most bytes of a name.
const NAME: usize = 64;
/// The version of the record.
const VERSION: u32 = 1;

/// The place of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    name: String,
}

/// How a session is reached: `session.json`, readable by its user alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Always `archal.session`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The session.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Which archal it is.
    pub archal: String,
    /// The root of its control API.
    pub control: String,
    /// What the control API asks for.
    pub token: String,
    /// The socket through which commands get in, in a private folder of its own.
    pub entrance: PathBuf,
}

/// What is known of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Nothing was ever there, or it ended in order.
    Ended,
    /// It is starting or ending.
    Between,
    /// It runs.
    Running(Record),
    /// It ended without saying so: killed, or the machine went down.
    Crashed(Record),
}

/// Why a session's place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The name would be no folder's.
    #[error(
        "`{name}` is no name for a session: letters, digits, `.`, `-` and `_`, at most {NAME}, the first a letter or digit"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A file or folder cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It cannot be known whether the session runs.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Place {
    /// The place of a session of that name.
    ///
    /// # Errors
    ///
    /// When the name is none.
    pub fn of(layout: &Layout, name: &str) -> Result<Self, PlaceError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_name = name.len() <= NAME
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(fits);
        if !is_name {
            return Err(PlaceError::Name {
                name: name.to_owned(),
            });
        }
        Ok(Self {
            folder: layout.sessions().join(name),
            name: name.to_owned(),
        })
    }

    /// The places of all sessions that left something, sorted by name.
    ///
    /// # Errors
    ///
    /// When the folder of sessions cannot be read.
    pub fn all(layout: &Layout) -> Result<Vec<Self>, PlaceError> {
        let folder = layout.sessions();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| PlaceError::File {
                path: folder,
                source,
            })?,
        };
        let mut places: Vec<Self> = entries
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| Self::of(layout, entry.file_name().to_str()?).ok())
            .collect();
        places.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(places)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its evidence is.
    pub fn evidence(&self) -> PathBuf {
        self.folder.join("evidence")
    }

    /// What it did, for people.
    pub fn log(&self) -> PathBuf {
        self.folder.join("session.log")
    }

    fn record(&self) -> PathBuf {
        self.folder.join("session.json")
    }

    fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Takes the right to be this session; none when another process has it. What a session before it left is put aside.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or used.
    pub fn claim(&self) -> Result<Option<Claim>, PlaceError> {
        let claim = self.take()?;
        if let Some(claim) = &claim {
            claim.clear()?;
            self.set_aside().map_err(|source| self.failed(source))?;
        }
        Ok(claim)
    }

    /// Forgets a session that was killed; its evidence stays. Nothing where it runs.
    ///
    /// # Errors
    ///
    /// When its record cannot be removed.
    pub fn forget(&self) -> Result<(), PlaceError> {
        match self.take()? {
            Some(claim) => claim.clear(),
            None => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> PlaceError {
        PlaceError::File {
            path: self.folder.clone(),
            source,
        }
    }

    /// Makes the folder, which nobody else may look into.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn prepare(&self) -> Result<(), PlaceError> {
        let failed = |source| self.failed(source);
        if let Some(above) = self.folder.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let private = fs::Permissions::from_mode(0o700);
                fs::set_permissions(&self.folder, private).map_err(failed)
            }
            made => made.map_err(failed),
        }
    }

    fn take(&self) -> Result<Option<Claim>, PlaceError> {
        self.prepare()?;
        let Some(lock) = FileLock::take(&self.lock())? else {
            return Ok(None);
        };
        Ok(Some(Claim {
            place: self.clone(),
            _lock: lock,
        }))
    }

    /// Evidence of the session before this one gets a number, and the next is free again.
    fn set_aside(&self) -> io::Result<()> {
        let evidence = self.evidence();
        if !evidence.exists() {
            return Ok(());
        }
        let mut number = 1;
        loop {
            let aside = self.folder.join(format!("evidence.{number}"));
            if !aside.exists() {
                return fs::rename(evidence, aside);
            }
            number += 1;
        }
    }

    /// Whether a process is this session.
    ///
    /// # Errors
    ///
    /// When that cannot be known.
    pub fn is_held(&self) -> Result<bool, PlaceError> {
        Ok(FileLock::is_held(&self.lock())?)
    }

    /// What is known of the session. Whether it runs is the lock's to say: a process id may belong to
    /// somebody else by now.
    ///
    /// # Errors
    ///
    /// When that cannot be known.
    pub fn standing(&self) -> Result<Standing, PlaceError> {
        let is_held = self.is_held()?;
        // Read after asking: a record that was removed meanwhile belongs to an orderly end.
        Ok(match (is_held, self.read()) {
            // One that was killed has the lock until the last of its threads is gone.
            (true, Some(record)) if is_there(record.pid) => Standing::Running(record),
            (_, Some(record)) => Standing::Crashed(record),
            (true, None) => Standing::Between,
            (false, None) => Standing::Ended,
        })
    }

    fn read(&self) -> Option<Record> {
        let bytes = fs::read(self.record()).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.version == VERSION).then_some(record)
    }
}

/// The right to be a session, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct Claim {
    place: Place,
    _lock: FileLock,
}

impl Claim {
    /// The session's place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Says how the session is reached.
    pub(super) fn announce(&self, record: &Record) -> Result<(), PlaceError> {
        let path = self.place.record();
        let failed = |source| PlaceError::File {
            path: path.clone(),
            source,
        };
        // Temporary files are born readable by their user alone, and stay so under another name.
        let mut file = tempfile::Builder::new()
            .prefix(".archal-")
            .suffix(".tmp")
            .tempfile_in(&self.place.folder)
            .map_err(failed)?;
        let bytes = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
        file.write_all(&bytes).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Takes the record back, and what one that was killed left elsewhere.
    ///
    /// # Errors
    ///
    /// When the record cannot be removed.
    pub fn clear(&self) -> Result<(), PlaceError> {
        if let Some(record) = self.place.read() {
            let folder = record.entrance.parent();
            // Only what is archal's own by its name; it may be gone already.
            let is_ours = |folder: &&Path| {
                let name = folder.file_name().unwrap_or_default();
                name.to_string_lossy().starts_with(ENTRANCE)
            };
            if let Some(folder) = folder.filter(is_ours) {
                fs::remove_file(&record.entrance).ok();
                fs::remove_dir(folder).ok();
            }
        }
        match fs::remove_file(self.place.record()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PlaceError::File {
                path: self.place.record(),
                source,
            }),
            _ => Ok(()),
        }
    }
}

/// How the names of folders with an entrance begin.
pub(super) const ENTRANCE: &str = "archal-session-";

/// The record of this process.
pub(super) fn record(
    name: &str,
    started_at: Timestamp,
    control: String,
    token: String,
    entrance: PathBuf,
) -> Record {
    Record {
        schema: "archal.session".to_owned(),
        version: VERSION,
        name: name.to_owned(),
        pid: std::process::id(),
        started_at,
        archal: env!("CARGO_PKG_VERSION").to_owned(),
        control,
        token,
        entrance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_record() -> Record {
        let at = Timestamp::UNIX_EPOCH;
        record(
            "a",
            at,
            "http://127.0.0.1:1".into(),
            "t".into(),
            "/x/y".into(),
        )
    }

    #[test]
    fn names_are_folders_of_their_own() {
        let layout = Layout::of(Path::new("/nowhere"), None);
        for name in ["default", "a-1.b_C", "7"] {
            assert!(Place::of(&layout, name).is_ok(), "{name}");
        }
        let long = "x".repeat(NAME + 1);
        for name in ["", ".", "..", "-x", "a/b", "a b", "ä", long.as_str()] {
            assert!(Place::of(&layout, name).is_err(), "{name}");
        }
        assert_eq!(Place::all(&layout).expect("none"), []);
    }

    #[test]
    fn a_session_is_one_process_and_what_it_left_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(folder.path(), None);
        let place = Place::of(&layout, "a").expect("a name");
        assert_eq!(place.standing().expect("known"), Standing::Ended);
        let claim = place.claim().expect("usable").expect("free");
        assert!(place.claim().expect("usable").is_none());
        assert_eq!(place.standing().expect("known"), Standing::Between);
        claim.announce(&a_record()).expect("written");
        let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(place.record()), 0o600);
        assert_eq!(mode(place.folder().to_owned()), 0o700);
        assert_eq!(
            place.standing().expect("known"),
            Standing::Running(a_record())
        );
        fs::create_dir(place.evidence()).expect("writable");
        // As a kill leaves it.
        drop(claim);
        assert_eq!(
            place.standing().expect("known"),
            Standing::Crashed(a_record())
        );
        let claim = place.claim().expect("usable").expect("free again");
        assert_eq!(place.standing().expect("known"), Standing::Between);
        assert!(place.folder().join("evidence.1").exists() && !place.evidence().exists());
        drop(claim);
        assert_eq!(Place::all(&layout).expect("read"), [place]);
    }
}
