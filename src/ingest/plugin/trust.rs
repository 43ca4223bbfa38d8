//! Whether a plugin's file is one that nobody else could have put there.
//!
//! What is started or loaded acts as the user. So its path is whole, nothing is looked for anywhere, and
//! neither the file nor a folder above it may be written by just anybody.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writable by everybody.
const EVERYBODY: u32 = 0o002;
/// In such a folder only its owner removes or renames a file.
const STICKY: u32 = 0o1000;

/// Why a plugin is not started or loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Where it is would depend on where archal is started.
    #[error("{} is no absolute path", path.display())]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// It cannot be looked at.
    #[error("the plugin {} cannot be found", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is no file.
    #[error("the plugin {} is no file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// Anybody could have changed it.
    #[error("everybody may write {}, so anybody could have put the plugin there", path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
    },
    /// It is somebody else's.
    #[error("{} belongs to another user", path.display())]
    Foreign {
        /// The file or folder.
        path: PathBuf,
    },
}

impl TrustError {
    /// The command that mends it, where there is one.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Open { path } => Some(format!("chmod o-w {}", path.display())),
            _ => None,
        }
    }
}

/// The path of a plugin without links, if it may be used.
///
/// # Errors
///
/// Why it may not.
pub fn trusted(path: &Path) -> Result<PathBuf, TrustError> {
    if !path.is_absolute() {
        return Err(TrustError::Relative {
            path: path.to_owned(),
        });
    }
    let look = |path: &Path| -> Result<Metadata, TrustError> {
        fs::metadata(path).map_err(|source| TrustError::Io {
            path: path.to_owned(),
            source,
        })
    };
    let real = path.canonicalize().map_err(|source| TrustError::Io {
        path: path.to_owned(),
        source,
    })?;
    let file = look(&real)?;
    if !file.is_file() {
        return Err(TrustError::NoFile { path: real });
    }
    let own = rustix::process::geteuid().as_raw();
    for place in real.ancestors() {
        let metadata = look(place)?;
        if !is_trusted(metadata.uid(), own) {
            return Err(TrustError::Foreign {
                path: place.to_owned(),
            });
        }
        let mode = metadata.permissions().mode();
        let is_held = place != real && mode & STICKY != 0;
        if mode & EVERYBODY != 0 && !is_held {
            return Err(TrustError::Open {
                path: place.to_owned(),
            });
        }
    }
    Ok(real)
}

/// Whether nobody but the user acts as that owner; root does as it likes anyway.
fn is_trusted(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_somebody_else_is_not_used() {
        assert!(is_trusted(1000, 1000) && is_trusted(0, 1000));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1000, 0));
        // Whoever owns a folder puts another file into the place of one that is the user's.
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("plugins");
        fs::create_dir(&inner).expect("writable");
        let file = inner.join("plugin");
        fs::write(&file, "#!/bin/sh\n").expect("writable");
        if std::os::unix::fs::chown(&inner, Some(65_534), None).is_ok() {
            assert!(
                matches!(trusted(&file), Err(TrustError::Foreign { path }) if path.ends_with("plugins"))
            );
        }
    }

    #[test]
    fn what_everybody_may_write_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("plugins");
        fs::create_dir(&inner).expect("writable");
        let file = inner.join("plugin");
        fs::write(&file, "#!/bin/sh\n").expect("writable");
        let mode = |path: &Path, mode: u32| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mine");
        };
        assert_eq!(
            trusted(&file).expect("mine"),
            file.canonicalize().expect("there")
        );
        mode(&file, 0o702);
        assert!(matches!(trusted(&file), Err(TrustError::Open { .. })));
        mode(&file, 0o700);
        mode(&inner, 0o777);
        let refused = trusted(&file).expect_err("open");
        assert!(refused.advice().is_some_and(|how| how.contains("o-w")));
        mode(&inner, 0o1777);
        assert!(trusted(&file).is_ok());
        let link = inner.join("link");
        std::os::unix::fs::symlink(&file, &link).expect("writable");
        assert!(trusted(&link).is_ok());
    }

    #[test]
    fn nothing_is_looked_for_from_where_archal_is_started() {
        for path in ["plugin", "./plugin.so", "a/../plugin.so"] {
            let refused = trusted(Path::new(path));
            assert!(
                matches!(refused, Err(TrustError::Relative { .. })),
                "{path}"
            );
        }
        assert!(matches!(
            trusted(Path::new("/")),
            Err(TrustError::NoFile { .. })
        ));
        assert!(matches!(
            trusted(Path::new("/nowhere/plugin")),
            Err(TrustError::Io { .. })
        ));
    }
}
