//! Which pages of lists are known, and which rows complete lists leave out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::build::Building;
use super::owned::OwnedRows;
use crate::reconstruct::world::{CloneWorld, List};

/// A list that was seen whole before the trace changed anything.
pub(super) struct Whole<'a> {
    table: &'static str,
    only: &'a [(&'static str, Value)],
    keys: BTreeSet<String>,
}

impl Whole<'_> {
    /// Whether it would have a row that it has not.
    pub(super) fn leaves_out(&self, table: &str, key: &str, row: &Map<String, Value>) -> bool {
        self.table == table && holds(row, self.only) && !self.keys.contains(&key.to_lowercase())
    }
}

/// The lists that were seen whole before the trace changed anything.
pub(super) fn whole(part: &CloneWorld) -> Vec<Whole<'_>> {
    let complete = |list: &&List| {
        let mut next = 1;
        let in_order = list.pages.keys().all(|page| {
            next += 1;
            *page == next - 1
        });
        let last = list.pages.values().next_back();
        in_order
            && last.is_some_and(|page| page.more == Some(false))
            && list.pages.values().all(|page| !page.late)
    };
    part.lists
        .values()
        .filter(complete)
        .filter_map(|list| {
            let keys = list.pages.values().flat_map(|page| &page.keys);
            Some(Whole {
                table: list.table,
                only: list.only.as_deref()?,
                keys: keys.map(|key| key.to_lowercase()).collect(),
            })
        })
        .collect()
}

/// Whether a row holds all of that, texts without case.
pub(in crate::reconstruct) fn holds(
    row: &Map<String, Value>,
    only: &[(&'static str, Value)],
) -> bool {
    only.iter()
        .all(|(field, wanted)| match (row.get(*field), wanted) {
            (Some(Value::String(text)), Value::String(wanted)) => text.eq_ignore_ascii_case(wanted),
            (Some(value), wanted) => value == wanted,
            (None, _) => false,
        })
}

impl Building<'_> {
    /// A list is known when every page up to the last one was seen and no more followed, or where
    /// the repository says what else is in it.
    pub(super) fn pages(&mut self, list: &str, seen: &List, own: &OwnedRows) {
        let Some((_, last_page)) = seen.pages.last_key_value() else {
            return;
        };
        let first_seen = seen.pages.values().next().map(|page| page.span.clone());
        let mut gaps = Vec::new();
        // What lies between two pages that were seen is one gap, however wide.
        let mut next = 1;
        for page in seen.pages.keys() {
            if *page > next {
                gaps.push((
                    pages(next, page - 1),
                    "a later page was captured, so this one exists, and what is on it is not known",
                    first_seen.clone().unwrap_or_default(),
                ));
            }
            next = page.saturating_add(1);
        }
        match last_page.more {
            Some(true) => gaps.push((
                pages(next, next),
                "the service said that more follows, and a repaired agent may read it",
                last_page.span.clone(),
            )),
            None if last_page.full => gaps.push((
                pages(next, next),
                "the page before it is full, and nothing recorded says that it is the last",
                last_page.span.clone(),
            )),
            Some(false) | None => {}
        }
        let owner = own.further(seen);
        for (page, why, span) in gaps {
            let entity = format!("{} of {list}", seen.table);
            match &owner {
                Some(origin) => {
                    let path = format!("{} {entity} {page}", self.descriptor.name);
                    self.out.proofs.insert(path, origin.clone());
                }
                None => self.missing(entity, &page, why, span),
            }
        }
    }
}

/// `page 2`, or `page 2 to 9`.
fn pages(first: u64, last: u64) -> String {
    if first == last {
        format!("page {first}")
    } else {
        format!("page {first} to {last}")
    }
}
