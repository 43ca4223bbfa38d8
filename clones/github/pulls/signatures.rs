//! People as the commits of merges name them.

use archal_core::clone::Stamp;

use crate::engine::git::Signature;
use crate::engine::root::Root;
use crate::github::content::people;
use crate::github::tables::USERS;

/// The service, which commits what is merged by it.
pub(super) fn web(at: Stamp) -> Signature {
    Signature::new("GitHub", "noreply@github.com", at.at)
}

/// A user; the service where there is none of that login.
pub(super) fn of_login(root: &Root, login: &str, at: Stamp) -> Signature {
    match root.named(USERS, login) {
        Some(row) => people::signature(row, at),
        None => web(at),
    }
}
