//! What the figures were taken on, and what a process costs.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Ticks of `/proc/<pid>/stat` in a second: the same on every Linux.
const TICKS: f64 = 100.0;
/// How many times a file is synced for the figure of the disk, in each round.
const SYNCS: u32 = 200;
/// Rounds: disks that others write to, too, differ from one to the next.
const ROUNDS: u32 = 5;

/// Prints processors, memory and how fast the disk below `folder` syncs.
pub(crate) fn tell(folder: &Path) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = field(&memory, "MemTotal").unwrap_or_default() / 1024.0 / 1024.0;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    println!(
        "machine          {processors} processors, {memory:.0} GB, load {load} at the beginning"
    );
    let mut syncs: Vec<f64> = (0..ROUNDS).map(|_| syncs(folder)).collect();
    syncs.sort_by(f64::total_cmp);
    println!(
        "disk             {:.0} fsync/s (4 KB each; {:.0} to {:.0} in {ROUNDS} rounds)",
        syncs[syncs.len() / 2],
        syncs[0],
        syncs[syncs.len() - 1]
    );
}

fn syncs(folder: &Path) -> f64 {
    let path = folder.join("synced");
    let mut file = File::create(&path).expect("new");
    let begun = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096]).expect("written");
        file.sync_all().expect("synced");
    }
    let took = begun.elapsed();
    fs::remove_file(path).expect("mine");
    f64::from(SYNCS) / took.as_secs_f64()
}

/// Memory of a process in MB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// All that is resident, files that are mapped too.
    pub(crate) resident: f64,
    /// What is its own.
    pub(crate) own: f64,
    /// The most that was resident.
    pub(crate) peak: f64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Memory {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let megabytes = |name| field(&status, name).unwrap_or_default() / 1024.0;
    Memory {
        resident: megabytes("VmRSS"),
        own: megabytes("RssAnon"),
        peak: megabytes("VmHWM"),
    }
}

/// Processor time a process has used, in seconds.
pub(crate) fn processor(pid: u32) -> f64 {
    processor_of_all(pid).0
}

/// The same, and with that of every process it waited for.
pub(crate) fn processor_of_all(pid: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |place| -> f64 {
        let field = after_name.split_whitespace().nth(place);
        field
            .and_then(|field| field.parse().ok())
            .unwrap_or_default()
    };
    let own = ticks(11) + ticks(12);
    (own / TICKS, (own + ticks(13) + ticks(14)) / TICKS)
}

fn field(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Median, 99th percentile and the largest, in milliseconds.
pub(crate) fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        millis(times[place.min(times.len() - 1)])
    };
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

/// A duration in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
