//! How much of the machine a confined child may take.

use std::fs;

use rustix::process::{Resource, Rlimit};

use super::super::privileges;

/// The file that says how many processes a PID namespace may have.
const MOST_PROCESSES: &str = "/proc/sys/kernel/pid_max";
/// From here on that is a number of the namespace and not of the machine.
const COUNTED_BY_NAMESPACE: (u32, u32) = (6, 14);
/// Numbers that the kernel never gives twice, so that no lower limit works.
const RESERVED: u64 = 301;

/// Limits the processes of this PID namespace, of which `/proc` must be; whether that works. It holds
/// root, too, which no resource limit does.
pub(super) fn processes(most: u64) -> bool {
    let release = fs::read("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Before, root would set it for the whole machine.
    privileges::is_at_least(&release, COUNTED_BY_NAMESPACE)
        && most >= RESERVED
        && fs::write(MOST_PROCESSES, most.to_string()).is_ok()
}

/// Limits the memory of this process and, each for itself, of all that it starts: what they write, not
/// what they only reserve, as runtimes do by the terabyte. No core is dumped.
pub(super) fn memory(most: u64) -> bool {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // A core in the workspace would only be in the way.
    rustix::process::setrlimit(Resource::Core, none).ok();
    let old = rustix::process::getrlimit(Resource::Data);
    let most = old.maximum.map_or(most, |maximum| most.min(maximum));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    rustix::process::setrlimit(Resource::Data, limit).is_ok()
}
