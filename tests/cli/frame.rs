//! What all commands share: usage errors, documents, colours, closed pipes.

use std::process::Stdio;

use super::environment;

#[test]
fn a_wrong_option_is_a_usage_error_with_the_right_spelling() {
    let output = environment().run(&["config", "show", "--orgin"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: unexpected argument '--orgin' found

          tip: a similar argument exists: '--origin'

        Usage: archal config show --origin

        For more information, try '--help'.
        ");
}

#[test]
fn an_error_is_a_document_where_one_was_asked_for() {
    let output = environment()
        .run(&["doctor", "--network", "--jason", "--json"])
        .ended(2);
    super::schema::holds(&output.json());
    let output = environment()
        .run(&["config", "show", "--json", "-c", "gone.json"])
        .ended(2);
    let document = output.json();
    assert_eq!(document["kind"], "config");
    assert_eq!(document["exitCode"], 2);
}

#[test]
fn no_command_is_a_usage_error() {
    let output = environment().run(&[]).ended(2);
    assert!(output.stdout.is_empty());
    assert!(output.stderr.contains("Usage: archal"));
}

#[test]
fn help_and_version_are_results() {
    let output = environment().run(&["--version"]).ended(0);
    assert_eq!(
        output.stdout,
        format!("archal {}\n", env!("CARGO_PKG_VERSION"))
    );
    let output = environment().run(&["doctor", "--help"]).ended(0);
    assert!(output.stdout.contains("Exit codes:"), "{output}");
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let painted = environment().run(&["--color", "always", "doctor", "--network", "-c", "gone"]);
    assert!(painted.stderr.contains("\u{1b}["), "{painted}");
    let mut plain = environment();
    plain.set("NO_COLOR", "1");
    let plain = plain.run(&["doctor", "--network", "-c", "gone"]);
    assert!(!plain.stderr.contains('\u{1b}'), "{plain}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let environment = environment();
    let mut child = environment
        .command(&["completions", "bash"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("my own child");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let environment = environment();
    let full = std::fs::File::create("/dev/full").expect("the full device");
    let output = environment
        .command(&["completions", "bash"])
        .stdout(full)
        .output()
        .expect("the built binary");
    assert_eq!(output.status.code(), Some(3));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("cannot write the result"), "{message}");
}

#[test]
fn a_log_filter_that_is_none_is_a_usage_error() {
    let mut environment = environment();
    environment.set("ARCHAL_LOG", "archal=loud=very");
    let output = environment.run(&["clone", "list"]).ended(2);
    assert!(output.stderr.contains("ARCHAL_LOG"), "{output}");
}
