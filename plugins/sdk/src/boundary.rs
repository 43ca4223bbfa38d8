//! From the table with C's calls to the trait: the only place of this crate with `unsafe`.
//!
//! What makes it sound: slices are read within the call for which the caller lends them; a state is
//! a box that `open` made of the same plugin, and is taken apart by `close` alone; and no panic
//! leaves a function, since unwinding through C's calls ends the process.
#![expect(
    unsafe_code,
    reason = "functions with C's calls take addresses; each use says what its caller promises"
)]

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use serde_json::Value;

use crate::message::{Error, ErrorKind, Pull, Reply};
use crate::plugin::{Failure, Output, Plugin};
use crate::table::{ABI_MAJOR, ABI_MINOR, DONE, FAILED, Sink, Slice, Table};

/// The table of a plugin.
pub const fn table<P: Plugin>() -> Table {
    Table {
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        struct_size: size_of::<Table>(),
        describe: Some(describe::<P>),
        check: Some(check::<P>),
        open: Some(open::<P>),
        poll: Some(poll::<P>),
        close: Some(close::<P>),
    }
}

unsafe extern "C" fn describe<P: Plugin>(out: Sink) -> i32 {
    answered(out, |out| {
        out.reply(&Reply::Description(P::describe()))?;
        Ok(())
    })
}

unsafe extern "C" fn check<P: Plugin>(config: Slice, out: Sink) -> i32 {
    // SAFETY: the caller lends the slice for the length of this call.
    let config = unsafe { bytes(config) };
    answered(out, |out| P::open(&json(config)?)?.check(out))
}

unsafe extern "C" fn open<P: Plugin>(config: Slice, state: *mut *mut c_void, out: Sink) -> i32 {
    // SAFETY: the caller lends the slice for the length of this call.
    let config = unsafe { bytes(config) };
    answered(out, |_| {
        let plugin: Box<P> = Box::new(P::open(&json(config)?)?);
        // SAFETY: the caller gives the address of a pointer of its own, to be written.
        unsafe { state.write(Box::into_raw(plugin).cast()) };
        Ok(())
    })
}

unsafe extern "C" fn poll<P: Plugin>(state: *mut c_void, pull: Slice, out: Sink) -> i32 {
    // SAFETY: the caller lends the slice for the length of this call.
    let pull = unsafe { bytes(pull) };
    answered(out, |out| {
        // SAFETY: `open` of the same plugin made it, `close` was not called, and the caller makes
        // one call after the other, so nobody else has it.
        let plugin = unsafe { &mut *state.cast::<P>() };
        let pull: Pull = serde_json::from_slice(pull).map_err(unreadable)?;
        plugin.pull(&pull, out)
    })
}

unsafe extern "C" fn close<P: Plugin>(state: *mut c_void) -> i32 {
    let closed = catch_unwind(|| {
        if !state.is_null() {
            // SAFETY: `open` of the same plugin made it of a box, and nobody uses it after this.
            drop(unsafe { Box::from_raw(state.cast::<P>()) });
        }
    });
    if closed.is_ok() { DONE } else { FAILED }
}

/// The bytes of a slice.
///
/// # Safety
///
/// They are there and stay as they are for as long as the result is used.
unsafe fn bytes<'a>(of: Slice) -> &'a [u8] {
    if of.start.is_null() || of.length == 0 {
        return &[];
    }
    // SAFETY: what the caller of this function promises.
    unsafe { slice::from_raw_parts(of.start, of.length) }
}

fn json(bytes: &[u8]) -> Result<Value, Failure> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::new(
        ErrorKind::Answer,
        format!("what archal asked cannot be read: {error}"),
    )
}

