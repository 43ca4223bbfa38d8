//! A notice for a program of the user's.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::sandbox;
use crate::sandbox::child::{ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::store::atomic::{self, Durability};

use super::{Courier, Told};

/// The caller's variables that it is given: what finds programs, tells the language, and lets a
/// desktop's own program reach the desktop. No key is among them.
const VARIABLES: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
];
/// Bytes kept of each of its pipes.
const OUTPUT_CAP: usize = 64 << 10;
/// How long it may take to end after it was asked to.
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// Runs the command with the notice in a file. Nothing of it is in its arguments, where every
/// user of the machine could read it and a shell might run it.
pub(super) fn tell(courier: &Courier<'_>, command: &str, key: &str, body: &Value) -> Told {
    let later = |reason: String| Told::Later {
        reason,
        after: None,
    };
    // One name for all tries: a try that was cut off leaves nothing behind the next.
    let file = courier.layout.attach("notices").join(format!("{key}.json"));
    if let Err(error) = atomic::write_json(&file, body, Durability::Derived) {
        return later(error.to_string());
    }
    let mut environment: BTreeMap<String, String> = courier
        .environment
        .variables
        .iter()
        .filter(|(name, _)| VARIABLES.contains(&name.as_str()) || name.starts_with("LC_"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    environment.insert("ARCHAL_NOTICE_FILE".to_owned(), file.display().to_string());
    let end = sandbox::run(
        &ChildSpec {
            command: vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()],
            directory: courier.repo.to_owned(),
            environment,
            timeout: courier.command_timeout,
            idle: None,
            grace: GRACE,
            output_cap: OUTPUT_CAP,
            binds: Vec::new(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: None,
        },
        &courier.hold,
    );
    // One that stays is written again or lies there; it holds nothing that the state does not.
    _ = fs::remove_file(&file);
    let said = || {
        let text = String::from_utf8_lossy(&end.stderr);
        let last = text.trim().lines().last().unwrap_or_default().to_owned();
        if last.is_empty() {
            last
        } else {
            format!(": {last}")
        }
    };
    match &end.outcome {
        ChildOutcome::Exited { code: 0 } => Told::Taken,
        ChildOutcome::Stopped => Told::Stopped,
        ChildOutcome::Exited { code } => later(format!(
            "the notify command exited with status {code}{}",
            said()
        )),
        ChildOutcome::Killed { signal } => {
            later(format!("the notify command was killed by signal {signal}"))
        }
        ChildOutcome::TimedOut => later(format!(
            "the notify command did not end in {} s",
            courier.command_timeout.as_secs()
        )),
        ChildOutcome::NotStarted { reason } => later(reason.clone()),
    }
}
