//! What is different between two trees, as the service lists it.
//!
//! Lines are compared by `imara-diff`, which is git's own algorithm with git's heuristic for
//! where a change begins; hunks are written as `git diff` writes them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};

use super::object::{Kind, Mode, TreeEntry};
use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, run};
use super::tree::{DEEPEST, LONGEST_PATH, MOST_ENTRIES};

/// Lines shown around a change.
const CONTEXT: u32 = 3;
/// A NUL byte among so many first ones makes a file binary, as in git.
const LOOKED_AT: usize = 8_000;
/// The service shows no patch of a file that is longer.
const LONGEST_PATCH: usize = 500_000;
/// Bytes of a line that names the function of a hunk.
const FUNCTION: usize = 80;
/// How alike two files are that are one renamed, in hundredths: git's default.
const ALIKE: u64 = 50;
/// The most pairs that are compared for renames: git's default limit.
const PAIRS: usize = 1_000 * 1_000;
/// Diffs kept.
const KEPT: usize = 256;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeStatus {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has other content or another mode.
    Modified,
    /// It has another path, and perhaps other content.
    Renamed,
    /// It is another kind of thing: a link instead of a file.
    Changed,
}

impl ChangeStatus {
    /// As the service writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
        }
    }
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Its path, the old one where it is gone.
    pub path: String,
    /// Its path before, where it was renamed.
    pub previous_path: Option<String>,
    /// What became of it.
    pub status: ChangeStatus,
    /// The content after; before, where it is gone.
    pub oid: Oid,
    /// What it is after; before, where it is gone.
    pub mode: Mode,
    /// Lines that are new.
    pub additions: usize,
    /// Lines that are gone.
    pub deletions: usize,
    /// The hunks without a last line feed; none for binary files, long patches, and where no line
    /// changed.
    pub patch: Option<String>,
}

/// A path of two trees with what is there in each.
#[derive(Debug, Clone)]
struct Pair {
    path: String,
    before: Option<TreeEntry>,
    after: Option<TreeEntry>,
    previous_path: Option<String>,
}

/// How much of two trees was compared.
#[derive(Debug, Default)]
struct Seen {
    entries: usize,
    depth: usize,
}

