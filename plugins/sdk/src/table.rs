//! What a library exports: a table of functions with C's calls, as `include/archal_plugin.h` has it.
//!
//! Everything crosses as JSON that the caller's callback copies, so nobody frees what the other has
//! allocated, and fields can be added without another table.

use std::ffi::c_void;

/// A library of another number is not used.
pub const ABI_MAJOR: u32 = 1;
/// A library of a higher number needs a newer archal.
pub const ABI_MINOR: u32 = 0;
/// The symbol that a library exports: a function that returns the address of its [`Table`].
pub const SYMBOL: &[u8] = b"archal_plugin_v1";

/// All is answered.
pub const DONE: i32 = 0;
/// All is answered, and there is more already.
pub const MORE: i32 = 1;
/// There is no answer; why was pushed as an `error`.
pub const FAILED: i32 = -1;

/// Bytes that are the caller's for the length of the call: UTF-8, JSON.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// The first; may be null where there are none.
    pub start: *const u8,
    /// How many.
    pub length: usize,
}

/// Where a library pushes its replies, for the length of a call and from one thread at a time.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Sink {
    /// The caller's, handed back as it is.
    pub context: *mut c_void,
    /// Takes one reply: a line of the protocol without `id`. Not 0 where nothing more is wanted: leave.
    pub push: Option<unsafe extern "C" fn(context: *mut c_void, reply: Slice) -> i32>,
}

/// The functions of a plugin. All are called from one thread, one after the other.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// [`ABI_MAJOR`].
    pub abi_major: u32,
    /// [`ABI_MINOR`].
    pub abi_minor: u32,
    /// The size of the table in bytes: what stands beyond is not read.
    pub struct_size: usize,
    /// Pushes a `description`.
    pub describe: Option<unsafe extern "C" fn(out: Sink) -> i32>,
    /// Pushes a `point` for each thing that it looked at.
    pub check: Option<unsafe extern "C" fn(config: Slice, out: Sink) -> i32>,
    /// Makes ready to pull, and says what the other functions are to be called with.
    pub open:
        Option<unsafe extern "C" fn(config: Slice, state: *mut *mut c_void, out: Sink) -> i32>,
    /// Pushes what there is: `pull` is the request, with `cursor`, `since`, `most` and `sample`.
    pub poll: Option<unsafe extern "C" fn(state: *mut c_void, pull: Slice, out: Sink) -> i32>,
    /// Ends what `open` began.
    pub close: Option<unsafe extern "C" fn(state: *mut c_void) -> i32>,
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
