//! Which harness is found, and what is said where none is.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("writable");
        fs::write(&path, text).expect("writable");
    }
    folder
}

fn wanted(folder: &tempfile::TempDir, wanted: &Wanted<'_>) -> String {
    let place = folder.path().display().to_string();
    match find(folder.path(), wanted) {
        Ok(harness) => harness.command.join(" ").replace(&place, "."),
        Err(error) => format!("error: {error}").replace(&place, "."),
    }
}

fn found(folder: &tempfile::TempDir) -> String {
    wanted(folder, &Wanted::default())
}

#[test]
fn places_are_tried_in_order() {
    let folder = folder_with(&[
        ("bin/agent.mjs", ""),
        ("package.json", r#"{"archal":{"harness":"bin/agent.mjs"}}"#),
    ]);
    assert_eq!(found(&folder), "node ./bin/agent.mjs");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    for name in [
        "harness.sh",
        "harness.py",
        "harness.cjs",
        "harness.mjs",
        "harness.js",
    ] {
        put(name, "");
        assert!(found(&folder).ends_with(&format!("./{name}")), "{name}");
    }
    put("harness.ts", "");
    assert_eq!(
        found(&folder),
        "node --experimental-strip-types ./harness.ts"
    );
    put("harness.json", r#"{"version":1,"local":{"command":"x"}}"#);
    assert_eq!(found(&folder), "x");
    fs::create_dir(folder.path().join(".archal")).expect("made");
    put(".archal/harness.py", "");
    assert_eq!(found(&folder), "python3 ./.archal/harness.py");
    let mut by_config = Wanted {
        agent: Some(("agent".to_owned(), vec!["-v".to_owned()], BTreeMap::new())),
        ..Wanted::default()
    };
    assert_eq!(wanted(&folder, &by_config), "agent -v");
    by_config.flag = Some(Path::new("bin"));
    assert_eq!(
        wanted(&folder, &by_config),
        "error: no harness found in ./bin"
    );
    by_config.flag = Some(Path::new("bin/agent.mjs"));
    assert_eq!(wanted(&folder, &by_config), "node ./bin/agent.mjs");
}

#[test]
fn a_manifest_gives_command_model_and_prompt_files() {
    let folder = folder_with(&[
        (
            ".archal/archal-harness.json",
            r#"{"version":1,"name":"n","defaultModel":"m","promptFiles":["a.md","empty.md","b.md"],
                "local":{"command":"node","args":["run.js","--x","data.json"],"env":{"A":"1"}}}"#,
        ),
        (".archal/a.md", "\u{feff}Be kind.\n"),
        (".archal/empty.md", " \n"),
        (".archal/b.md", "\nBe brief.\n\n"),
        (".archal/run.js", ""),
        (".archal/data.json", ""),
        ("data.json", ""),
    ]);
    let harness = find(folder.path(), &Wanted::default()).expect("found");
    let run = folder.path().join(".archal/run.js").display().to_string();
    // Of two files of one name the one where the harness is started counts.
    assert_eq!(harness.command, ["node", &run, "--x", "data.json"]);
    assert_eq!(harness.preamble, "Be kind.\n\nBe brief.\n\n");
    assert_eq!(harness.model.as_deref(), Some("m"));
    assert_eq!(harness.environment["A"], "1");
    assert!(harness.notes[0].contains("old name"), "{:?}", harness.notes);
}

#[test]
fn what_is_wrong_with_a_harness_is_said() {
    let say = |files: &[(&str, &str)]| found(&folder_with(files));
    let manifest = |text: &str| say(&[("harness.json", text)]);
    let long = "x".repeat(100 << 10);
    let told = [
        say(&[]),
        manifest(r#"{"version":2}"#),
        manifest(r#"{"local":{"command":"x"}}"#),
        manifest(r#"{"version":1,"promptfiles":[]}"#),
        manifest(r#"{"version":1,"local":{"comand":"x"}}"#),
        manifest(r#"{"version":1,"local":{"command":" "}}"#),
        manifest(r#"{"version":1}"#),
        manifest(r#"{"version":1"#),
        manifest(r#"{"version":1,"promptFiles":["none.md"],"local":{"command":"x"}}"#),
        say(&[
            (
                "harness.json",
                r#"{"version":1,"promptFiles":["l.md"],"local":{"command":"x"}}"#,
            ),
            ("l.md", &long),
        ]),
        say(&[("package.json", r#"{"archal":{"harness":["a.js"]}}"#)]),
        say(&[("package.json", r#"{"archal":{"harness":"gone.js"}}"#)]),
        say(&[
            ("package.json", r#"{"archal":{"harness":"agent.txt"}}"#),
            ("agent.txt", ""),
        ]),
        say(&[("package.json", "{")]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    error: no harness found in .
    error: the manifest ./harness.json cannot be used: version is 2, only 1 is known
    error: the manifest ./harness.json cannot be used: missing field `version` at line 1 column 25
    error: the manifest ./harness.json cannot be used: unknown field `promptfiles`, expected one of `version`, `name`, `description`, `defaultModel`, `promptFiles`, `local` at line 1 column 26; did you mean `promptFiles`?
    error: the manifest ./harness.json cannot be used: unknown field `comand`, expected one of `command`, `args`, `env` at line 1 column 30; did you mean `command`?
    error: the manifest ./harness.json cannot be used: local.command is empty
    error: the manifest ./harness.json cannot be used: it has no local.command and no harness file beside it
    error: the manifest ./harness.json cannot be used: EOF while parsing an object at line 1 column 12
    error: the manifest ./harness.json cannot be used: the prompt file ./none.md: No such file or directory (os error 2)
    error: the manifest ./harness.json cannot be used: the prompt files up to ./l.md are longer than 96 KiB, which is more than fits into AGENT_TASK
    error: archal.harness in ./package.json is not the path of a file or folder
    error: the harness ./gone.js does not exist
    error: ./agent.txt is neither executable nor a .js, .mjs, .cjs, .ts, .py or .sh file
    error: no harness found in .
    ");
}

#[test]
fn what_the_repository_brings_along_runs_its_files() {
    let folder = folder_with(&[
        ("agents/one/harness.ts", ""),
        ("agents/one/harness.py", ""),
        ("node_modules/.bin/ts-node", ""),
        ("agents/.venv/bin/python", ""),
    ]);
    let run = |name: &str| {
        let path = Path::new("agents/one").join(name);
        let flag = Wanted {
            flag: Some(&path),
            ..Wanted::default()
        };
        wanted(&folder, &flag)
    };
    let runner = "./node_modules/.bin/ts-node";
    assert_eq!(
        run("harness.ts"),
        format!("{runner} ./agents/one/harness.ts")
    );
    let tsx = folder.path().join("node_modules/.bin/tsx");
    fs::write(tsx, "").expect("written");
    assert_eq!(run(""), "./node_modules/.bin/tsx ./agents/one/harness.ts");
    let python = "./agents/.venv/bin/python ./agents/one/harness.py";
    assert_eq!(run("harness.py"), python);
}

#[test]
fn a_script_is_run_by_what_its_first_line_asks_for() {
    let folder = folder_with(&[("harness.sh", "#!/usr/bin/env bash\n")]);
    assert_eq!(found(&folder), "bash ./harness.sh");
    let path = folder.path().join("harness.sh");
    fs::write(&path, "echo bash\n").expect("written");
    assert_eq!(found(&folder), "sh ./harness.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("changed");
    assert_eq!(found(&folder), "./harness.sh");
}

#[test]
fn variables_by_their_old_names_are_noted() {
    let folder = folder_with(&[("harness.py", "os.environ['ARCHAL_ENGINE_TASK']\n")]);
    let harness = find(folder.path(), &Wanted::default()).expect("found");
    assert!(
        harness.notes[0].contains("AGENT_TASK"),
        "{:?}",
        harness.notes
    );
}

/// A world in which `node` answers that.
fn with_node(answer: &str) -> (tempfile::TempDir, Environment) {
    let folder = folder_with(&[("node", &format!("#!/bin/sh\necho {answer}\n"))]);
    let node = folder.path().join("node");
    fs::set_permissions(node, fs::Permissions::from_mode(0o755)).expect("changed");
    let environment = Environment {
        variables: [("PATH".to_owned(), folder.path().display().to_string())].into(),
        directory: folder.path().to_owned(),
    };
    (folder, environment)
}

#[test]
fn typescript_runs_where_something_runs_it_and_else_it_is_said() {
    let folder = folder_with(&[("harness.ts", "")]);
    let harness = find(folder.path(), &Wanted::default()).expect("found");
    let check = |answer: &str| {
        let (_world, environment) = with_node(answer);
        check(&harness, folder.path(), &environment)
    };
    assert!(check("v22.18.0").is_ok());
    assert!(check("v24.1.0").is_ok());
    let old = check("v20.20.2").expect_err("too old").to_string();
    assert!(old.contains("node is 20.20; from 22.6 on"), "{old}");
    let odd = check("nothing").expect_err("no version").to_string();
    assert!(odd.contains(r#"its version is "nothing""#), "{odd}");
    let nowhere = Environment {
        variables: BTreeMap::new(),
        directory: "/".into(),
    };
    let none = super::check(&harness, folder.path(), &nowhere).expect_err("no node");
    assert_eq!(none.hint(), Some("npm install --save-dev tsx"));
}
