//! What the background watcher costs, measured from outside on the release binary: traces from
//! file to grade, the delay of one that is renamed into place, memory and processor time when
//! nothing happens, and how soon it answers when very many traces are known.
//!
//! `cargo xtask bench attach`; `-- --traces N` short traces in the burst, `--known N` traces that
//! are known, `--large` for 10,000 and 1,000,000, `--binary FILE` to measure another archal.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

mod known;
mod machine;
mod traces;
mod world;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use machine::{memory, millis, processor, spread};
use traces::{Kind, Template};
use world::{Running, World, until};

/// Renames whose delay is taken.
const RENAMES: u64 = 200;
/// Between two of them.
const APART: Duration = Duration::from_millis(40);
/// Between two looks for a grade.
const LOOK: Duration = Duration::from_micros(200);
/// For how long a watcher is left alone.
const IDLE: Duration = Duration::from_secs(60);
/// After how long what a burst needed was given back.
const SETTLED: Duration = Duration::from_secs(3);

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--binary");
    if let Some(binary) = arguments.nth(1) {
        world::BINARY.set(binary.into()).expect("set once");
    }
    let is_large = std::env::args().any(|argument| argument == "--large");
    let short = number("--traces").unwrap_or(if is_large { 10_000 } else { 1000 });
    let whole = number("--whole").unwrap_or(short / 20);
    let known = number("--known").unwrap_or(if is_large { 1_000_000 } else { 10_000 });
    println!("archal attach, release build");
    machine::tell(World::new().at("").as_path());
    // Nothing is removed before the end: a file system may take long to find places for new files
    // when very many went a moment ago.
    let mut worlds = Vec::new();
    if short > 0 {
        worlds.push(burst("short traces", Kind::Short, short));
    }
    if whole > 0 {
        worlds.push(burst("whole traces", Kind::Whole, whole));
    }
    if known > 0 {
        worlds.push(many(known));
    }
}

/// The number after an option.
fn number(option: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != option);
    arguments.nth(1)?.parse().ok()
}

/// Traces that are there when the directory is attached, then one after the other.
fn burst(name: &str, kind: Kind, count: u64) -> World {
    let world = World::new();
    let mut template = Template::new(kind);
    let mut bytes = 0;
    for number in 0..count {
        let path = world.traces().join(format!("{}.json", traces::id(number)));
        template.write(number, &path);
        bytes += fs::metadata(path).expect("written").len();
    }
    let megabytes = bytes as f64 / 1e6;
    println!(
        "\n{name}: {count} files, {:.1} KB each",
        bytes as f64 / 1e3 / count as f64
    );
    let copied = peer(&world, "cp -r traces copied && sha256sum traces/* > sums");
    let parsed = parse(&world);
    let begun = Instant::now();
    let running = world.attach("grade");
    world.until_ended(count);
    let took = begun.elapsed().as_secs_f64();
    let used = processor(running.pid);
    println!(
        "to grade.json    {took:.1} s, {:.0} traces/s, {:.1} MB/s; {:.2} ms of processor each",
        count as f64 / took,
        megabytes / took,
        used * 1000.0 / count as f64
    );
    println!(
        "peers            {:.1} x cp and sha256sum ({copied:.2} s), {:.1} x parsing as serde_json::Value ({parsed:.2} s on one)",
        took / copied,
        used / parsed,
    );
    thread::sleep(SETTLED);
    let after = memory(running.pid);
    println!(
        "memory           {:.1} MB resident afterwards ({:.1} MB own), {:.1} MB at most",
        after.resident, after.own, after.peak
    );
    delay(&world, &mut template, count);
    idle(running);
    status(&world);
    world.detach(running);
    let state = fs::metadata(world.layout().state_database()).expect("there");
    println!(
        "state            {:.2} KB each",
        state.len() as f64 / 1e3 / count as f64
    );
    world
}

/// How long a command of the shell takes in the world's folder.
fn peer(world: &World, command: &str) -> f64 {
    let begun = Instant::now();
    let ended = Command::new("sh")
        .args(["-c", command])
        .current_dir(world.at(""))
        .status();
    assert!(ended.expect("a shell").success());
    begun.elapsed().as_secs_f64()
}

/// How long reading and parsing alone takes, on one processor.
fn parse(world: &World) -> f64 {
    let begun = Instant::now();
    for entry in fs::read_dir(world.traces()).expect("mine") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("mine");
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert!(value.is_object());
    }
    begun.elapsed().as_secs_f64()
}

/// Renames traces into place one after the other and waits for the grade of each.
fn delay(world: &World, template: &mut Template, first: u64) {
    let grades = world.layout().attach("grades");
    let outside = world.at("outside");
    let mut delays = Vec::new();
    for number in first..first + RENAMES {
        template.write(number, &outside);
        let path = world.traces().join(format!("{}.json", traces::id(number)));
        let grade: PathBuf = grades.join(traces::id(number)).join("grade.json");
        thread::sleep(APART);
        let begun = Instant::now();
        fs::rename(&outside, path).expect("moved");
        until(|| grade.exists(), LOOK);
        delays.push(begun.elapsed());
    }
    println!(
        "rename to grade  {} ({RENAMES} renames)",
        spread(&mut delays)
    );
}

fn idle(running: Running) {
    let before = processor(running.pid);
    thread::sleep(IDLE);
    let used = processor(running.pid) - before;
    let now = memory(running.pid);
    println!(
        "idle             {:.1} MB resident ({:.1} MB own, {:.1} MB at most), {:.2} % of one processor in {:.0} s",
        now.resident,
        now.own,
        now.peak,
        used / IDLE.as_secs_f64() * 100.0,
        IDLE.as_secs_f64()
    );
}

fn status(world: &World) {
    let mut times: Vec<Duration> = (0..10).map(|_| world.status().1).collect();
    println!("attach-status    {}", spread(&mut times));
}

/// A watcher over very many traces that are known.
fn many(count: u64) -> World {
    let world = World::new();
    let begun = Instant::now();
    known::make(&world.layout(), &world.traces(), count);
    println!(
        "\nknown traces: {count} files and their rows (made in {:.0} s)",
        begun.elapsed().as_secs_f64()
    );
    for name in ["first start", "second start"] {
        let begun = Instant::now();
        let running = world.attach("grade");
        let (document, took) = world.status();
        let doing = &document["watcher"]["doing"]["attached"][0];
        println!(
            "{name:16} ready after {:.0} ms, status answered {:.0} ms later (health {}, walked through: {})",
            millis(running.ready),
            millis(took),
            doing["health"]["state"],
            doing["isScanned"]
        );
        if name == "first start" {
            world.detach(running);
            continue;
        }
        world.until_scanned();
        println!(
            "walked through   after {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        thread::sleep(SETTLED);
        idle(running);
        status(&world);
        delay(&world, &mut Template::new(Kind::Short), count);
        world.detach(running);
    }
    world
}
