//! Which commit wrote which lines of a file.

use super::git::{commit, oid, read, repo_of};
use crate::engine::git::{Commit, Oid};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Object, Outcome, Value};
use crate::engine::pack::Call;

/// `blame` of a file: which commit wrote which lines.
pub(super) fn of_file(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let path = args.text("path").unwrap_or_default();
    let row = repo_of(it)?;
    let objects = call.root().objects();
    let lines_at = |commit: &Commit| -> Vec<String> {
        objects
            .entry_at(&commit.tree, path)
            .and_then(|entry| objects.blob(&entry.oid))
            .map(|bytes| {
                String::from_utf8_lossy(&bytes)
                    .lines()
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default()
    };
    let now = lines_at(&read(call, it)?);
    // From the newest change back: a line belongs to the last commit before which it was not there.
    let mut owners: Vec<Option<Oid>> = vec![None; now.len()];
    let mut places: Vec<Option<usize>> = (0..now.len()).map(Some).collect();
    let changes: Vec<(Oid, Commit)> = objects.changes_of(&oid(it)?, path).collect();
    for (at, commit) in &changes {
        let after = lines_at(commit);
        let parent = commit.parents.first().and_then(|oid| objects.commit(oid));
        let before = parent.map(|parent| lines_at(&parent)).unwrap_or_default();
        let kept = common(&before, &after);
        for (line, place) in places.iter_mut().enumerate() {
            let Some(here) = *place else { continue };
            match kept.get(here).copied().flatten() {
                Some(there) => *place = Some(there),
                None => {
                    owners[line] = Some(*at);
                    *place = None;
                }
            }
        }
    }
    let last = changes.last().map(|(oid, _)| *oid);
    let mut ranges: Vec<(usize, usize, Oid)> = Vec::new();
    for (line, owner) in owners.iter().enumerate() {
        let Some(owner) = owner.or(last) else {
            continue;
        };
        match ranges.last_mut() {
            Some((_, end, known)) if *known == owner && *end == line => *end = line + 1,
            _ => ranges.push((line, line + 1, owner)),
        }
    }
    let ranges = ranges.into_iter().map(|(start, end, owner)| {
        Object::made(
            "BlameRange",
            vec![
                ("startingLine", (start + 1).into()),
                ("endingLine", end.into()),
                ("age", Value::Int(1)),
                ("commit", commit(row, &owner).into()),
            ],
        )
    });
    let ranges: Vec<Object> = ranges.collect();
    Ok(Object::made("Blame", vec![("ranges", ranges.into())]).into())
}

/// For each line after a change, the line before it that it was; none where it is new. Lines
/// that begin and end both texts are matched first, the rest by the longest common sequence.
fn common(before: &[String], after: &[String]) -> Vec<Option<usize>> {
    let mut out = vec![None; after.len()];
    let same_head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let rest = before.len().min(after.len()) - same_head;
    let same_tail = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    for (at, place) in out.iter_mut().enumerate().take(same_head) {
        *place = Some(at);
    }
    for back in 1..=same_tail {
        out[after.len() - back] = Some(before.len() - back);
    }
    let olds = &before[same_head..before.len() - same_tail];
    let news = &after[same_head..after.len() - same_tail];
    // Beyond this a table of all pairs costs more than the answer is worth; the lines are new.
    if olds.len().saturating_mul(news.len()) > MOST_PAIRS {
        return out;
    }
    let width = news.len() + 1;
    let mut table = vec![0_u32; (olds.len() + 1) * width];
    for (i, old) in olds.iter().enumerate().rev() {
        for (j, new) in news.iter().enumerate().rev() {
            table[i * width + j] = if old == new {
                table[(i + 1) * width + j + 1] + 1
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < olds.len() && j < news.len() {
        if olds[i] == news[j] {
            out[same_head + j] = Some(same_head + i);
            i += 1;
            j += 1;
        } else if table[(i + 1) * width + j] >= table[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    out
}

/// Most pairs of lines that are compared.
const MOST_PAIRS: usize = 4_000_000;
