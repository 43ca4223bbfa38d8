//! Plugins that are shared libraries, loaded by `archal plugin-host`.

use std::process::Command;

use super::*;

/// The worked library, which is built with these tests.
pub(super) fn worked(world: &TestEnv) -> PathBuf {
    let tests = std::env::current_exe().expect("this program");
    let folder = tests.parent().expect("a folder");
    let name = format!(
        "{}archal_plugin_runlog{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let library = world.repo().join("plugin.so");
    fs::copy(folder.join(name), &library).expect("it is built");
    library
}

/// A library of `behaves.c`.
fn built(world: &TestEnv, flags: &[&str]) -> PathBuf {
    let library = world.repo().join("behaves.so");
    let mut command = Command::new("cc");
    command.args([
        "-shared",
        "-fPIC",
        "-D_GNU_SOURCE",
        "-Wall",
        "-Werror",
        "-Wno-unused",
        "-o",
    ]);
    command.arg(&library).args(flags);
    command.arg("-I").arg(ours("plugins/sdk/include"));
    command.arg(ours("tests/loops/plugins/behaves.c"));
    let output = command
        .output()
        .expect("a C compiler, as Rust needs one to link");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    library
}

#[test]
fn the_worked_one_gives_the_steps_of_a_log() {
    let world = world();
    let library = worked(&world);
    let log = world.write(
        "runs.log",
        "2026-03-01T12:00:00Z\t2026-03-01T12:00:09Z\trun-1\trun\t\t\"close\"\t\"closed\"\n\
         2026-03-01T12:00:01Z\t2026-03-01T12:00:02Z\trun-1\ts-1\tlist_issues\t{}\t[]\n\
         2026-03-01T12:00:03Z\t2026-03-01T12:00:04Z\trun-1\ts-2\thalf a line",
    );
    let config = format!("config={{\"log\":\"{}\"}}", log.to_str().expect("UTF-8"));
    assert_eq!(given(check(&world, &library, &[&config])), (0, 2));
    let absent = missing(check(
        &world,
        &library,
        &["config={\"log\":\"/nowhere/runs.log\"}"],
    ));
    assert!(absent.contains("cannot read /nowhere/runs.log"), "{absent}");
}

#[test]
fn one_in_c_is_asked_again_where_it_says_that_there_is_more() {
    let world = world();
    let document = check(&world, &built(&world, &[]), &[]).ended(0).json();
    assert_eq!(
        (document["traces"].as_u64(), document["pages"].as_u64()),
        (Some(2), Some(2))
    );
}

#[test]
fn what_a_library_does_wrong_is_told_of_it() {
    let world = world();
    let library = built(&world, &[]);
    for (what, option, told) in [
        ("segv", "silence=60s", "SIGSEGV (signal 11) ended it"),
        ("abort", "silence=60s", "SIGABRT (signal 6) ended it"),
        ("hang", "silence=1s", "it said nothing for 1 s"),
        (
            "flood",
            "maxBytes=1MiB",
            "it wrote more than 1048576 bytes for one answer",
        ),
        ("garbage", "silence=60s", "no object of JSON"),
        ("fails", "silence=60s", "failed with -1 and did not say why"),
    ] {
        let config = format!("config={{\"do\":\"{what}\"}}");
        let said = missing(check(&world, &library, &[&config, option]));
        assert!(said.contains(told), "{what}: {said}");
    }
}

#[test]
fn a_table_that_is_none_is_not_used() {
    for (flag, told) in [
        (
            "-DMAJOR=2",
            "has the table of version 2.0, and this archal reads 1.0",
        ),
        ("-DMINOR=7", "has the table of version 1.7"),
        ("-DSIZE=24", "it is shorter than its version says"),
        ("-DLACKS", "a function is missing"),
        ("-DNOTHING", "exports no `archal_plugin_v1`"),
        ("-DNAMELESS", "exports no `archal_plugin_v1`"),
    ] {
        let world = world();
        let said = missing(check(&world, &built(&world, &[flag]), &[]));
        assert!(said.contains(told), "{flag}: {said}");
    }
    let world = world();
    let said = missing(check(&world, &world.write("text.so", "no library"), &[]));
    assert!(said.contains("cannot be loaded"), "{said}");
}

#[test]
fn a_file_that_everybody_may_write_is_not_loaded() {
    let world = world();
    let library = built(&world, &[]);
    fs::set_permissions(&library, fs::Permissions::from_mode(0o777)).expect("mine");
    let said = missing(check(&world, &library, &[]));
    assert!(said.starts_with("everybody may write"), "{said}");
}
