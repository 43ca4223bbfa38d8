//! Rules for Rust files.

use super::{Text, files, none, root};

/// The modules of `src` in the order in which they may use each other: each uses only groups
/// before its own, and nothing of its own group but itself.
const ORDER: &[&[&str]] = &[
    &["config"],
    &["store", "report"],
    &["budget"],
    &["git", "judge", "sandbox"],
    &["driver"],
    &["host"],
    &["ingest"],
    &["scenario"],
    &["session"],
    &["run"],
    &["reconstruct"],
    &["grade"],
    &["reproduce"],
    &["record"],
    &["fix"],
    &["attach", "pdca", "preprod"],
    &["app"],
    &["cli"],
];

/// Longer files hold more than one concept.
const MOST_LINES: usize = 600;

/// Files that are data or were generated, by path.
const MAY_BE_LONG: &[&str] = &["clones/github/published.rs"];

/// Words that stand for nothing in a file's name.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "manager", "misc", "common",
];

fn rust() -> Vec<Text> {
    files(&[".rs"])
}

/// The part of a file before its unit tests.
pub(super) fn without_tests(file: &Text) -> &str {
    file.text
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
}

/// Whether the file belongs to the program rather than to its tests.
pub(super) fn is_program(file: &Text) -> bool {
    let tests = [
        "tests/",
        "benches/",
        "fuzz/",
        "xtask/",
        "crates/testkit/",
        "examples/",
    ];
    !tests.iter().any(|folder| file.path.starts_with(folder)) && !file.path.ends_with("tests.rs")
}

/// The lines that hold `what` outside comments, as `path:line: …`.
fn lines_with(file: &Text, text: &str, what: &str) -> Vec<String> {
    text.lines()
        .zip(1..)
        .filter(|(line, _): &(&str, usize)| {
            !line.trim_start().starts_with("//") && line.contains(what)
        })
        .map(|(line, number)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect()
}

/// `what` stands only in files whose path begins with one of `places`.
#[track_caller]
fn only_in(what: &str, places: &[&str]) {
    let violations = rust()
        .iter()
        .filter(|file| is_program(file))
        .filter(|file| !places.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| lines_with(file, without_tests(file), what))
        .collect();
    none(violations);
}

#[test]
fn every_file_says_what_it_is_for() {
    let violations = rust()
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| format!("{}: the first line must be a `//!` comment", file.path))
        .collect();
    none(violations);
}

#[test]
fn no_file_is_too_long() {
    let violations = rust()
        .iter()
        .filter(|file| !MAY_BE_LONG.contains(&file.path.as_str()))
        // A pack's manifest is data: a dozen lines for each operation.
        .filter(|file| !file.path.contains("/manifest/"))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, count)| *count > MOST_LINES)
        .map(|(file, count)| format!("{}: {count} lines, at most {MOST_LINES}", file.path))
        .collect();
    none(violations);
}

#[test]
fn names_of_files_say_something() {
    let violations = rust()
        .iter()
        .filter(|file| {
            file.path
                .trim_end_matches(".rs")
                .split(['/', '_', '-'])
                .any(|word| EMPTY_NAMES.contains(&word))
        })
        .map(|file| format!("{}: name it for what it does", file.path))
        .collect();
    none(violations);
}

#[test]
fn modules_use_only_those_before_them() {
    let place = |name: &str| ORDER.iter().position(|group| group.contains(&name));
    let mut violations = Vec::new();
    for file in rust() {
        let Some(inside) = file.path.strip_prefix("src/") else {
            continue;
        };
        let own = inside.split(['/', '.']).next().unwrap_or_default();
        if matches!(own, "main" | "lib") {
            continue;
        }
        let Some(own_place) = place(own) else {
            violations.push(format!("{}: module `{own}` is not in ORDER", file.path));
            continue;
        };
        for (line, number) in file.text.lines().zip(1..) {
            for used in used_modules(line) {
                let allowed = used == own || place(used).is_some_and(|used| used < own_place);
                if !allowed {
                    let path = &file.path;
                    violations.push(format!(
                        "{path}:{number}: {own} uses {used}, which is not before it"
                    ));
                }
            }
        }
    }
    none(violations);
}

