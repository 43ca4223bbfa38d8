//! Giving up what a contained child must not have.

use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::cgroup;
use super::control::Start;
use super::hold::NOT_ENFORCED;

/// Keeps the helper's capabilities across its re-execution: a user other than root loses them at exec
/// unless they are ambient.
pub(super) fn keep_across_exec() -> rustix::io::Result<()> {
    let wanted = CapabilitySet::SYS_ADMIN
        | CapabilitySet::NET_ADMIN
        | CapabilitySet::NET_BIND_SERVICE
        | CapabilitySet::SETPCAP;
    let mut sets = rustix::thread::capabilities(None)?;
    sets.inheritable |= wanted;
    rustix::thread::set_capabilities(None, sets)?;
    for capability in wanted.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// Keeps others out of this process's memory and descriptors: the child has the same user, and whoever
/// writes here speaks to archal in the helper's name. Every program that is started from here has its own.
pub(super) fn close_memory() -> Result<(), String> {
    let closed = rustix::process::DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(closed)
        .map_err(|error| format!("the helper's memory cannot be closed: {error}"))
}

/// Drops every capability for good: the bounding set too, where this process may, or root would regain
/// them at exec.
pub(super) fn drop_all() -> rustix::io::Result<()> {
    let own = rustix::thread::capabilities(None)?;
    // Whoever may not has none to regain.
    let bits = match own.effective.contains(CapabilitySet::SETPCAP) {
        true => 0..u64::BITS,
        false => 0..0,
    };
    for bit in bits {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        match rustix::thread::capability_is_in_bounding_set(capability) {
            Ok(true) => rustix::thread::remove_capability_from_bounding_set(capability)?,
            Ok(false) => {}
            // The kernel knows no capability of that number, nor a higher one.
            Err(_) => break,
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    rustix::thread::set_no_new_privs(true)
}

/// Limits processes and threads as asked for, and says how. `others` are those that count for
/// this user already.
pub(super) fn limit(start: &Start, others: impl FnOnce() -> u64) -> &'static str {
    match start.process_limit {
        None => NOT_ENFORCED,
        Some(_) if start.cgroup.as_deref().is_some_and(cgroup::is_joined) => "cgroup",
        Some(limit) if limit_processes(limit.saturating_add(others())) => "rlimit",
        Some(_) => NOT_ENFORCED,
    }
}

/// Limits processes and threads of this user to `limit`; whether the system enforces it (it
/// does not for root).
fn limit_processes(limit: u64) -> bool {
    let release = std::fs::read("/proc/sys/kernel/osrelease").unwrap_or_default();
    if rustix::process::getuid().is_root() || !is_at_least(&release, COUNTED_BY_NAMESPACE) {
        return false;
    }
    let old = rustix::process::getrlimit(Resource::Nproc);
    let limit = old.maximum.map_or(limit, |maximum| limit.min(maximum));
    rustix::process::setrlimit(
        Resource::Nproc,
        Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        },
    )
    .is_ok()
}

/// From here on a kernel counts a user's processes for each user namespace by itself. Where it does
/// not, the limit would hit the user's programs outside and be hit by them.
const COUNTED_BY_NAMESPACE: (u32, u32) = (5, 14);

/// Whether a kernel's release is that version or a later one.
pub(super) fn is_at_least(release: &[u8], version: (u32, u32)) -> bool {
    let mut numbers = release
        .split(|byte| !byte.is_ascii_digit())
        .map(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    let (Some(major), Some(minor)) = (next(), next()) else {
        return false;
    };
    (major, minor) >= version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_apart_by_their_release() {
        for release in ["5.14.0-70.el9", "5.15", "6.1.0-13-amd64", "10.0-rc1"] {
            assert!(is_at_least(release.as_bytes(), (5, 14)), "{release}");
        }
        for release in [
            "5.13.19",
            "4.18.0-553.el8",
            "3.10",
            "5",
            "",
            "x.y",
            "99999999999.1",
        ] {
            assert!(!is_at_least(release.as_bytes(), (5, 14)), "{release}");
        }
    }
}
