//! Traces of recordings whose archal was killed: what was written of them until then.

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::state::Place;
use crate::record::assemble::{self, End, Ended};
use crate::record::call::Entry;
use crate::record::{spool, summary};
use crate::run::scrub::Scrubber;

/// How many there were.
pub(super) struct Rescued {
    pub(super) written: usize,
    pub(super) unwritten: usize,
}

/// Writes them where they were to be written, and says so. What cannot be written stays.
pub(super) fn all(
    place: &Place,
    scrubber: &Scrubber,
    cx: &CommandContext,
) -> Result<Rescued, CliError> {
    let left = spool::left(&place.layout.recordings(), cx.clock.now());
    let mut rescued = Rescued {
        written: 0,
        unwritten: 0,
    };
    for one in left.map_err(CliError::environment)? {
        let end = End {
            ended: Ended::Unseen,
            ended_at: one.last(),
            stdout: None,
            // What came by when it was killed was not written.
            dropped: one.lost.max(1),
        };
        let told = summary::calls(one.calls.iter().map(Entry::url));
        let (literals, rules) = (scrubber.literals(), scrubber.redactor());
        let assembled = assemble::trace(one.command, one.calls, end, literals, rules);
        match super::written(&assembled.trace, &one.directory, cx.clock.now()) {
            Ok(path) => {
                one.kept.remove();
                rescued.written += 1;
                cx.printer
                    .note("an earlier `archal record` was killed; what it had recorded:");
                super::tell(&assembled, &told, &path, cx);
            }
            Err(error) => {
                cx.printer.warning(format!(
                    "what an earlier `archal record` left in {} cannot be written: {error}",
                    one.kept.folder().display()
                ));
                rescued.unwritten += 1;
            }
        }
    }
    Ok(rescued)
}
