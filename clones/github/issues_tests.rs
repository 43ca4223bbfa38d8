//! Issues as a client meets them.

use super::check::{json, open, send};

#[test]
fn the_caller_is_the_owner_of_the_token() {
    let mut clone = open("small-project");
    assert_eq!(json(&send(clone.as_mut(), "GET /user"))["login"], "octocat");
}
