//! A child that is talked with: a line in, lines out, within clocks and bounds.
//!
//! The child is held as any other, on a thread of its own, which waits for its end. Whoever talks
//! holds the other ends of its pipes: what it does not read waits in the pipe, so a flood costs
//! nothing, and a child that is silent for too long is given up.

use std::fmt;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use archal_core::program::{Patience, Silence};
use archal_core::pull::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::child::{ChildEnd, ChildSpec, Containment};
use super::hold::{self, Hold, Pipes};
use super::stop::StopToken;

/// Between two looks at whether the end was asked for.
const LOOK: Duration = Duration::from_millis(100);
/// How long it may take to go by itself once its stdin has ended.
const LEAVE: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// A child that is talked with. Dropping it ends the child.
pub struct Conversation {
    /// None once nothing more is said.
    stdin: Option<PipeWriter>,
    /// None once nothing more is heard.
    stdout: Option<PipeReader>,
    heard: Heard,
    clock: Clock,
    token: StopToken,
    ended: mpsc::Receiver<ChildEnd>,
    end: Option<ChildEnd>,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").finish_non_exhaustive()
    }
}

impl Conversation {
    /// Starts a child. That it could not be started is its end.
    ///
    /// # Errors
    ///
    /// When there are no pipes or no thread.
    pub fn start(
        spec: ChildSpec,
        helper: PathBuf,
        containment: Containment,
        stop: Arc<dyn Stop>,
    ) -> io::Result<Self> {
        let (its_stdin, stdin) = io::pipe()?;
        let (stdout, its_stdout) = io::pipe()?;
        for pipe in [stdin.as_fd(), stdout.as_fd()] {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        let token = StopToken::new();
        let (tell, ended) = mpsc::sync_channel(1);
        let stops = token.clone();
        // The end of the thread that starts a child would be the child's end, so it waits there.
        thread::Builder::new()
            .name("archal-program".to_owned())
            .spawn(move || {
                let hold = Hold {
                    helper: &helper,
                    containment,
                    stop: Some(&stops),
                };
                let pipes = Pipes {
                    stdin: its_stdin.into(),
                    stdout: its_stdout.into(),
                };
                // Nobody listens where the conversation was dropped.
                tell.send(hold::run_piped(&spec, &hold, pipes)).ok();
            })?;
        Ok(Self {
            stdin: Some(stdin),
            stdout: Some(stdout),
            heard: Heard::default(),
            clock: Clock::of(stop),
            token,
            ended,
            end: None,
        })
    }

    /// Starts the clock of what is asked now.
    pub fn begin(&mut self, patience: Patience) {
        self.clock.begin(patience);
    }

    /// Says a line, to which the end is added.
    ///
    /// # Errors
    ///
    /// When it does not listen.
    pub fn say(&mut self, line: &str) -> Result<(), Silence> {
        let mut rest = Vec::with_capacity(line.len() + 1);
        rest.extend_from_slice(line.as_bytes());
        rest.push(b'\n');
        let mut rest = rest.as_slice();
        self.clock.hears();
        while !rest.is_empty() {
            let stdin = self.stdin.as_mut().ok_or(Silence::Ended)?;
            match stdin.write(rest) {
                Ok(count) => {
                    rest = &rest[count..];
                    self.clock.hears();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.clock.wait(stdin.as_fd(), PollFlags::OUT)?;
                }
                Err(_) => return Err(Silence::Ended),
            }
        }
        Ok(())
    }

    /// The next line, without its end. What stands behind the last end of a line is none: whoever wrote
    /// it was cut off.
    ///
    /// # Errors
    ///
    /// When none comes; then nothing more is heard.
    pub fn hear(&mut self) -> Result<&[u8], Silence> {
        match self.next_line() {
            Ok(range) => Ok(&self.heard.bytes[range]),
            Err(silence) => {
                self.stdout = None;
                Err(silence)
            }
        }
    }

    fn next_line(&mut self) -> Result<std::ops::Range<usize>, Silence> {
        self.clock.hears();
        loop {
            let patience = self.clock.patience;
            if let Some(line) = self.heard.line() {
                self.clock.bytes = self.clock.bytes.saturating_add(line.len() as u64 + 1);
                if line.len() > patience.line {
                    return Err(Silence::Long(patience.line));
                }
                if self.clock.bytes > patience.bytes {
                    return Err(Silence::Flood(patience.bytes));
                }
                return Ok(line);
            }
            if self.heard.waiting() > patience.line {
                return Err(Silence::Long(patience.line));
            }
            let stdout = self.stdout.as_mut().ok_or(Silence::Ended)?;
            match self.heard.read(stdout) {
                Ok(0) => return Err(Silence::Ended),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.clock.wait(stdout.as_fd(), PollFlags::IN)?;
                }
                Err(_) => return Err(Silence::Ended),
            }
        }
    }

