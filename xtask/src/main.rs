//! Development commands of archal: `cargo xtask test|ci|gen|published|dialects|coverage|bench|fuzz`.
//!
//! - `steps`: running one program and saying so.
//! - `tools`: what the tests need beyond cargo, made sure of.
//! - `coverage`: how much of a service its clone models.
//! - `dialects`: what SDKs export, recorded.
//! - `generate`: generated files, written or compared.
//! - `published`: what GitHub publishes, sliced to what its clone models.
//! - `webhooks`: what it publishes of webhooks, sliced to the events that its clone announces.

mod coverage;
mod dialects;
mod generate;
mod published;
mod steps;
mod tools;
mod webhooks;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use steps::{Failure, cargo, note};

/// Modules whose tests need more than cargo, by name: the fast ring leaves them out. First those
/// beside the code, then those of the integration binary.
const NEED_TOOLS: [&[&str]; 2] = [
    &["fix::", "git::", "postgres::real::"],
    &[
        "clients::",
        "clone_sessions::",
        "coding_agents::",
        "loops::",
        "pdca::",
        "sandbox::",
        "session::",
    ],
];

/// The module whose tests need the coding agents themselves.
const NEED_AGENTS: &str = "coding_agents::";

/// Development commands of archal.
#[derive(Debug, Parser)]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the tests, after making sure of everything they need
    Test {
        /// Which tests
        #[arg(long, value_enum, default_value_t = Ring::All)]
        ring: Ring,
        /// Only the suites and sources that are killed and the runs at once, at the size the figures are stated for
        #[arg(long, conflicts_with = "ring")]
        large: bool,
        /// Arguments for the test binaries, after `--`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run everything a change must pass
    Ci,
    /// Write the generated files: CLI reference, JSON Schemas, example configuration
    Gen {
        /// Compare instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Write what GitHub publishes of the operations that its clone models
    Published,
    /// Record what the SDKs of agents export, with a model and a service on the loopback
    Dialects,
    /// Print how much of each service its clone models
    Coverage,
    /// Run the benchmarks
    Bench {
        /// This one only: `attach`, `clone`, `engine`, `import`, `otlp`, `run`, `scan`
        name: Option<String>,
        /// Run those that grow with size again at the size the figures are stated for
        #[arg(long)]
        large: bool,
        /// Traces in the burst of `attach`
        #[arg(long, value_name = "N")]
        traces: Option<u64>,
    },
    /// Run the fuzz targets on their corpus and on, with cargo-fuzz on the stable toolchain
    Fuzz {
        /// This target only, by its name below `fuzz/corpus`
        target: Option<String>,
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ring {
    /// What needs only cargo
    Fast,
    /// Everything
    All,
    /// Only the real coding agents with a model on the loopback
    Agents,
}

fn main() -> ExitCode {
    let outcome = match Xtask::parse().command {
        Command::Test {
            large: true,
            arguments,
            ..
        } => large(&arguments),
        Command::Test {
            ring, arguments, ..
        } => test(ring, &arguments),
        Command::Ci => ci(),
        Command::Gen { check } => generate::run(check).and_then(|()| coverage::write(check)),
        Command::Coverage => coverage::print(),
        Command::Published => published::run_command(),
        Command::Dialects => dialects::record(),
        Command::Bench {
            name,
            large,
            traces,
        } => bench(name.as_deref(), large, traces),
        Command::Fuzz { target, seconds } => fuzz(target.as_deref(), seconds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note(&format!("error: {}", failure.message));
            ExitCode::from(failure.code)
        }
    }
}

fn test(ring: Ring, arguments: &[String]) -> Result<(), Failure> {
    if ring == Ring::All {
        tools::system()?;
        // What is fetched waits for the network, what is built for the processor: beside each other they take
        // little longer than the longer one.
        let (packages, built) = std::thread::scope(|scope| {
            let packages = scope.spawn(tools::packages);
            let built = steps::run(&mut cargo(&["test", "--workspace", "--no-run"]));
            (packages.join(), built)
        });
        built?;
        let failed = |_| Err(Failure::bad("the packages of the tests were not installed"));
        let packages = packages.unwrap_or_else(failed)?;
        return steps::run(
            cargo(&["test", "--workspace", "--"])
                .args(arguments)
                .env("ARCHAL_TEST_CLIENTS", packages.clients)
                .env("ARCHAL_TEST_AGENTS", packages.agents),
        );
    }
    if ring == Ring::Agents {
        tools::system()?;
        let agents = tools::agents()?;
        return steps::run(
            cargo(&["test", "--test", "it", "--", NEED_AGENTS])
                .args(arguments)
                .env("ARCHAL_TEST_AGENTS", agents),
        );
    }
    let parts: [&[&str]; 2] = [
        &["test", "--workspace", "--lib", "--bins", "--"],
        &["test", "--test", "it", "--"],
    ];
    for (part, modules) in parts.iter().zip(NEED_TOOLS) {
        let mut command = cargo(part);
        for module in modules {
            command.args(["--skip", module]);
        }
        steps::run(command.args(arguments))?;
    }
    Ok(())
}

/// A hundred scenarios of ten runs, killed twenty times: each comes to what it comes to alone. And
/// 200,000 spans from four clients, of which none is lost that was answered for. Whoever sets a
/// variable has that size.
#[expect(
    clippy::disallowed_methods,
    reason = "how much is for the caller to say"
)]
fn large(arguments: &[String]) -> Result<(), Failure> {
    let tests = ["loops::suite::crosstalk", "push::killed"];
    let mut command = cargo(&["test", "--test", "it", "--"]);
    command.args(tests);
    let sizes = [
        ("ARCHAL_TEST_SUITE", "100x10"),
        ("ARCHAL_TEST_KILLS", "20"),
        ("ARCHAL_TEST_PUSH_SPANS", "200000"),
    ];
    for (name, usual) in sizes {
        if std::env::var_os(name).is_none() {
            command.env(name, usual);
        }
    }
    steps::run(command.args(arguments))
}

/// The benchmarks that grow with size.
const GROWING: [&str; 3] = ["attach", "import", "scan"];

fn bench(name: Option<&str>, large: bool, traces: Option<u64>) -> Result<(), Failure> {
    let mut size = Vec::new();
    if let Some(traces) = traces {
        size = vec!["--".to_owned(), "--traces".to_owned(), traces.to_string()];
    }
    if name == Some("otlp") {
        let peers = steps::target().join("peers").join("otlp");
        tools::python(&peers, "../benches/otlp/requirements.txt")?;
        return steps::run(cargo(&["bench", "--bench", "otlp", "--", "--python"]).arg(peers));
    }
    if !large || name.is_none_or(|name| !GROWING.contains(&name)) {
        let which = name.unwrap_or("*");
        let packages = [
            "bench",
            "-p",
            "archal",
            "-p",
            "archal-clones",
            "--bench",
            which,
        ];
        steps::run(cargo(&packages).args(size))?;
    }
    for growing in GROWING {
        if large && name.is_none_or(|name| name == growing) {
            steps::run(&mut cargo(&["bench", "--bench", growing, "--", "--large"]))?;
        }
    }
    Ok(())
}

fn ci() -> Result<(), Failure> {
    // Asked first: to learn after all else that a check cannot be made wastes minutes.
    if !steps::answers(&mut cargo(&["deny", "--version"])) {
        return Err(Failure::missing(
            "licences are checked with cargo-deny:\n  cargo install --locked cargo-deny",
        ));
    }
    steps::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    steps::run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    steps::run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    generate::run(true)?;
    coverage::write(true)?;
    steps::run(&mut cargo(&["deny", "check"]))?;
    test(Ring::All, &[])
}

/// The fuzz targets, each with a corpus of the same name under `fuzz/corpus`; a test holds that.
fn fuzz_targets() -> Result<Vec<String>, Failure> {
    let folder = steps::root().join("fuzz/corpus");
    let failed = |error: std::io::Error| Failure::missing(format!("{}: {error}", folder.display()));
    let mut targets = std::fs::read_dir(&folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?
        .into_iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    targets.sort();
    Ok(targets)
}

fn fuzz(only: Option<&str>, seconds: u32) -> Result<(), Failure> {
    if !steps::answers(&mut cargo(&["fuzz", "--version"])) {
        return Err(Failure::missing(
            "fuzz targets run with cargo-fuzz:\n  cargo install --locked cargo-fuzz",
        ));
    }
    let targets = fuzz_targets()?;
    if let Some(only) = only.filter(|only| !targets.iter().any(|target| target == only)) {
        return Err(Failure::bad(format!(
            "`{only}` is no target: {}",
            targets.join(", ")
        )));
    }
    for target in &targets {
        if only.is_some_and(|only| only != target) {
            continue;
        }
        let limit = format!("-max_total_time={seconds}");
        // What is found goes to the first folder, so that the committed corpus stays as it is; what fails beside it.
        let found = steps::target().join("fuzz").join(target);
        let inputs = found.join("corpus");
        std::fs::create_dir_all(&inputs).map_err(|error| {
            Failure::missing(format!("cannot make {}: {error}", inputs.display()))
        })?;
        let corpus = format!("fuzz/corpus/{target}");
        let failing = format!("-artifact_prefix={}/", found.display());
        // Without a sanitizer the stable toolchain will do.
        steps::run(
            cargo(&["fuzz", "run", "-s", "none", "decoders"])
                .arg(&inputs)
                .args([corpus.as_str(), "--", limit.as_str(), failing.as_str()])
                .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"])
                .args(["-print_final_stats=1"])
                .env("ARCHAL_FUZZ", target),
        )?;
    }
    Ok(())
}
