//! `archal completions`.

use super::environment;

#[test]
fn each_shell_gets_a_script_that_names_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = environment().run(&["completions", shell]).ended(0);
        for command in ["doctor", "init", "scenario", "validate"] {
            assert!(output.stdout.contains(command), "{shell}: {command}");
        }
        assert!(!output.stdout.contains("\u{1b}"), "{shell}");
    }
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    let output = environment().run(&["completions", "cmd"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: invalid value 'cmd' for '<SHELL>'
          [possible values: bash, elvish, fish, powershell, zsh]

        For more information, try '--help'.
        ");
}
