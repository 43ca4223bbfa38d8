//! `archal attach --check`: what is ready and what is missing, a line for each part.

use std::fmt::Write as _;

use crate::attach::check::{Checking, Part, PartStatus};
use crate::attach::flags::AttachFlags;
use crate::ingest::key;
use crate::report::style::Style;
use crate::sandbox::hold;

use super::bench;
use super::context::CommandContext;
use super::exit::Exit;
use super::pass;

/// How far details stand from the edge: a mark, a space, a name, a space.
const INDENT: usize = 23;

/// Looks at everything that attaching `directory` to `repo` stands on.
pub(crate) fn run(
    repo: &std::path::Path,
    directory: &std::path::Path,
    flags: &AttachFlags,
    cx: &CommandContext,
) -> Exit {
    let key_path = key::path(&cx.environment);
    // A key that is not there yet is made at the first import, not by a look.
    let known = key_path.as_deref().filter(|path| path.exists());
    let mut key = key::load(known, cx.secret());
    if known.is_none() && key_path.is_some() {
        key.warning = None;
    }
    let report = Checking {
        repo,
        directory,
        flags,
        layout: &bench::known_layout(repo, cx),
        environment: &cx.environment,
        binary: &cx.binary,
        clones: cx.clones,
        files: cx.files,
        probe: &hold::probe(&cx.binary),
        key: &key,
        key_path: key_path.as_deref(),
        ledger: pass::user_ledger(cx).as_deref(),
        now: cx.clock.now(),
    }
    .look();
    cx.printer.line(text(&report.parts).trim_end());
    cx.printer.document("archal.attach-check", 1, &report);
    if report.ready {
        Exit::Fine
    } else {
        Exit::CouldNotRun
    }
}

/// Parts for a person, a line each, and whether nothing is missing.
pub(crate) fn text(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        one(&mut out, part);
    }
    let missing: Vec<&str> = parts
        .iter()
        .filter(|part| part.status == PartStatus::Missing)
        .map(|part| part.name.as_str())
        .collect();
    // Writing to a String cannot fail.
    _ = if missing.is_empty() {
        writeln!(out, "ready: nothing is missing")
    } else {
        writeln!(out, "not ready: {}", missing.join(", "))
    };
    out
}

fn one(out: &mut String, part: &Part) {
    let mark = match part.status {
        PartStatus::Ready => Style::Good.paint("ok     "),
        PartStatus::Limited => Style::Warning.paint("limited"),
        PartStatus::Missing => Style::Error.paint("missing"),
        PartStatus::Unneeded => "-      ".to_owned(),
    };
    _ = writeln!(out, "{mark} {:<14} {}", part.name, part.detail);
    for note in &part.notes {
        _ = writeln!(out, "{:INDENT$}{note}", "");
    }
    for hint in &part.hints {
        _ = writeln!(out, "{:INDENT$}{} {hint}", "", Style::Hint.paint("hint:"));
    }
}
