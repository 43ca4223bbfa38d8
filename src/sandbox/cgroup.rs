//! A process limit by cgroup v2, where the folder of archal's own cgroup is delegated to it.

use std::fs;
use std::path::{Path, PathBuf};

/// A cgroup for one child, removed when it goes out of scope.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: PathBuf,
    /// Whether it limits memory, too.
    pub(super) limits_memory: bool,
}

impl Cgroup {
    /// Makes a cgroup below archal's own with room for `limit` tasks, and for so many bytes of memory
    /// where that can be said; none where it is not delegated.
    pub(super) fn create(limit: u64, memory: Option<u64>) -> Option<Self> {
        let own = own_folder(
            &fs::read_to_string("/proc/self/cgroup").ok()?,
            &fs::read_to_string("/proc/self/mountinfo").ok()?,
        )?;
        let folder = tempfile::Builder::new()
            .prefix("archal-")
            .tempdir_in(own)
            .ok()?
            .keep();
        let mut cgroup = Self {
            folder,
            limits_memory: false,
        };
        // Exists only where the pids controller is passed down.
        fs::write(cgroup.folder.join("pids.max"), limit.to_string()).ok()?;
        if let Some(memory) = memory {
            let written = fs::write(cgroup.folder.join("memory.max"), memory.to_string());
            cgroup.limits_memory = written.is_ok();
        }
        Some(cgroup)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // An empty cgroup takes no resources; a later one has another name.
        fs::remove_dir(&self.folder).ok();
    }
}

/// Whether this process is in the cgroup of that folder.
pub(super) fn is_joined(folder: &Path) -> bool {
    fs::read_to_string("/proc/self/cgroup").is_ok_and(|cgroup| is_in(&cgroup, folder))
}

/// By the folder's name, which no other cgroup has; what comes before it differs between mounts.
fn is_in(cgroup: &str, folder: &Path) -> bool {
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::"));
    own.is_some_and(|own| Path::new(own).file_name() == folder.file_name())
}

/// The folder of this process's cgroup in the unified hierarchy.
fn own_folder(cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if !after.starts_with("cgroup2 ") {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        let root = fields.next()?;
        Some((root, fields.next()?))
    })?;
    let (root, point) = mount;
    let inside = if root == "/" {
        path
    } else {
        path.strip_prefix(root)?
    };
    Some(Path::new(point).join(inside.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_cgroup_is_found_in_the_unified_hierarchy_only() {
        let mountinfo = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            own_folder("0::/user.slice/a.scope\n", mountinfo),
            Some(PathBuf::from("/sys/fs/cgroup/user.slice/a.scope"))
        );
        assert_eq!(own_folder("8:pids:/\n", mountinfo), None);
        let folder = Path::new("/sys/fs/cgroup/user.slice/archal-x");
        assert!(is_in("8:pids:/\n0::/user.slice/archal-x\n", folder));
        assert!(!is_in("0::/user.slice\n", folder));
        assert!(!is_in("8:pids:/archal-x\n", folder));
        let bound = "30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(
            own_folder("0::/docker/x/y\n", bound),
            Some(PathBuf::from("/sys/fs/cgroup/y"))
        );
    }
}
