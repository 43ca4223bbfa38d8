//! Giving up what a contained child must not have.

use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

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

/// Drops every capability for good: the bounding set too, or root would regain them at exec.
pub(super) fn drop_all() -> rustix::io::Result<()> {
    for bit in 0..u64::BITS {
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

/// Limits processes and threads of this user to `limit`; whether the system enforces it (it
/// does not for root).
pub(super) fn limit_processes(limit: u64) -> bool {
    if rustix::process::getuid().is_root() {
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
