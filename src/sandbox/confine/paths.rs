//! Files and ports of a confined child that has no namespaces: Landlock.
//!
//! Landlock can only allow, so what is hidden is left out of what may be read: the folders on the
//! way to it are opened entry by entry. Names that come to those folders later cannot be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::Confine;
use super::scratch::TEMPORARY;

/// What is asked of the kernel: files with truncation, and TCP ports (Linux 6.7).
const WANTED: ABI = ABI::V4;
/// Devices that everybody writes.
const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/tty",
    "/dev/pts",
];
/// Where the machine's own accounts are.
const OF_THE_MACHINE: &str = "/etc";
/// Most entries of folders on the way to what is hidden.
const MOST_ENTRIES: usize = 20_000;

/// Holds this thread and all that it starts to the files of `confine`, and for TCP to `ports` where
/// there are any. Needs `no_new_privs`.
pub(super) fn hold_all(confine: &Confine, ports: Option<&[u16]>) -> Result<(), String> {
    let hold = || {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(WANTED))?;
        let rules = match ports {
            Some(_) => rules.handle_access(AccessNet::ConnectTcp)?,
            None => rules,
        };
        // Only newer kernels know it: what another program of the user listens on by a name of
        // no file, and signals to it.
        let rules = rules
            .set_compatibility(CompatLevel::BestEffort)
            .scope(Scope::AbstractUnixSocket)?
            .scope(Scope::Signal)?
            .set_compatibility(CompatLevel::HardRequirement);
        let mut rules = rules.create()?;
        for path in readable(&confine.hidden) {
            rules = allow(rules, &path, AccessFs::from_read(WANTED))?;
        }
        for path in &confine.writable {
            rules = allow(rules, path, AccessFs::from_all(WANTED))?;
        }
        for path in DEVICES {
            let access = AccessFs::from_read(WANTED) | AccessFs::WriteFile;
            rules = allow(rules, Path::new(path), access)?;
        }
        for port in ports.into_iter().flatten() {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        rules.restrict_self()
    };
    enforced(hold(), "Linux 6.7")
}

/// Holds this thread and all that it starts to those ports, for TCP.
pub(super) fn hold_ports(ports: &[u16]) -> Result<(), String> {
    let hold = || {
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessNet::ConnectTcp)?
            .create()?;
        for port in ports {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        rules.restrict_self()
    };
    enforced(hold(), "Linux 6.7")
}

/// Keeps this thread and all that it starts from reading files that come into the folders of `decoys` later, which are
/// files that are empty. Its own files and temporary folders are read all the same. Needs `no_new_privs`.
pub(super) fn hold_reads(confine: &Confine, decoys: &[PathBuf]) -> Result<(), String> {
    // What the machine keeps its accounts in changes with its network, too, and is written by root alone.
    let decoys: Vec<&PathBuf> = decoys
        .iter()
        .filter(|path| !path.starts_with(OF_THE_MACHINE))
        .collect();
    if decoys.is_empty() {
        return Ok(());
    }
    let own = confine.writable.iter().map(PathBuf::as_path);
    let own = own.chain(TEMPORARY.iter().map(Path::new));
    let hold = || {
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            // Moving from folder to folder is refused by every rule that does not name it.
            .handle_access(AccessFs::ReadFile | AccessFs::Refer)?
            .create()?;
        rules = allow(rules, Path::new("/"), AccessFs::Refer.into())?;
        let places: Vec<PathBuf> = decoys.iter().map(|path| (*path).clone()).collect();
        for path in readable(&places) {
            rules = allow(rules, &path, AccessFs::ReadFile.into())?;
        }
        for path in own.chain(decoys.iter().map(|path| path.as_path())) {
            rules = allow(rules, path, AccessFs::ReadFile.into())?;
        }
        rules.restrict_self()
    };
    enforced(hold(), "Linux 5.19")
}

/// Keeps this thread and all that it starts from sockets with a name that is no file. Needs `no_new_privs` or the
/// right to do without.
pub(super) fn hold_names_of_sockets() -> Result<(), String> {
    let hold = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .scope(Scope::AbstractUnixSocket)?
            .create()?
            .restrict_self()
    };
    enforced(hold(), "Linux 6.12")
}

fn enforced(
    held: Result<landlock::RestrictionStatus, landlock::RulesetError>,
    since: &str,
) -> Result<(), String> {
    match held {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => Ok(()),
        Ok(_) => Err("this kernel does not enforce Landlock".to_owned()),
        Err(error) => {
            let said = error.to_string();
            // Not every single right by its name.
            let said = said.split(": BitFlags").next().unwrap_or_default();
            Err(format!("Landlock ({since} or newer): {said}"))
        }
    }
}

/// Allows what can be allowed at a path: files know fewer rights than folders.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    // What cannot be opened now is not reached later either.
    let Ok(opened) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = match path.is_dir() {
        true => access,
        false => access & AccessFs::from_file(WANTED),
    };
    rules.add_rule(PathBeneath::new(opened, access))
}

/// The highest folders and files that hold nothing of what is hidden.
fn readable(hidden: &[PathBuf]) -> Vec<PathBuf> {
    let hidden: BTreeSet<PathBuf> = hidden
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let mut readable = Vec::new();
    let mut open = vec![PathBuf::from("/")];
    while let Some(path) = open.pop() {
        // What a link leads to is readable by its own name, or hidden.
        if hidden.contains(&path) || path.is_symlink() {
            continue;
        }
        if !hidden.iter().any(|hidden| hidden.starts_with(&path)) {
            readable.push(path);
            continue;
        }
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        open.extend(entries.map(|entry| entry.path()).take(MOST_ENTRIES));
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_left_out_and_its_neighbours_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = fs::canonicalize(folder.path()).expect("there");
        for name in [".ssh", ".config/gh", ".config/other", "work"] {
            fs::create_dir_all(home.join(name)).expect("writable");
        }
        fs::write(home.join("work/agent.py"), "").expect("writable");
        // As those have it who keep such files in a repository.
        fs::write(home.join("work/netrc"), "").expect("writable");
        std::os::unix::fs::symlink("work/netrc", home.join(".netrc")).expect("linked");
        let hidden = [".ssh", ".config/gh", ".netrc", "missing"].map(|name| home.join(name));
        let readable = readable(&hidden);
        let is_readable = |name: &str| {
            let path = home.join(name);
            readable.iter().any(|allowed| path.starts_with(allowed))
        };
        assert!(is_readable("work/agent.py") && is_readable(".config/other"));
        assert!(!is_readable("work/netrc") && !is_readable(".netrc"));
        assert!(!is_readable(".ssh/key") && !is_readable(".config/gh/hosts.yml"));
        assert!(!is_readable("missing") && !is_readable(".config"));
        assert!(readable.iter().any(|path| path == Path::new("/usr")));
    }
}
