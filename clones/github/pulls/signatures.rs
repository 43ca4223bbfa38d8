//! People as commits name them.

use archal_core::clone::Stamp;

use crate::engine::git::Signature;
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::github::access;
use crate::github::tables::{USERS, user};

/// Who calls.
pub(super) fn own(call: &Call<'_>) -> Result<Signature, Refusal> {
    let login = access::login(call)?;
    Ok(of_login(call.root(), &login, call.now))
}

/// The service, which commits what is merged by it.
pub(super) fn web(call: &Call<'_>) -> Signature {
    Signature::new("GitHub", "noreply@github.com", call.now.at)
}

/// A user: the public address, or the one that hides it.
pub(super) fn of_login(root: &Root, login: &str, at: Stamp) -> Signature {
    let row = root.named(USERS, login);
    let name = row.and_then(|row| row.text_or_null(user::NAME));
    let email = row.and_then(|row| row.text_or_null(user::EMAIL));
    let hidden = format!(
        "{}+{login}@users.noreply.github.com",
        row.map_or(0, |row| row.int(user::ID))
    );
    Signature::new(name.unwrap_or(login), email.unwrap_or(&hidden), at.at)
}
