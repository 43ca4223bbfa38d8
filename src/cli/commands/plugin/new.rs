//! `archal plugin new`: a plugin to start from, which works as it is written.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::shell::quoted;
use crate::store::atomic;

/// The longest name.
const MOST_NAME: usize = 40;

/// What a program is made of: a file, and what it holds.
const EXECUTABLE: &[(&str, &str)] = &[("plugin.py", include_str!("skeleton/plugin.py"))];

/// What a library is made of. The SDK is beside it, so that it is that of this archal.
const LIBRARY: &[(&str, &str)] = &[
    (".gitignore", "/target\n"),
    ("Cargo.toml", include_str!("skeleton/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("skeleton/lib.rs.txt")),
    ("sdk/Cargo.toml", include_str!("skeleton/sdk.toml.txt")),
    (
        "sdk/include/archal_plugin.h",
        include_str!("../../../../plugins/sdk/include/archal_plugin.h"),
    ),
    (
        "sdk/src/boundary.rs",
        include_str!("../../../../plugins/sdk/src/boundary.rs"),
    ),
    (
        "sdk/src/lib.rs",
        include_str!("../../../../plugins/sdk/src/lib.rs"),
    ),
    (
        "sdk/src/message.rs",
        include_str!("../../../../plugins/sdk/src/message.rs"),
    ),
    (
        "sdk/src/plugin.rs",
        include_str!("../../../../plugins/sdk/src/plugin.rs"),
    ),
    (
        "sdk/src/stdio.rs",
        include_str!("../../../../plugins/sdk/src/stdio.rs"),
    ),
    (
        "sdk/src/table.rs",
        include_str!("../../../../plugins/sdk/src/table.rs"),
    ),
    (
        "sdk/src/table_tests.rs",
        include_str!("../../../../plugins/sdk/src/table_tests.rs"),
    ),
];

/// Write a plugin to start from, which works as it is
///
/// A program in Python without any library, or a crate in Rust with the SDK beside it. A folder that is there
/// is never written into.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// Its name, and the folder it is written into: small letters, digits and `-`
    name: String,

    /// What it is
    #[arg(long, value_enum, default_value = "executable")]
    kind: Kind,

    #[command(flatten)]
    output: JsonOutput,
}

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A program, in Python.
    Executable,
    /// A shared library, in Rust.
    Library,
}

/// The result of `archal plugin new`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NewPlugin {
    /// The folder.
    folder: PathBuf,
    /// The files in it.
    files: Vec<String>,
    /// What to do next, commands.
    next: Vec<String>,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let name = &args.name;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > MOST_NAME
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
        || name.ends_with('-')
        || !name.chars().all(fits)
    {
        return Err(CliError::usage(format!(
            "`{}` is no name for a plugin: small letters, digits and `-`, at most {MOST_NAME}, a letter first",
            name.escape_debug()
        ))
        .hint("archal plugin new my-traces"));
    }
    let folder = cx.environment.resolve(Path::new(name));
    make(&folder)?;
    let files = match args.kind {
        Kind::Executable => EXECUTABLE,
        Kind::Library => LIBRARY,
    };
    for (file, text) in files {
        let text = text
            .replace("@NAME@", name)
            .replace("@CRATE@", &name.replace('-', "_"))
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| not_made(parent, &error))?;
        }
        atomic::create(&path, text.as_bytes()).map_err(CliError::environment)?;
        if args.kind == Kind::Executable {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|error| not_made(&path, &error))?;
        }
    }
    let shown = quoted(Path::new(name));
    let next = match args.kind {
        Kind::Executable => vec![format!("archal plugin check {shown}/plugin.py")],
        Kind::Library => vec![
            format!("cargo build --release --manifest-path {shown}/Cargo.toml"),
            format!(
                "archal plugin check {shown}/target/release/{}{}{}",
                std::env::consts::DLL_PREFIX,
                name.replace('-', "_"),
                std::env::consts::DLL_SUFFIX
            ),
        ],
    };
    let files: Vec<String> = files.iter().map(|(file, _)| (*file).to_owned()).collect();
    cx.printer
        .line(format!("wrote {shown}: {}", files.join(", ")));
    for command in &next {
        cx.printer.line(format!("  next     {command}"));
    }
    let document = NewPlugin {
        folder,
        files,
        next,
    };
    cx.printer.document("archal.plugin-new", 1, &document);
    Ok(Exit::Fine)
}

fn make(folder: &Path) -> Result<(), CliError> {
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::usage(format!(
            "{} is there already, and stays as it is",
            folder.display()
        ))
        .hint("archal plugin new <another name>"),
        _ => not_made(folder, &error),
    })
}

fn not_made(path: &Path, error: &io::Error) -> CliError {
    CliError::environment(format!("{} cannot be written: {error}", path.display()))
}