impl Objects {
    /// The files that differ between two trees in order of path, renames found.
    pub(crate) fn diff(&self, before: &Oid, after: &Oid) -> Arc<Vec<FileChange>> {
        let key = (*before, *after);
        let known = self.diffs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return Arc::clone(found);
        }
        drop(known);
        let mut pairs = Vec::new();
        let mut seen = Seen::default();
        self.pairs(Some(before), Some(after), "", &mut seen, &mut pairs);
        let mut pairs = self.with_renames(pairs);
        pairs.sort_by(|a, b| a.path.cmp(&b.path));
        let changes: Arc<Vec<FileChange>> =
            Arc::new(pairs.iter().filter_map(|pair| self.change(pair)).collect());
        let mut known = self.diffs.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, Arc::clone(&changes));
        changes
    }

    fn pairs(
        &self,
        before: Option<&Oid>,
        after: Option<&Oid>,
        prefix: &str,
        seen: &mut Seen,
        out: &mut Vec<Pair>,
    ) {
        if before == after || seen.depth >= DEEPEST {
            return;
        }
        let entries = |oid: Option<&Oid>| -> HashMap<String, TreeEntry> {
            let entries = oid.and_then(|oid| self.tree(oid)).unwrap_or_default();
            entries
                .into_iter()
                .map(|entry| (entry.name.clone(), entry))
                .collect()
        };
        let mut old = entries(before);
        let mut new = entries(after);
        let mut names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            // Folders count too: a tree may be nothing but folders.
            seen.entries += 1;
            if seen.entries > MOST_ENTRIES {
                return;
            }
            let path = format!("{prefix}{name}");
            if path.len() > LONGEST_PATH {
                continue;
            }
            let (before, after) = (old.remove(&name), new.remove(&name));
            let folder = |entry: &Option<TreeEntry>| {
                let folder = entry.as_ref().filter(|entry| entry.mode == Mode::Tree);
                folder.map(|entry| entry.oid)
            };
            let (old_folder, new_folder) = (folder(&before), folder(&after));
            if old_folder.is_some() || new_folder.is_some() {
                let prefix = format!("{path}/");
                seen.depth += 1;
                self.pairs(old_folder.as_ref(), new_folder.as_ref(), &prefix, seen, out);
                seen.depth -= 1;
            }
            let before = before.filter(|entry| entry.mode != Mode::Tree);
            let after = after.filter(|entry| entry.mode != Mode::Tree);
            let same = match (&before, &after) {
                (None, None) => true,
                (Some(before), Some(after)) => (before.mode, before.oid) == (after.mode, after.oid),
                _ => false,
            };
            if !same {
                out.push(Pair {
                    path,
                    before,
                    after,
                    previous_path: None,
                });
            }
        }
    }

    /// Makes one of a file that went and one that came, where they are the same or alike.
    fn with_renames(&self, pairs: Vec<Pair>) -> Vec<Pair> {
        let is_file = |entry: &TreeEntry| matches!(entry.mode, Mode::File | Mode::Executable);
        let (mut gone, rest): (Vec<Pair>, Vec<Pair>) = pairs
            .into_iter()
            .partition(|pair| pair.after.is_none() && pair.before.as_ref().is_some_and(is_file));
        let (mut came, mut kept): (Vec<Pair>, Vec<Pair>) = rest
            .into_iter()
            .partition(|pair| pair.before.is_none() && pair.after.as_ref().is_some_and(is_file));
        let mut renamed = |from: Pair, mut to: Pair| {
            to.before = from.before;
            to.previous_path = Some(from.path);
            kept.push(to);
        };
        // The same content first, of several the one with the same name.
        let mut left = Vec::new();
        for to in came {
            let same = |from: &Pair| {
                from.before.as_ref().map(|entry| entry.oid)
                    == to.after.as_ref().map(|entry| entry.oid)
            };
            let named = |from: &Pair| same(from) && base_name(&from.path) == base_name(&to.path);
            let found = gone.iter().position(named);
            match found.or_else(|| gone.iter().position(same)) {
                Some(at) => renamed(gone.remove(at), to),
                None => left.push(to),
            }
        }
        came = left;
        if gone.len() * came.len() <= PAIRS {
            let read = |entry: Option<&TreeEntry>| -> (Bytes, HashMap<Bytes, u64>) {
                let bytes = entry
                    .and_then(|entry| self.blob(&entry.oid))
                    .unwrap_or_default();
                let pieces = pieces(&bytes);
                (bytes, pieces)
            };
            let old: Vec<_> = gone.iter().map(|pair| read(pair.before.as_ref())).collect();
            let new: Vec<_> = came.iter().map(|pair| read(pair.after.as_ref())).collect();
            let mut scores: Vec<(u64, bool, usize, usize)> = Vec::new();
            for (to, (new, new_pieces)) in new.iter().enumerate() {
                for (from, (old, old_pieces)) in old.iter().enumerate() {
                    let score = likeness(old.len(), old_pieces, new.len(), new_pieces);
                    if score >= ALIKE * 600 {
                        let named = base_name(&gone[from].path) == base_name(&came[to].path);
                        scores.push((score, named, to, from));
                    }
                }
            }
            // The most alike first; between equals the one with the same name, then the first.
            scores.sort_by(|a, b| {
                (b.0, b.1)
                    .cmp(&(a.0, a.1))
                    .then_with(|| (a.2, a.3).cmp(&(b.2, b.3)))
            });
            let mut gone_at: Vec<Option<Pair>> = gone.into_iter().map(Some).collect();
            let mut came_at: Vec<Option<Pair>> = came.into_iter().map(Some).collect();
            for (_, _, to, from) in scores {
                if came_at[to].is_some()
                    && gone_at[from].is_some()
                    && let (Some(from), Some(to)) = (gone_at[from].take(), came_at[to].take())
                {
                    renamed(from, to);
                }
            }
            gone = gone_at.into_iter().flatten().collect();
            came = came_at.into_iter().flatten().collect();
        }
        kept.extend(gone);
        kept.extend(came);
        kept
    }

    fn change(&self, pair: &Pair) -> Option<FileChange> {
        let shown = pair.after.as_ref().or(pair.before.as_ref())?;
        let status = match (&pair.before, &pair.after) {
            _ if pair.previous_path.is_some() => ChangeStatus::Renamed,
            (None, _) => ChangeStatus::Added,
            (_, None) => ChangeStatus::Removed,
            (Some(before), Some(after)) if is_another_kind(before.mode, after.mode) => {
                ChangeStatus::Changed
            }
            _ => ChangeStatus::Modified,
        };
        let content = |entry: Option<&TreeEntry>| match entry {
            None => Bytes::new(),
            Some(entry) if entry.mode == Mode::Submodule => {
                format!("Subproject commit {}\n", entry.oid).into()
            }
            Some(entry) => self.blob(&entry.oid).unwrap_or_default(),
        };
        let before = content(pair.before.as_ref());
        let after = content(pair.after.as_ref());
        let (additions, deletions, patch) = patch(&before, &after);
        Some(FileChange {
            path: pair.path.clone(),
            previous_path: pair.previous_path.clone(),
            status,
            oid: shown.oid,
            mode: shown.mode,
            additions,
            deletions,
            patch,
        })
    }

    /// What `git diff` says between two trees: the `diff` media type.
    pub(crate) fn unified_diff(&self, before: &Oid, after: &Oid) -> Result<String, GitFailure> {
        let folder = self.on_disk()?;
        let arguments = [
            "diff-tree".to_owned(),
            "-r".to_owned(),
            "-p".to_owned(),
            "-M".to_owned(),
            before.to_string(),
            after.to_string(),
        ];
        let (_, out) = run(&folder, &arguments, &[0])?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// What `git format-patch` says of the commits that `head` has and `base` has not, the oldest
    /// first, merges left out; of `head` alone where there is no base: the `patch` media type.
    pub(crate) fn format_patch(
        &self,
        base: Option<&Oid>,
        head: &Oid,
    ) -> Result<String, GitFailure> {
        let folder = self.on_disk()?;
        let mut arguments = vec![
            "format-patch".to_owned(),
            "--stdout".to_owned(),
            "--no-signature".to_owned(),
        ];
        match base {
            Some(base) => arguments.push(format!("{base}..{head}")),
            None => arguments.extend(["-1".to_owned(), head.to_string()]),
        }
        let (_, out) = run(&folder, &arguments, &[0])?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

fn is_another_kind(before: Mode, after: Mode) -> bool {
    let is_link = |mode| mode == Mode::Link;
    before.kind() != after.kind()
        || is_link(before) != is_link(after)
        || before.kind() == Kind::Tree
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether git takes the content of a file for binary.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(LOOKED_AT)].contains(&0)
}

/// The bytes of a file by the lines they are in, long lines in pieces of 64, as git counts them.
fn pieces(bytes: &Bytes) -> HashMap<Bytes, u64> {
    let text = !is_binary(bytes);
    let mut out: HashMap<Bytes, u64> = HashMap::new();
    let mut start = 0;
    while start < bytes.len() {
        let most = &bytes[start..bytes.len().min(start + 64)];
        let length = most
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(most.len(), |at| at + 1);
        let piece = bytes.slice(start..start + length);
        let counted = length as u64 - u64::from(text && piece.ends_with(b"\r\n"));
        let piece = match piece.strip_suffix(b"\r\n") {
            Some(line) if text => [line, b"\n"].concat().into(),
            _ => piece,
        };
        *out.entry(piece).or_default() += counted;
        start += length;
    }
    out
}

/// How alike two contents are, of 60,000, as git estimates it: the bytes that one has of the
/// other against the longer one.
fn likeness(
    old_length: usize,
    old: &HashMap<Bytes, u64>,
    new_length: usize,
    new: &HashMap<Bytes, u64>,
) -> u64 {
    let longest = old_length.max(new_length) as u64;
    let shortest = old_length.min(new_length) as u64;
    if shortest == 0 || longest * (100 - ALIKE) < (longest - shortest) * 100 {
        return 0;
    }
    let copied: u64 = old
        .iter()
        .filter_map(|(piece, count)| Some((*count).min(*new.get(piece)?)))
        .sum();
    copied * 60_000 / longest
}

/// New lines, lines that are gone, and the hunks.
pub(crate) fn patch(before: &[u8], after: &[u8]) -> (usize, usize, Option<String>) {
    if is_binary(before) || is_binary(after) {
        return (0, 0, None);
    }
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    let additions = diff.count_additions() as usize;
    let deletions = diff.count_removals() as usize;
    let line = |token: imara_diff::Token| -> &[u8] { input.interner[token] };
    let old = |at: u32| line(input.before[at as usize]);
    let new = |at: u32| line(input.after[at as usize]);
    let lines_before = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let mut out: Vec<u8> = Vec::new();
    let hunks: Vec<imara_diff::Hunk> = diff.hunks().collect();
    let mut from = 0;
    while from < hunks.len() {
        // Changes whose context meets are one hunk.
        let mut to = from;
        while to + 1 < hunks.len()
            && hunks[to + 1].before.start - hunks[to].before.end <= 2 * CONTEXT
        {
            to += 1;
        }
        let (first, last) = (&hunks[from], &hunks[to]);
        let above = first.before.start.min(CONTEXT).min(first.after.start);
        let below = (lines_before - last.before.end).min(CONTEXT);
        let start = first.before.start - above;
        let old_range = start..last.before.end + below;
        let new_range = first.after.start - above..last.after.end + below;
        out.extend_from_slice(b"@@ -");
        out.extend_from_slice(range(&old_range).as_bytes());
        out.extend_from_slice(b" +");
        out.extend_from_slice(range(&new_range).as_bytes());
        out.extend_from_slice(b" @@");
        if let Some(function) = (0..start).rev().find_map(|at| function(old(at))) {
            out.push(b' ');
            out.extend_from_slice(function);
        }
        out.push(b'\n');
        let mut at = start;
        for hunk in &hunks[from..=to] {
            (at..hunk.before.start).for_each(|at| write_line(&mut out, b' ', old(at)));
            let gone = hunk.before.clone();
            gone.for_each(|at| write_line(&mut out, b'-', old(at)));
            let came = hunk.after.clone();
            came.for_each(|at| write_line(&mut out, b'+', new(at)));
            at = hunk.before.end;
        }
        (at..old_range.end).for_each(|at| write_line(&mut out, b' ', old(at)));
        from = to + 1;
    }
    if out.last() == Some(&b'\n') {
        out.pop();
    }
    let shown = !out.is_empty() && out.len() <= LONGEST_PATCH;
    let patch = shown.then(|| String::from_utf8_lossy(&out).into_owned());
    (additions, deletions, patch)
}

/// `12,7`: the first line from 1 and the number, which is left out for one line. No lines stand
/// after the line before them.
fn range(lines: &std::ops::Range<u32>) -> String {
    match lines.end - lines.start {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn write_line(out: &mut Vec<u8>, mark: u8, line: &[u8]) {
    out.push(mark);
    out.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        out.extend_from_slice(b"\n\\ No newline at end of file\n");
    }
}

/// A line that begins with a letter, `_` or `$` names what the lines below it are in.
fn function(line: &[u8]) -> Option<&[u8]> {
    let first = line.first()?;
    (first.is_ascii_alphabetic() || matches!(first, b'_' | b'$'))
        .then(|| line[..line.len().min(FUNCTION)].trim_ascii_end())
}
