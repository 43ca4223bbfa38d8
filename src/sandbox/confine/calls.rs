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
//!   child has no network of its own, all but plain TCP, which alone Landlock holds: multipath TCP is another protocol
//!   to it, and data that is sent while connecting (`MSG_FASTOPEN`) connects without the call that it looks at;
//! - *the same calls by other numbers* (x32): a processor of `x86_64` has a second table of them.

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
/// Not in every table of constants: calls that came later, with the same number on every processor.
const LATER: &[i64] = &[
    443, // quotactl_fd
    467, // open_tree_attr
];
/// The bits of a socket's type that are no flags.
const SOCKET_TYPE: u64 = 0xf;
/// Types of sockets: all that there are but streams. Datagrams, raw, reliable datagrams, packets in order, DCCP and
/// the old way to packets; not all are in every table of constants.
const NO_STREAMS: &[u64] = &[2, 3, 4, 5, 6, 10];
/// Families of which there are sockets where nothing but TCP is to be had: names and interfaces are asked for over
/// the last.
const FAMILIES: &[libc::c_int] = &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// The lowest number of the second table of calls.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Refuses the calls to this thread and all that it starts. `holds_sockets` where nothing else
/// keeps the child from UDP, raw and Unix sockets. Needs `no_new_privs`.
pub(super) fn refuse(holds_sockets: bool) -> Result<(), String> {
    let text = |error: seccompiler::Error| error.to_string();
    let programs = programs(holds_sockets).map_err(|error| error.to_string())?;
    for program in &programs {
        seccompiler::apply_filter(program).map_err(text)?;
    }
    #[cfg(target_arch = "x86_64")]
    seccompiler::apply_filter(&without_second_table()).map_err(text)?;
    Ok(())
}

/// Refuses every call of the second table. Whether the kernel has one is its business.
#[cfg(target_arch = "x86_64")]
fn without_second_table() -> BpfProgram {
    let line = |what: u32, jt, jf, k| seccompiler::sock_filter {
        code: u16::try_from(what).unwrap_or_default(),
        jt,
        jf,
        k,
    };
    vec![
        // The number of the call stands first in what a filter sees.
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        line(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        line(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()).into(),
        ),
        line(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            SeccompAction::Allow.into(),
        ),
    ]
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
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED
        .iter()
        .chain(LATER)
        .map(|call| (*call, Vec::new()))
        .collect();
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
        let others = FAMILIES.iter().map(|family| is_not(0, *family));
        sockets.push(SeccompRule::new(others.collect::<Result<_, _>>()?)?);
        for of in [libc::AF_INET, libc::AF_INET6] {
            for kind in NO_STREAMS {
                let kind = has(1, SOCKET_TYPE, *kind)?;
                sockets.push(SeccompRule::new(vec![family(of)?, kind])?);
            }
            let (any, tcp) = (is_not(2, 0)?, is_not(2, libc::IPPROTO_TCP)?);
            sockets.push(SeccompRule::new(vec![family(of)?, any, tcp])?);
        }
        let fast = u64::from(libc::MSG_FASTOPEN.unsigned_abs());
        for (call, flags) in [
            (libc::SYS_sendto, 3),
            (libc::SYS_sendmsg, 2),
            (libc::SYS_sendmmsg, 3),
        ] {
            let connects = SeccompRule::new(vec![has(flags, fast, fast)?])?;
            rules.insert(call, vec![connects]);
        }
        let option = |at, value: libc::c_int| is(at, u64::from(value.unsigned_abs()));
        let connects = vec![
            option(1, libc::IPPROTO_TCP)?,
            option(2, libc::TCP_FASTOPEN_CONNECT)?,
        ];
        rules.insert(libc::SYS_setsockopt, vec![SeccompRule::new(connects)?]);
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

/// That an argument has another value.
fn is_not(argument: u8, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
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
