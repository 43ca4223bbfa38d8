//! A watch where the system gives no watches: a user namespace has limits of its own.

use std::fs;
use std::process::{Command, Stdio};

use archal::ingest::watch::{Event, Health};

use crate::ingest::watch::{BY_EVENTS, Watched};

const WATCHES: &str = "/proc/sys/user/max_inotify_watches";
const INSTANCES: &str = "/proc/sys/user/max_inotify_instances";

/// One of the user's limits, which counts what all namespaces below use.
fn limit(file: &str) -> u64 {
    fs::read_to_string(file)
        .expect("Linux")
        .trim()
        .parse()
        .expect("a number")
}

/// The three tests below run it where the limits are lower.
#[test]
fn whatever_the_limits_are_files_are_found_and_health_says_how() {
    let (watches, instances) = (limit(WATCHES), limit(INSTANCES));
    let mut settings = BY_EVENTS;
    if watches < 3 || instances < 1 {
        // Walks find it then.
        settings.poll = std::time::Duration::from_millis(20);
    }
    let watched = Watched::new(settings);
    let told = watched.until_scanned();
    let expected = |event: &Event| match event {
        Event::Health(Health::Polling { reason, advice }) if instances < 1 => {
            reason == "the user's limit of inotify instances, or of open files, is reached"
                && advice.as_deref() == Some("sudo sysctl fs.inotify.max_user_instances=1024")
        }
        Event::Health(Health::Polling { reason, advice }) if watches < 1 => {
            reason.starts_with("the user's limit of inotify watches is reached at ")
                && advice.as_deref() == Some("sudo sysctl fs.inotify.max_user_watches=524288")
        }
        Event::Health(Health::Events) => instances > 0 && watches > 0,
        _ => false,
    };
    assert!(told.first().is_some_and(expected), "{told:?}");
    // The directory takes one watch and each folder in it another.
    let deep = watched.at("a/b");
    fs::create_dir_all(&deep).expect("new");
    fs::write(deep.join("x.json"), "{}").expect("written");
    watched.look(&deep.join("x.json"));
    if (1..3).contains(&watches) && instances > 0 {
        watched.until(|event| {
            matches!(event, Event::Health(Health::Polling { reason, .. }) if reason.starts_with("the user's limit of inotify watches is reached at "))
        });
    }
    fs::write(deep.join("y.json"), "{}").expect("written");
    watched.look(&deep.join("y.json"));
    watched.rescan();
    watched.is_complete();
}

/// Runs the test above where `file` holds `number`.
#[track_caller]
fn with_limit(file: &str, number: u64) {
    let program = std::env::current_exe().expect("this test's program");
    let end = Command::new("unshare")
        .args([
            "-Ur",
            "sh",
            "-c",
            "echo \"$2\" >\"$1\" && shift 2 && exec \"$@\"",
            "sh",
        ])
        .args([file, &number.to_string()])
        .arg(program)
        .args([
            "--exact",
            "sandbox::inotify::whatever_the_limits_are_files_are_found_and_health_says_how",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&end.stdout);
    assert!(
        end.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&end.stderr)
    );
}

#[test]
fn without_instances_the_directory_is_polled() {
    with_limit(INSTANCES, 0);
}

#[test]
fn without_watches_the_directory_is_polled() {
    with_limit(WATCHES, 0);
}

#[test]
fn with_too_few_watches_the_rest_is_polled() {
    with_limit(WATCHES, 1);
}
