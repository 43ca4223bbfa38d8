//! Programs of somebody else's that a source talks with: a line in, lines out, over their streams.
//!
//! A source owns what is said; who has processes starts the program, holds and limits it, and keeps
//! the clocks. A program that crashes, hangs or floods is an answer here, never the end of anybody.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::pull::Stop;

/// What starts programs.
pub trait Programs: Send + Sync {
    /// Starts one. What it writes to stderr is kept, bounded, until its end.
    ///
    /// # Errors
    ///
    /// Why it is not started, in one sentence, and what mends it.
    fn start(&self, program: &Program) -> Result<Box<dyn Talk>, NotStarted>;
}

/// A program to start.
#[derive(Clone)]
pub struct Program {
    /// An executable, or a shared library that exports the table of a plugin; absolute.
    pub path: PathBuf,
    /// The caller's variables that it is given, by name; beside them it has those that find programs
    /// and tell the language.
    pub variables: Vec<String>,
    /// The most memory, in bytes, where that can be limited.
    pub memory: u64,
    /// Ends waiting for it.
    pub stop: Arc<dyn Stop>,
}

/// Why a program was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotStarted {
    /// In one sentence, without a full stop.
    pub reason: String,
    /// The command or setting that mends it.
    pub advice: Option<String>,
}

/// A program that runs. Dropping it ends it.
pub trait Talk: Send {
    /// Starts the clock of what is asked now.
    fn begin(&mut self, patience: Patience);

    /// Says a line, to which the end is added.
    ///
    /// # Errors
    ///
    /// When it does not listen.
    fn say(&mut self, line: &str) -> Result<(), Silence>;

    /// The next line, without its end.
    ///
    /// # Errors
    ///
    /// When none comes. After that nothing is heard of it any more.
    fn hear(&mut self) -> Result<&[u8], Silence>;

    /// Ends it: it is told by the end of its stdin, and has a moment to go by itself.
    fn end(&mut self) -> Farewell;
}

/// How long a program may take for what it is asked, and how much it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// In all; what the caller does between two lines does not count.
    pub time: Duration,
    /// Between two lines.
    pub silence: Duration,
    /// The longest line, in bytes.
    pub line: usize,
    /// All of them, in bytes.
    pub bytes: u64,
}

/// Why nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It ended or closed its streams.
    #[error("it ended before it had answered")]
    Ended,
    /// It said nothing for too long.
    #[error("it said nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// It took too long for one answer.
    #[error("it was not done after {} s", .0.as_secs())]
    Late(Duration),
    /// A line was too long.
    #[error("it wrote a line of more than {0} bytes")]
    Long(usize),
    /// There was too much.
    #[error("it wrote more than {0} bytes for one answer")]
    Flood(u64),
    /// The end was asked for.
    #[error("it was stopped")]
    Stopped,
}

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Farewell {
    /// In words: `it exited with status 3`, `signal 11 killed it`; none where it ended well, or was
    /// ended from here.
    pub trouble: Option<String>,
    /// The last of what it wrote to stderr, redacted.
    pub said: String,
}
