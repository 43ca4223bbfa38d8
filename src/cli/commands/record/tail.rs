//! The end of what a command writes to stdout, which goes where it always went.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::time::Duration;

use nix::unistd::dup2_stdout;
use rustix::pipe::{PipeFlags, pipe_with};

/// Most bytes of the end that are kept.
const KEPT: usize = 64 * 1024;
/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;
/// How long the rest is waited for once the command has ended: what it left behind may go on writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// This process's stdout is a pipe for as long as this is there; what comes through it is handed on.
pub(super) struct Tail {
    stdout: OwnedFd,
    kept: mpsc::Receiver<Vec<u8>>,
}

impl Tail {
    /// Begins to listen. A terminal is left to the command: programs write differently to a pipe.
    pub(super) fn begin() -> io::Result<Option<Self>> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Ok(None);
        }
        let stdout = stdout.as_fd().try_clone_to_owned()?;
        let onward = File::from(stdout.try_clone()?);
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        let (done, kept) = mpsc::channel();
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                // Nobody waits for it any more only after its time.
                done.send(hand_on(File::from(read), onward)).ok();
            })?;
        dup2_stdout(&write)?;
        Ok(Some(Self { stdout, kept }))
    }

    /// Gives stdout back, and the end of what was written, as text.
    pub(super) fn end(self) -> io::Result<Option<String>> {
        dup2_stdout(&self.stdout)?;
        let kept = self.kept.recv_timeout(PATIENCE).ok();
        Ok(kept.map(|kept| String::from_utf8_lossy(&kept).into_owned()))
    }
}

/// Hands everything on; who reads no more ends it, and with it the writer.
fn hand_on(mut from: File, mut to: File) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        kept.extend_from_slice(&piece[..read]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    kept.drain(..kept.len().saturating_sub(KEPT));
    kept
}
