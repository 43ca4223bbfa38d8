//! The user's redaction key: 32 bytes that make placeholders equal for equal secrets and
//! unguessable for everybody else.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

use crate::store::layout;

/// How the names of keys that are being made begin and end.
const PREFIX: &str = ".redaction-";
const SUFFIX: &str = ".tmp";
/// How often a key is made whose file was taken away.
const MOST_LOOKS: u32 = 3;

/// The key in force.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactionKey {
    /// The key.
    pub bytes: [u8; 32],
    /// One line for the user when the key lasts for this run only, and why.
    pub warning: Option<String>,
}

/// The key is a secret and stays out of logs.
impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedactionKey")
            .field("warning", &self.warning)
            .finish_non_exhaustive()
    }
}

/// Where the key lies: `$XDG_STATE_HOME/archal/redaction.key`, else below `~/.local/state`;
/// none without a home.
pub fn path(environment: &Environment) -> Option<PathBuf> {
    layout::of_user(environment, "redaction.key")
}

/// Reads the user's key, or makes it of `random` on first use, readable by the user alone.
///
/// Never fails: without a place for it `random` is the key of this run, and the warning says so.
/// A file that is there but is no key is left as it is.
pub fn load(path: Option<&Path>, random: [u8; 32]) -> RedactionKey {
    let Some(path) = path else {
        return for_this_run(random, "there is no home directory to keep it in");
    };
    match read_or_make(path, random) {
        Ok(bytes) => RedactionKey {
            bytes,
            warning: None,
        },
        Err(error) => for_this_run(random, &format!("{}: {error}", path.display())),
    }
}

fn for_this_run(bytes: [u8; 32], reason: &str) -> RedactionKey {
    RedactionKey {
        bytes,
        warning: Some(format!(
            "the redaction key lasts for this run only: {reason}"
        )),
    }
}

fn read_or_make(path: &Path, random: [u8; 32]) -> io::Result<[u8; 32]> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    for _ in 1..MOST_LOOKS {
        // Another process may take the file for one that was left, right after it was made.
        match make(folder, path, random) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
    }
    make(folder, path, random)
}

fn make(folder: &Path, path: &Path, random: [u8; 32]) -> io::Result<[u8; 32]> {
    // Temporary files are born 0600. The link fails when another process was first, and then
    // its key is the user's key.
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .tempfile_in(folder)?;
    file.as_file().lock()?;
    remove_left(folder);
    file.write_all(&random)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(random),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error.error),
    }
}

/// Removes the files of processes that were killed while they made the key: nobody holds them.
fn remove_left(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_unfinished = name
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        let is_left = || fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_unfinished && is_left() {
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let bytes = fs::read(path)?;
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the file holds {} bytes instead of 32", bytes.len()),
        )
    })?;
    close_to_others(path)?;
    Ok(key)
}

/// A key that others could read (a restored backup) is closed again.
#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_of_a_key_is_removed() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("redaction.key");
        fs::write(folder.path().join(".redaction-left.tmp"), [1; 7]).expect("writable");
        let held = folder.path().join(".redaction-held.tmp");
        let other = fs::File::create(&held).expect("writable");
        other.lock().expect("locked");
        assert_eq!(load(Some(&path), [2; 32]).bytes, [2; 32]);
        let names = fs::read_dir(folder.path()).expect("readable");
        let mut names: Vec<_> = names.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, [".redaction-held.tmp", "redaction.key"]);
    }

    #[test]
    fn the_first_key_stays_the_key() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("archal/redaction.key");
        assert_eq!(load(Some(&path), [1; 32]).bytes, [1; 32]);
        let again = load(Some(&path), [2; 32]);
        assert_eq!((again.bytes, again.warning), ([1; 32], None));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(), 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mine");
            load(Some(&path), [2; 32]);
            assert_eq!(mode(), 0o600);
        }
    }

    #[test]
    fn without_a_place_or_with_a_strange_file_the_key_is_for_the_run() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let strange = folder.path().join("strange");
        fs::write(&strange, "short").expect("writable");
        for path in [
            None,
            Some(strange.as_path()),
            Some(&strange.join("below-a-file")),
        ] {
            let key = load(path, [3; 32]);
            assert_eq!(key.bytes, [3; 32]);
            assert!(key.warning.expect("said").contains("this run only"));
        }
        assert_eq!(fs::read(&strange).expect("there"), b"short");
    }

    #[test]
    fn the_state_folder_is_the_users() {
        let with = |pairs: &[(&str, &str)]| Environment {
            variables: pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: PathBuf::from("/"),
        };
        assert_eq!(
            path(&with(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")])),
            Some(PathBuf::from("/s/archal/redaction.key"))
        );
        assert_eq!(
            path(&with(&[("HOME", "/h"), ("XDG_STATE_HOME", "relative")])),
            Some(PathBuf::from("/h/.local/state/archal/redaction.key"))
        );
        assert_eq!(path(&with(&[])), None);
    }
}
