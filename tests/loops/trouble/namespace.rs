//! Tests that need a file system or limits of their own run again in a namespace.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that tells the test inside that it is, and names its folder.
const INSIDE: &str = "ARCHAL_TEST_NAMESPACE";

/// Runs a test again in a user, mount and network namespace of its own, as root there; gives a
/// folder of it to the test inside.
pub(super) fn again_in_one(test: &str) -> Option<PathBuf> {
    again(test, &["--user", "--map-root-user", "--mount", "--net"])
}

/// The same with the network there is: loopback of a new one is down.
pub(super) fn again_with_loopback(test: &str) -> Option<PathBuf> {
    again(test, &["--user", "--map-root-user", "--mount"])
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by this very function, for the test binary alone"
)]
fn again(test: &str, spaces: &[&str]) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let again = Command::new("unshare")
        .args(spaces)
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, folder.path())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(
        again.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&again.stderr)
    );
    None
}

/// Mounts something over a folder of the test inside.
pub(super) fn mount(what: &[&str], over: &Path) {
    assert!(is_mounted(what, over), "mount {what:?}");
}

/// Tries to mount something over a folder of the test inside.
pub(super) fn is_mounted(what: &[&str], over: &Path) -> bool {
    let mounted = Command::new("mount").args(what).arg(over).status();
    mounted.is_ok_and(|status| status.success())
}
