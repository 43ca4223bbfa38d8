//! Memory that a burst of work needed, given back to the system.

/// Gives back what was freed and is still held for later. glibc keeps it: hundreds of megabytes
/// after a few very large traces, for as long as the process lives. It takes some milliseconds.
/// Other allocators are left to themselves.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "there is no other way to ask glibc for it")]
        // SAFETY: it takes no pointer, and any thread may call it at any time (malloc_trim(3)).
        unsafe {
            nix::libc::malloc_trim(0);
        }
    }
}