/// Runs a plugin's work. What it fails with, a panic too, is pushed.
fn answered(sink: Sink, work: impl FnOnce(&mut Output<'_>) -> Result<(), Failure>) -> i32 {
    let mut push = |reply: &[u8]| {
        let Some(push) = sink.push else {
            return false;
        };
        let reply = Slice {
            start: reply.as_ptr(),
            length: reply.len(),
        };
        // SAFETY: the caller's own function with its own context, for the length of this call.
        unsafe { push(sink.context, reply) == 0 }
    };
    let mut out = Output::new(&mut push);
    let worked = catch_unwind(AssertUnwindSafe(|| work(&mut out)));
    let failure = match worked {
        Ok(Ok(())) => return DONE,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::new(
            ErrorKind::Answer,
            format!("the plugin panicked: {}", message(panic.as_ref())),
        ),
    };
    if let Some(error) = failure.error {
        told(&mut out, error);
    }
    FAILED
}

fn told(out: &mut Output<'_>, error: Error) {
    // Where nothing more is wanted, the reason is not either.
    out.reply(&Reply::Error(error)).ok();
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use serde_json::json;

    use super::*;
    use crate::message::Description;

    struct Played(u64);

    impl Plugin for Played {
        fn describe() -> Description {
            Description::new("played", "1")
        }

        fn open(config: &Value) -> Result<Self, Failure> {
            match config["from"].as_u64() {
                Some(from) => Ok(Self(from)),
                None => Err(Failure::new(ErrorKind::Options, "no `from`").retry_after(3)),
            }
        }

        fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<(), Failure> {
            assert!(pull.cursor != "bad", "a cursor that is bad");
            out.trace(json!({"id": self.0}))?;
            self.0 += 1;
            out.cursor(json!(self.0))?;
            Ok(())
        }
    }

    struct Heard {
        replies: Vec<Value>,
        most: usize,
    }

    unsafe extern "C" fn push(context: *mut c_void, reply: Slice) -> i32 {
        // SAFETY: the test below gives the address of its own, and nobody else has it meanwhile.
        let heard = unsafe { &mut *context.cast::<Heard>() };
        // SAFETY: lent for the length of this call.
        let reply = unsafe { bytes(reply) };
        heard
            .replies
            .push(serde_json::from_slice(reply).expect("JSON"));
        i32::from(heard.replies.len() >= heard.most)
    }

    fn heard(most: usize, call: impl FnOnce(Sink) -> i32) -> (i32, Vec<Value>) {
        let mut heard = Heard {
            replies: Vec::new(),
            most,
        };
        let code = call(Sink {
            context: ptr::from_mut(&mut heard).cast(),
            push: Some(push),
        });
        (code, heard.replies)
    }

    fn slice(text: &str) -> Slice {
        Slice {
            start: text.as_ptr(),
            length: text.len(),
        }
    }

    const PLAYED: Table = table::<Played>();

    /// Calls a function of the table as a host does.
    macro_rules! call {
        ($name:ident, $($argument:expr),*) => {
            // SAFETY: what the documentation of the table asks for: one after the other, with what `open` gave.
            unsafe { (PLAYED.$name.expect("a function"))($($argument),*) }
        };
    }

    #[test]
    fn a_plugin_is_opened_pulled_and_closed_and_its_state_lives_between() {
        let (code, replies) = heard(9, |out| call!(describe, out));
        assert_eq!((code, replies[0]["name"].as_str()), (DONE, Some("played")));
        let mut state = ptr::null_mut();
        let (code, replies) = heard(9, |out| {
            call!(open, slice(r#"{"from": 4}"#), &mut state, out)
        });
        assert_eq!((code, replies), (DONE, Vec::new()));
        let pull = r#"{"cursor": null}"#;
        heard(9, |out| call!(poll, state, slice(pull), out));
        let (code, replies) = heard(9, |out| call!(poll, state, slice(pull), out));
        assert_eq!(code, DONE);
        assert_eq!(replies[0]["trace"]["id"], 5);
        // Nothing more is wanted after the first.
        let (code, replies) = heard(1, |out| call!(poll, state, slice(pull), out));
        assert_eq!((code, replies.len()), (FAILED, 1));
        assert_eq!(call!(close, state), DONE);
        assert_eq!(call!(close, ptr::null_mut()), DONE);
    }

    #[test]
    fn what_fails_is_told_and_no_panic_leaves() {
        let mut state = ptr::null_mut();
        let (code, replies) = heard(9, |out| call!(open, slice("{}"), &mut state, out));
        assert_eq!((code, state.is_null()), (FAILED, true));
        assert_eq!(
            replies,
            [json!({"reply": "error", "kind": "options", "message": "no `from`", "retryAfter": 3})]
        );
        let (code, replies) = heard(9, |out| call!(check, slice("{"), out));
        assert_eq!(
            (code, replies[0]["kind"].as_str()),
            (FAILED, Some("answer"))
        );
        heard(9, |out| {
            call!(open, slice(r#"{"from": 1}"#), &mut state, out)
        });
        let bad = slice(r#"{"cursor": "bad"}"#);
        let (code, replies) = heard(9, |out| call!(poll, state, bad, out));
        assert_eq!(code, FAILED);
        let told = replies[0]["message"].as_str().expect("text");
        assert_eq!(told, "the plugin panicked: a cursor that is bad");
        assert_eq!(call!(close, state), DONE);
    }
}