/// The modules named as `crate::<module>` in a line, also in `crate::{a, b}`.
fn used_modules(line: &str) -> Vec<&str> {
    if line.trim_start().starts_with("//") {
        return Vec::new();
    }
    let name_of = |text: &str| -> usize {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut used = Vec::new();
    for after in line.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => used.extend(
                list.split([',', '}'])
                    .map(str::trim)
                    .map(|item| &item[..name_of(item)])
                    .filter(|item| !item.is_empty()),
            ),
            None => used.push(&after[..name_of(after)]),
        }
    }
    used.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    used
}

#[test]
fn used_modules_are_found() {
    assert_eq!(used_modules("use crate::store::layout;"), ["store"]);
    assert_eq!(used_modules("use crate::{git, run::x};"), ["git", "run"]);
    assert_eq!(
        used_modules("a(crate::git::f(), crate::run::g())"),
        ["git", "run"]
    );
    assert_eq!(used_modules("// crate::git"), [""; 0]);
    assert_eq!(used_modules("pub(crate) mod x;"), [""; 0]);
}

#[test]
fn every_module_of_the_order_is_listed_in_that_order() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    let listed: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let place = |name: &&str| ORDER.iter().position(|group| group.contains(name));
    assert!(listed.is_sorted_by_key(place), "{listed:?}");
    assert_eq!(
        listed.len(),
        ORDER.iter().map(|group| group.len()).sum::<usize>()
    );
}

#[test]
fn only_the_composition_root_names_the_catalogues() {
    only_in("archal_clones::", &["src/app.rs", "clones/"]);
    only_in("archal_sources::", &["src/app.rs", "sources/"]);
}

#[test]
fn only_the_command_line_knows_clap_and_only_output_prints() {
    only_in("clap::", &["src/cli/"]);
    for what in [
        "println!(",
        "eprintln!(",
        "print!(",
        "io::stdout()",
        "io::stderr()",
    ] {
        // The files of the test repositories of `content` are programs that print.
        let places = [
            "clones/examples/",
            "clones/github/conformance/content.rs",
            "clones/github/content_tests.rs",
            "src/cli/",
            "src/report/",
        ];
        only_in(what, &places);
    }
}

#[test]
fn the_world_comes_in_as_an_argument() {
    for what in ["SystemTime::now", "Timestamp::now()", "Zoned::now()"] {
        only_in(what, &["src/app.rs"]);
    }
    let durations = ["src/app.rs", "src/session/", "src/sandbox/", "src/run/"];
    only_in("Instant::now()", &durations);
    for what in [
        "env::var(",
        "env::vars(",
        "env::var_os(",
        "env::vars_os(",
        "env::current_dir(",
    ] {
        // Where git's programs are is the machine's affair, and no answer of a clone has it.
        only_in(what, &["src/app.rs", "clones/engine/git/program.rs"]);
    }
    only_in("getrandom::", &["src/app.rs"]);
}

#[test]
fn only_the_watcher_knows_how_files_are_watched() {
    // Who opens a decoy is no change of a watched file.
    let decoys = "src/sandbox/confine/decoys.rs";
    for what in ["notify::", "inotify::"] {
        only_in(what, &["src/ingest/watch/", decoys]);
    }
}

#[test]
fn programs_are_started_where_they_can_be_held() {
    only_in(
        "Command::new(",
        &[
            // It plays an agent, so it is what is held.
            "src/cli/commands/pdca/play.rs",
            "src/sandbox/",
            "src/git/",
            // Programs of git on a repository of the clone's own, each waited for.
            "clones/engine/git/",
            // The published git, against a clone.
            "clones/github/web/git_tests.rs",
            "clones/github/web/served.rs",
            // A server of the tests', ended by them.
            "sources/postgres/real/",
            // Not held on purpose: the watcher outlives whoever starts it.
            "src/host/background.rs",
            "src/session/",
        ],
    );
}

