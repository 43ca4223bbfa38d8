//! The judge of `[P]` criteria: a model that is asked one binary question for each, and believed
//! only where it quotes evidence that is there.
//!
//! What it is shown is hostile text, what it answers is not trusted, and what it costs is counted
//! before it is asked. It speaks the protocols of four providers itself, over the HTTP client of
//! this program: the libraries that know them all change how every other JSON document here is
//! ordered, or bring a second HTTP stack, and none limits what a server may send.
//!
//! - [`settings`]: which judge, with what limits.
//! - [`question`]: what it is asked, fenced, cut to size and worded.
//! - [`evidence`]: what it is shown of a run, and what quotes are looked for in.
//! - [`quotes`]: whether what it quotes is there.
//! - [`record`]: the same about a recorded run: a statement about its numbered steps.
//! - [`answer`]: what it answers, read strictly.
//! - [`provider`]: the wire shapes of the four providers.
//! - `transport`: one request, bounded in time and size, cut short when asked to stop.
//! - `retry`: which failures pass by themselves, and how long to wait for it.
//! - [`purse`]: what it may cost, in the invocation and by the user's ledger.
//! - [`cache`]: answers to questions that were asked before.
//! - `exchange`: one question until it is answered or given up.
//! - `turns`: the same question is under way once.
//! - [`ask`]: all of it together.

pub mod answer;
pub mod ask;
pub mod cache;
pub mod evidence;
mod exchange;
pub mod provider;
pub mod purse;
pub mod question;
pub mod quotes;
pub mod record;
mod retry;
pub mod settings;
mod transport;
mod turns;

pub use ask::{Account, Judge, Judged, NotJudged, Outcome, Paid, Pause, Why};
