//! `archal man`.

use super::environment;

#[test]
fn archal_and_each_command_have_a_page() {
    let page = environment().run(&["man"]).ended(0).stdout;
    assert!(page.contains(".TH archal 1"), "{page}");
    let page = environment()
        .run(&["man", "config", "show"])
        .ended(0)
        .stdout;
    assert!(page.contains("origin"), "{page}");
    let page = environment()
        .run(&["man", "scenario", "validate"])
        .ended(0)
        .stdout;
    assert!(page.contains("strict"), "{page}");
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = environment().run(&["man", "config", "shwo"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no command `config shwo`
        hint: archal --help
        ");
}