#[test]
fn only_helpers_of_children_end_the_process() {
    // Elsewhere destructors must run: they end children and remove temporary files.
    only_in("process::exit(", &["src/sandbox/"]);
}

#[test]
fn files_are_written_through_the_store() {
    only_in(
        "fs::write(",
        &[
            "src/store/",
            "src/sandbox/",
            "src/session/",
            // A repository of the clone's own, in a temporary folder.
            "clones/engine/git/",
            "clones/github/web/git_tests.rs",
            // What that server is told, and a state that is broken on purpose.
            "sources/postgres/real/",
            "src/ingest/pull/tests/",
        ],
    );
}

#[test]
fn core_knows_no_runtime_and_no_program() {
    let manifest = std::fs::read_to_string(root().join("crates/core/Cargo.toml")).expect("core");
    for name in ["tokio", "axum", "clap", "notify", "hyper"] {
        assert!(!manifest.contains(&format!("\n{name}")), "core uses {name}");
    }
}

#[test]
fn every_document_of_a_command_has_a_published_schema() {
    let mut violations = Vec::new();
    let mut told = 0;
    for file in rust()
        .iter()
        .filter(|file| file.path.starts_with("src/cli/"))
    {
        let after = without_tests(file).split("\"archal.").skip(1);
        let names = after.filter_map(|text| text.split('"').next());
        // With a dot it is an attribute of spans.
        for name in names.filter(|name| !name.contains('.')) {
            told += 1;
            let schema = format!("docs/reference/{name}.schema.json");
            if !root().join(&schema).is_file() {
                violations.push(format!(
                    "{}: {schema} is missing; `FORMATS` in src/cli/commands/schema/formats.rs",
                    file.path
                ));
            }
        }
    }
    assert!(told > 50, "documents are named otherwise now: {told} found");
    none(violations);
}

#[test]
fn no_test_file_is_forgotten() {
    let texts = files(&[".rs"]);
    let mut violations = Vec::new();
    for file in texts.iter().filter(|file| file.path.starts_with("tests/")) {
        let Some((folder, name)) = file.path.rsplit_once('/') else {
            continue;
        };
        let (folder, name) = if name == "mod.rs" {
            folder.rsplit_once('/').unwrap_or((folder, ""))
        } else {
            (folder, name.trim_end_matches(".rs"))
        };
        let parents = [
            format!("{folder}/main.rs"),
            format!("{folder}/mod.rs"),
            format!("{folder}.rs"),
        ];
        let is_listed = texts
            .iter()
            .filter(|parent| parents.contains(&parent.path))
            .any(|parent| parent.text.contains(&format!("mod {name};")));
        if !is_listed && name != "main" {
            violations.push(format!("{}: no file has `mod {name};`", file.path));
        }
    }
    none(violations);
}

#[test]
fn no_test_is_switched_off_or_left_to_chance() {
    // Written in two parts, or this list would find itself.
    let banned = [
        "#[ign",
        "#[should_pan",
        "thread::sl",
        "todo",
        "unimplemen",
        "#[all",
    ];
    let rest = ["ore", "ic", "eep(", "!(", "ted!(", "ow("];
    let mut violations = Vec::new();
    for file in rust() {
        for (start, end) in banned.iter().zip(rest) {
            // A program may have to wait for the world, and a measurement looks at it for a while; a
            // test may not.
            let is_measured = file.path.starts_with("benches/");
            let may_sleep = *start == "thread::sl" && (is_program(&file) || is_measured);
            let text = if may_sleep { "" } else { file.text.as_str() };
            violations.extend(lines_with(&file, text, &format!("{start}{end}")));
        }
    }
    none(violations);
}
