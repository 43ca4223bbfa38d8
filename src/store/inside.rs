//! Whether a path stays in a folder, links and all: a repository that somebody cloned may hold links that
//! lead out of it.

use std::fs;
use std::path::{Path, PathBuf};

/// More links one after the other lead in circles.
const MOST_LINKS: u32 = 40;

/// Whether `path` is in `folder` or is it, whether or not it is there. What leads in circles is not.
pub fn is_inside(path: &Path, folder: &Path) -> bool {
    let folder = real(folder, MOST_LINKS);
    let path = real(path, MOST_LINKS);
    path.zip(folder)
        .is_some_and(|(path, folder)| path.starts_with(folder))
}

/// Where a path leads, as far as it is there; a link to what is not there is followed, for who writes to it
/// makes that.
pub fn where_it_leads(path: &Path) -> Option<PathBuf> {
    real(path, MOST_LINKS)
}

fn real(path: &Path, most: u32) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    let Some(above) = path.parent() else {
        return Some(path.to_owned());
    };
    let above = real(above, most)?;
    let Some(name) = path.file_name() else {
        return Some(above.parent().map_or_else(PathBuf::new, Path::to_owned));
    };
    let here = above.join(name);
    match fs::read_link(&here) {
        Ok(target) => real(&above.join(target), most.checked_sub(1)?),
        Err(_) => Some(here),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_not_there_is_inside_where_its_links_lead() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in/deep")).expect("writable");
        fs::create_dir(at("out")).expect("writable");
        for (link, target) in [
            ("in/leaves", "../out"),
            ("in/dangles", "../out/new"),
            ("in/stays", "deep/new"),
            ("in/circle", "circle"),
            ("also-in", "in"),
        ] {
            symlink(target, at(link)).expect("a link");
        }
        for (path, expected) in [
            ("in", true),
            ("in/deep/none/at/all", true),
            ("in/deep/../x", true),
            ("in/stays", true),
            ("also-in/x", true),
            ("in/none/../../out", false),
            ("in/../out", false),
            ("in/leaves", false),
            ("in/leaves/x", false),
            ("in/dangles", false),
            ("in/circle", false),
            ("inside", false),
        ] {
            assert_eq!(is_inside(&at(path), &at("in")), expected, "{path}");
        }
        assert!(is_inside(&at("in/x"), &at("also-in")));
    }
}
