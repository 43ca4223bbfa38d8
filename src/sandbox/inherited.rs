//! What a process was given by whoever started it, beyond its three streams.

/// Where the descriptors of this process are listed.
const OPEN: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// Closes what this process's caller left open, but for the three streams.
///
/// Right at the start, when this process has opened nothing itself.
pub fn close_inherited() {
    let Ok(entries) = std::fs::read_dir(OPEN) else {
        return;
    };
    // Collected first: the listing has a descriptor too, which is gone when it ends.
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        nix::unistd::close(descriptor).ok();
    }
}
