//! The profile by which macOS confines a child, for `sandbox-exec`. Written for it and not run there.

use std::path::Path;

use super::{Confine, Network};

/// The program that takes the profile.
#[cfg(target_os = "macos")]
pub(in crate::sandbox) const PROGRAM: &str = "/usr/bin/sandbox-exec";

/// The profile: the last rule that fits decides.
pub(in crate::sandbox) fn profile(confine: &Confine) -> String {
    let mut profile = String::from("(version 1)\n(allow default)\n(deny file-write*)\n");
    for device in ["/dev/null", "/dev/zero", "/dev/tty", "/dev/dtracehelper"] {
        profile.push_str(&format!(
            "(allow file-write* (literal {}))\n",
            quoted(device)
        ));
    }
    for path in &confine.writable {
        profile.push_str(&rule("allow file-write*", path));
    }
    for path in &confine.hidden {
        profile.push_str(&rule("deny file-read* file-write*", path));
    }
    if let Network::Held { ports } = &confine.network {
        profile.push_str("(deny network*)\n(allow network-bind (local ip \"localhost:*\"))\n");
        for port in ports {
            profile.push_str(&format!(
                "(allow network-outbound (remote ip \"localhost:{port}\"))\n"
            ));
        }
    }
    profile
}

fn rule(what: &str, path: &Path) -> String {
    format!(
        "({what} (subpath {}))\n",
        quoted(&path.display().to_string())
    )
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_comes_after_what_is_allowed() {
        let confine = Confine {
            writable: vec!["/w/a \"b\"".into()],
            hidden: vec!["/home/me/.ssh".into()],
            network: Network::Held { ports: vec![7] },
            ..Confine::default()
        };
        let profile = profile(&confine);
        let at = |what: &str| profile.find(what).expect("there");
        let write = at("(allow file-write* (subpath \"/w/a \\\"b\\\"\"))");
        assert!(at("(deny file-write*)") < write);
        assert!(write < at("(deny file-read* file-write* (subpath \"/home/me/.ssh\"))"));
        assert!(at("(deny network*)") < at("localhost:7"));
    }
}