    /// Ends it. One that is `given_up` has no time to go by itself.
    pub fn end(&mut self, given_up: bool) -> Option<&ChildEnd> {
        self.stdin = None;
        self.stdout = None;
        if self.end.is_none() {
            let left = if given_up { Duration::ZERO } else { LEAVE };
            self.end = self.ended.recv_timeout(left).ok();
        }
        if self.end.is_none() {
            self.token.stop();
            // The thread ends when the child has, which is killed where it does not want to.
            self.end = self.ended.recv().ok();
        }
        self.end.as_ref()
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.end(true);
    }
}

/// What was read and not yet taken.
#[derive(Debug, Default)]
struct Heard {
    bytes: Vec<u8>,
    /// Where what was not yet taken begins.
    from: usize,
    /// Up to where there is no end of a line.
    searched: usize,
}

impl Heard {
    /// The place of the next whole line.
    fn line(&mut self) -> Option<std::ops::Range<usize>> {
        match memchr::memchr(b'\n', &self.bytes[self.searched..]) {
            Some(at) => {
                let end = self.searched + at;
                let line = self.from..end;
                self.from = end + 1;
                self.searched = self.from;
                Some(line)
            }
            None => {
                self.searched = self.bytes.len();
                None
            }
        }
    }

    /// Bytes of a line whose end was not read yet.
    fn waiting(&self) -> usize {
        self.bytes.len() - self.from
    }

    fn read(&mut self, from: &mut impl Read) -> io::Result<usize> {
        // Called where no whole line is left: what was taken makes room.
        self.bytes.drain(..self.from);
        self.searched -= self.from;
        self.from = 0;
        let length = self.bytes.len();
        self.bytes.resize(length + READ, 0);
        let read = from.read(&mut self.bytes[length..]);
        self.bytes
            .truncate(length + read.as_ref().map_or(0, |count| *count));
        read
    }
}

/// The clocks of one answer.
struct Clock {
    patience: Patience,
    /// What was waited for it so far.
    waited: Duration,
    /// What was waited since the last line.
    silent: Duration,
    bytes: u64,
    stop: Arc<dyn Stop>,
}

impl Clock {
    fn of(stop: Arc<dyn Stop>) -> Self {
        Self {
            patience: Patience {
                time: Duration::ZERO,
                silence: Duration::ZERO,
                line: 0,
                bytes: 0,
            },
            waited: Duration::ZERO,
            silent: Duration::ZERO,
            bytes: 0,
            stop,
        }
    }

    fn begin(&mut self, patience: Patience) {
        self.patience = patience;
        self.waited = Duration::ZERO;
        self.bytes = 0;
    }

    /// Something came or was taken.
    fn hears(&mut self) {
        self.silent = Duration::ZERO;
    }

    /// Waits for a pipe a moment.
    fn wait(&mut self, pipe: BorrowedFd<'_>, flags: PollFlags) -> Result<(), Silence> {
        if self.stop.is_asked() {
            return Err(Silence::Stopped);
        }
        let Patience { time, silence, .. } = self.patience;
        let left = time.saturating_sub(self.waited);
        let left = left.min(silence.saturating_sub(self.silent)).min(LOOK);
        let at_most = Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        let began = Instant::now();
        match poll(&mut [PollFd::from_borrowed_fd(pipe, flags)], Some(&at_most)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Silence::Ended),
        }
        let waited = began.elapsed();
        self.waited += waited;
        self.silent += waited;
        if self.waited >= time {
            return Err(Silence::Late(time));
        }
        if self.silent >= silence {
            return Err(Silence::Silent(silence));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_as_they_come_and_half_ones_wait() {
        let mut heard = Heard::default();
        assert_eq!(heard.line(), None);
        let mut take = |bytes: &[u8]| {
            heard.read(&mut &bytes[..]).expect("readable");
            let mut lines = Vec::new();
            while let Some(line) = heard.line() {
                lines.push(String::from_utf8_lossy(&heard.bytes[line]).into_owned());
            }
            (lines, heard.waiting())
        };
        assert_eq!(take(b"a\n\nb"), (vec!["a".to_owned(), String::new()], 1));
        assert_eq!(take(b"c"), (Vec::new(), 2));
        assert_eq!(take(b"\nd\n"), (vec!["bc".to_owned(), "d".to_owned()], 0));
    }
}
