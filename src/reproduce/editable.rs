//! Python packages that are installed as editable: their environment names the checkout, so a copy that is
//! shown it would run the code of the checkout and not its own.
//!
//! The files of the environment that name the checkout are shown in another wording, in which they name the copy.
//! They are so at the environment's own place, too: what is installed in its `bin` names that in its first line.

use std::fs;
use std::path::{Path, PathBuf};

/// The most of a file that is read, and the most files that are shown otherwise.
const MOST_BYTES: u64 = 256 * 1024;
const MOST: usize = 64;

/// The files of an environment in `folder` of the checkout that name the checkout, each relative to it and with
/// the text that names the copy.
pub fn files(repo: &Path, folder: &str, copy: &Path) -> Vec<(PathBuf, String)> {
    let named: Vec<PathBuf> = [Some(repo.to_owned()), repo.canonicalize().ok()]
        .into_iter()
        .flatten()
        .collect();
    let libraries = entries(&repo.join(folder)).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == "lib" || name == "lib64"
    });
    libraries
        .filter(|library| !library.is_symlink())
        .flat_map(|library| entries(&library))
        .flat_map(|python| entries(&python.join("site-packages")))
        .filter(|path| leads(path))
        .filter_map(|path| {
            let text = small_text(&path)?;
            let told = named
                .iter()
                .fold(text.clone(), |text, from| renamed(&text, from, copy));
            let path = path.strip_prefix(repo).ok()?.to_owned();
            (told != text).then_some((path, told))
        })
        .take(MOST)
        .collect()
}

/// Whether Python looks into a file for where a package is: lines of folders, or the finder of a build tool.
fn leads(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_finder = name.starts_with("__editable__") && name.ends_with(".py");
    is_finder || name.ends_with(".pth") || name.ends_with(".egg-link")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

fn small_text(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    let is_small = found.is_file() && found.len() <= MOST_BYTES;
    is_small.then(|| fs::read_to_string(path).ok()).flatten()
}

/// A text in which a folder is called by another name, where it is named whole.
fn renamed(text: &str, from: &Path, to: &Path) -> String {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let goes_on = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        told.push_str(before);
        told.push_str(match after.starts_with(goes_on) {
            true => &from,
            false => &to,
        });
        rest = after;
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_the_checkout_leads_to_the_copy() {
        let checkout = tempfile::tempdir().expect("a folder");
        let repo = checkout.path().canonicalize().expect("there");
        let packages = "agents/.venv/lib/python3.12/site-packages";
        let shown = repo.display();
        for (name, text) in [
            ("agent.pth", format!("{shown}/src\n{shown}\n")),
            ("other.pth", format!("{shown}-other/src\n/usr/lib/x\n")),
            (
                "__editable___agent_1_finder.py",
                format!("MAPPING = {{'agent': '{shown}/src/agent'}}\n"),
            ),
            ("code.py", format!("HERE = '{shown}'\n")),
        ] {
            let path = repo.join(packages).join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        let mut found = files(&repo, "agents/.venv", Path::new("/copy"));
        found.sort();
        let expected = [
            (
                "__editable___agent_1_finder.py",
                "MAPPING = {'agent': '/copy/src/agent'}\n",
            ),
            ("agent.pth", "/copy/src\n/copy\n"),
        ];
        let expected =
            expected.map(|(name, text)| (Path::new(packages).join(name), text.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(files(&repo, "node_modules", Path::new("/copy")), []);
    }
}
