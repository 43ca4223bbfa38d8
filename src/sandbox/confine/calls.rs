//! System calls that a confined child cannot make: seccomp.
//!
//! A list of what is refused, not of what is allowed: a fixer starts compilers, browsers and
//! interpreters nobody has counted. Each group is refused for what it would undo:
//!
//! - *mounts* (`mount`, `pivot_root`, `move_mount`, …, `chroot`): the view of the files;
//! - *namespaces* (`unshare`, `setns`, `clone` with a namespace in its flags): a user namespace of its
//!   own gives a child all capabilities in it, and with them most of the kernel's faults of the
//!   last years. `clone3` has its flags in memory, where no filter looks: it is answered as by a
//!   kernel without it, and C libraries take `clone`;
//! - *other processes* (`ptrace`, `process_vm_readv`, `pidfd_getfd`, `kcmp`): where there is no
//!   PID namespace, archal's own memory with the user's keys;
//! - *keys* (`keyctl`, `add_key`, `request_key`): the kernel's keyrings belong to the user and not to a
//!   namespace;
//! - *the kernel* (`bpf`, `perf_event_open`, `userfaultfd`, modules, `kexec`, `reboot`, `swapon`, …):
//!   no business of a fixer, and much of what exploits start from;
//! - *around the others* (`io_uring_*`, `open_by_handle_at`): files and sockets without the calls that
//!   are looked at; whoever uses `io_uring` does without where it is refused;
//! - *sockets outside of every network namespace* (`AF_VSOCK`): the host of a virtual machine; and where the
//!   child has no network of its own, UDP, raw and Unix sockets, which Landlock does not hold.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// Refused whatever their arguments.
const REFUSED: &[i64] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_by_handle_at,
];
/// Flags of `clone` and `unshare` that make a namespace.
const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];
/// Not in every table of constants: `CLONE_NEWTIME`.
const NEW_TIME: libc::c_int = 0x80;
/// The bits of a socket's type that are no flags.
const SOCKET_TYPE: u64 = 0xf;

/// Refuses the calls to this thread and all that it starts. `holds_sockets` where nothing else
/// keeps the child from UDP, raw and Unix sockets. Needs `no_new_privs`.
pub(super) fn refuse(holds_sockets: bool) -> Result<(), String> {
    let text = |error: seccompiler::Error| error.to_string();
    let programs = programs(holds_sockets).map_err(|error| error.to_string())?;
    for program in &programs {
        seccompiler::apply_filter(program).map_err(text)?;
    }
    Ok(())
}

fn programs(holds_sockets: bool) -> Result<[BpfProgram; 2], BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = |rules, answer: libc::c_int| {
        SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(answer.unsigned_abs()),
            architecture,
        )?
        .try_into()
    };
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([
        filter(rules(holds_sockets)?, libc::EPERM)?,
        filter(unknown, libc::ENOSYS)?,
    ])
}

fn rules(holds_sockets: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let makes_namespace: Vec<SeccompRule> = NAMESPACES
        .iter()
        .chain(&[NEW_TIME])
        .map(|flag| {
            let flag = u64::from(flag.unsigned_abs());
            SeccompRule::new(vec![has(0, flag, flag)?])
        })
        .collect::<Result<_, _>>()?;
    // The flag for a time namespace is in `clone` the number of a signal.
    let by_clone = makes_namespace[..NAMESPACES.len()].to_vec();
    rules.insert(libc::SYS_clone, by_clone);
    rules.insert(libc::SYS_unshare, makes_namespace);
    let family = |family: libc::c_int| is(0, u64::from(family.unsigned_abs()));
    let mut sockets = vec![SeccompRule::new(vec![family(libc::AF_VSOCK)?])?];
    if holds_sockets {
        sockets.push(SeccompRule::new(vec![family(libc::AF_UNIX)?])?);
        for of in [libc::AF_INET, libc::AF_INET6] {
            for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
                let kind = has(1, SOCKET_TYPE, u64::from(kind.unsigned_abs()))?;
                sockets.push(SeccompRule::new(vec![family(of)?, kind])?);
            }
        }
        sockets.push(SeccompRule::new(vec![family(libc::AF_PACKET)?])?);
    }
    rules.insert(libc::SYS_socket, sockets);
    Ok(rules)
}

/// That the bits of `mask` in an argument are those of `value`.
fn has(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

/// That an argument has a value.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_can_be_built_for_this_processor() {
        for holds_sockets in [false, true] {
            let programs = programs(holds_sockets).expect("built");
            assert!(programs.iter().all(|program| !program.is_empty()));
        }
    }
}
