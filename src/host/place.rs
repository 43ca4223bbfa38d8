//! Where the control socket lies: in the state folder, or, where its path is too long for a socket
//! address or the file system has no sockets, in a private folder of the user.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use archal_core::hash;

use crate::store::layout::Layout;

/// Most bytes of a path in a socket address, on every system: Linux has 107, macOS 103.
const ADDRESS_LIMIT: usize = 103;

/// Binds the socket of a repository in the first place that takes it. Another process can reach it
/// only once it is private to the user.
pub(super) fn bind(
    layout: &Layout,
    environment: &Environment,
) -> Result<(UnixListener, PathBuf), (PathBuf, io::Error)> {
    let mut first = None;
    for place in places(layout, environment) {
        match bind_at(&place) {
            Ok(listener) => return Ok((listener, place.socket)),
            Err(error) => _ = first.get_or_insert((place.socket, error)),
        }
    }
    Err(first.unwrap_or_else(|| {
        let error = io::Error::new(
            io::ErrorKind::InvalidFilename,
            "no folder of yours has a path short enough for a socket",
        );
        (layout.watcher_socket(), error)
    }))
}

struct Place {
    socket: PathBuf,
    /// The folder is archal's own and nobody else may look into it.
    private: bool,
}

fn places(layout: &Layout, environment: &Environment) -> Vec<Place> {
    let root = fs::canonicalize(layout.root()).unwrap_or_else(|_| layout.root().to_owned());
    let digest = hash::sha256(root.as_os_str().as_encoded_bytes());
    // `sha256:` and as many digits as nobody's repositories share.
    let name = format!("{}.sock", &digest[7..23]);
    let runtime = environment
        .get("XDG_RUNTIME_DIR")
        .map(|folder| Path::new(folder).join("archal"));
    let own = format!("archal-{}", rustix::process::geteuid().as_raw());
    let temporary = environment.get("TMPDIR").unwrap_or("/tmp");
    let folders = [
        runtime,
        Some(Path::new(temporary).join(&own)),
        Some(Path::new("/tmp").join(&own)),
    ];
    let elsewhere = folders.into_iter().flatten().map(|folder| Place {
        socket: folder.join(&name),
        private: true,
    });
    std::iter::once(Place {
        socket: layout.watcher_socket(),
        private: false,
    })
    .chain(elsewhere)
    .filter(|place| place.socket.is_absolute())
    .filter(|place| place.socket.as_os_str().len() <= ADDRESS_LIMIT)
    .collect()
}

fn bind_at(place: &Place) -> io::Result<UnixListener> {
    let folder = place.socket.parent().unwrap_or(Path::new("/"));
    if place.private {
        make_private(folder)?;
    }
    // Born where nobody else can go, so that it is never reachable before it is private; the
    // name is shorter than that of the socket itself.
    let cradle = cradle(folder)?;
    let born = cradle.path().join("s");
    let listener = UnixListener::bind(&born)?;
    fs::set_permissions(&born, fs::Permissions::from_mode(0o600))?;
    // Takes the place of one that a dead watcher left.
    fs::rename(&born, &place.socket)?;
    Ok(listener)
}

/// A new folder that only the user can go into, whatever the umask.
fn cradle(folder: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(".s")
        .rand_bytes(6)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(folder)
}

/// Makes a folder that is the user's alone, or makes sure that one is.
fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let found = fs::symlink_metadata(folder)?;
    let own = rustix::process::geteuid().as_raw();
    if found.is_dir() && found.uid() == own && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is not a folder of yours alone", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn environment(variables: &[(&str, &Path)]) -> Environment {
        let text = |path: &Path| path.display().to_string();
        Environment {
            variables: variables
                .iter()
                .map(|(name, path)| ((*name).to_owned(), text(path)))
                .collect::<BTreeMap<_, _>>(),
            directory: "/".into(),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn a_socket_is_private_and_replaces_a_dead_one() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        fs::create_dir_all(layout.root()).expect("writable");
        let cradle = cradle(layout.root()).expect("made");
        assert_eq!(mode(cradle.path()), 0o700);
        drop(cradle);
        for _ in 0..2 {
            let (_, path) = bind(&layout, &environment(&[])).expect("bound");
            assert_eq!(path, layout.watcher_socket());
            assert_eq!(mode(&path), 0o600);
        }
        let left: Vec<_> = fs::read_dir(layout.root()).expect("readable").collect();
        assert_eq!(left.len(), 1, "the folders it was born in are gone");
    }

    #[test]
    fn a_path_that_is_too_long_leads_to_the_runtime_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("x".repeat(120));
        let layouts = ["a", "b"].map(|name| Layout::of(&deep.join(name), None));
        for layout in &layouts {
            fs::create_dir_all(layout.root()).expect("writable");
        }
        let runtime = folder.path().join("run");
        fs::create_dir(&runtime).expect("writable");
        let with_runtime = environment(&[("XDG_RUNTIME_DIR", &runtime)]);
        let [one, other] = layouts
            .each_ref()
            .map(|layout| bind(layout, &with_runtime).expect("bound").1);
        assert_eq!(one.parent(), Some(&*runtime.join("archal")));
        assert_ne!(one, other, "each repository has its own");
        assert_eq!(mode(&runtime.join("archal")), 0o700);
        assert_eq!(mode(&one), 0o600);

        // Without one, or where somebody else can get at it: the temporary folder.
        let open = runtime.join("archal");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).expect("mine");
        let both = environment(&[("XDG_RUNTIME_DIR", &runtime), ("TMPDIR", folder.path())]);
        let (_, path) = bind(&layouts[0], &both).expect("bound");
        assert_eq!(path.parent().and_then(Path::parent), Some(folder.path()));
        assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    }

    #[test]
    fn a_folder_that_another_user_prepared_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let trap = folder.path().join("trap");
        std::os::unix::fs::symlink(folder.path(), &trap).expect("writable");
        assert!(make_private(&trap).is_err());
        fs::create_dir(folder.path().join("open")).expect("writable");
        let open = folder.path().join("open");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("mine");
        assert!(make_private(&open).is_err());
        make_private(&folder.path().join("new")).expect("made");
        make_private(&folder.path().join("new")).expect("still mine");
    }
}
