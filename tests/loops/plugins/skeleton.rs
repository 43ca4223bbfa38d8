//! What `archal plugin new` writes works as it is.

use std::process::Command;

use super::*;

#[test]
fn a_program_passes_its_check_at_once() {
    let world = world();
    let written = world
        .run(&["plugin", "new", "my-traces", "--json"])
        .ended(0);
    assert_eq!(written.json()["files"], serde_json::json!(["plugin.py"]));
    let plugin = world.repo().join("my-traces/plugin.py");
    assert_eq!(given(check(&world, &plugin, &[])), (2, 0));
    // Nothing is written over.
    let again = world.run(&["plugin", "new", "my-traces"]).ended(2);
    assert!(again.stderr.contains("is there already"), "{again}");
    let named = world.run(&["plugin", "new", "../out"]).ended(2);
    assert!(named.stderr.contains("is no name for a plugin"), "{named}");
}

/// Builds the library that was written, with what the tests themselves were built with.
fn build(world: &TestEnv) -> PathBuf {
    let folder = world.repo().join("my-lib");
    // The versions that are here already: nothing is fetched.
    fs::copy(ours("Cargo.lock"), folder.join("Cargo.lock")).expect("a copy");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline"])
        .current_dir(&folder)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !told.contains("warning"),
        "{told}"
    );
    folder.join("target/debug/libmy_lib.so")
}

#[test]
fn a_library_builds_passes_its_check_and_tells_its_panics() {
    let world = world();
    drop(
        world
            .run(&["plugin", "new", "my-lib", "--kind", "library"])
            .ended(0),
    );
    let library = build(&world);
    assert_eq!(given(check(&world, &library, &[])), (2, 0));
    let source = "my-lib/src/lib.rs";
    let broken = world.read(source).replace(
        "let seen = pull.cursor.as_u64().unwrap_or(0);",
        "let seen = pull.cursor.as_u64().expect(\"a cursor of mine\");",
    );
    world.write(source, &broken);
    let said = missing(check(&world, &build(&world), &[]));
    assert!(
        said.contains("the plugin panicked: a cursor of mine"),
        "{said}"
    );
}
