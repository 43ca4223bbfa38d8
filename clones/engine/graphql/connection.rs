//! Connections: pages of lists as Relay has them, with cursors from keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::arguments::Args;
use super::model::{Fault, Object, Value};

/// Most items a page.
const MOST: i64 = 100;

/// A whole list, of which the query asks for a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The items in order. Those that are not shown are there so that a cursor which was given
    /// out for one keeps its place when the item no longer fits the list's condition.
    pub items: Vec<Item>,
    /// Further fields of the connection.
    pub made: Vec<(&'static str, Value)>,
    /// Whether cursors count places, as those of searches do.
    pub by_place: bool,
    /// Whether `last` is taken for `first`, as searches do: they have no end to count from.
    pub forward: bool,
}

/// An item of a list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The node.
    pub node: Object,
    /// What the cursor is made from; the place in the list where it is empty.
    pub key: String,
    /// Whether it is in the list.
    pub shown: bool,
    /// Further fields of the edge.
    pub edge: Vec<(&'static str, Value)>,
}

impl Connection {
    /// A list of objects whose cursors count places.
    pub(crate) fn of(nodes: impl IntoIterator<Item = Object>) -> Self {
        Self {
            items: nodes
                .into_iter()
                .map(|node| Item {
                    node,
                    key: String::new(),
                    shown: true,
                    edge: Vec::new(),
                })
                .collect(),
            made: Vec::new(),
            by_place: true,
            forward: false,
        }
    }

    /// A list whose cursors are made from keys: key, whether it is shown, node.
    pub(crate) fn keyed(nodes: impl IntoIterator<Item = (String, bool, Object)>) -> Self {
        Self {
            items: nodes
                .into_iter()
                .map(|(key, shown, node)| Item {
                    node,
                    key,
                    shown,
                    edge: Vec::new(),
                })
                .collect(),
            made: Vec::new(),
            by_place: false,
            forward: false,
        }
    }

    /// The same with further fields.
    pub(crate) fn with(mut self, made: Vec<(&'static str, Value)>) -> Self {
        self.made = made;
        self
    }

    /// How many items are shown.
    pub(crate) fn total(&self) -> usize {
        self.items.iter().filter(|item| item.shown).count()
    }

    /// The cursor of the item at a place.
    pub(super) fn cursor(&self, at: usize) -> String {
        let item = &self.items[at];
        let text = if self.by_place || item.key.is_empty() {
            format!("cursor:{}", at + 1)
        } else {
            format!("cursor:v2:{}", item.key)
        };
        STANDARD.encode(text)
    }

    fn place(&self, cursor: &str) -> Option<usize> {
        let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
        match text.strip_prefix("cursor:v2:") {
            Some(key) => self.items.iter().position(|item| item.key == key),
            None => {
                let at: usize = text.strip_prefix("cursor:")?.parse().ok()?;
                at.checked_sub(1)
            }
        }
    }

    /// The page that the arguments ask for.
    pub(super) fn page(&self, args: &Args, field: &str) -> Result<Page, Fault> {
        let place = |name: &str| match args.text(name) {
            None => Ok(None),
            Some(cursor) => self.place(cursor).map(Some).ok_or_else(|| {
                Fault::new(
                    "INVALID_CURSOR_ARGUMENTS",
                    format!("`{cursor}` does not appear to be a valid cursor."),
                )
            }),
        };
        let after = place("after")?;
        let before = place("before")?;
        let (first, last) = (args.int("first"), args.int("last"));
        check(first, last, field)?;
        let (first, last) = match (first, last) {
            (None, last) if self.forward => (last, None),
            asked => asked,
        };
        let start = after.map_or(0, |at| at + 1);
        let end = before.unwrap_or(self.items.len());
        let shown = |range: std::ops::Range<usize>| -> Vec<usize> {
            range
                .filter(|at| self.items.get(*at).is_some_and(|item| item.shown))
                .collect()
        };
        let mut places = shown(start..end.max(start));
        let outside_before = !shown(0..start.min(self.items.len())).is_empty();
        let outside_after = !shown(end.min(self.items.len())..self.items.len()).is_empty();
        let (mut earlier, mut later) = (false, false);
        if let Some(first) = first {
            let most = usize::try_from(first).unwrap_or(0);
            later = places.len() > most;
            places.truncate(most);
        }
        if let Some(last) = last {
            let most = usize::try_from(last).unwrap_or(0);
            earlier = places.len() > most;
            places.drain(..places.len().saturating_sub(most));
        }
        Ok(Page {
            has_previous: earlier || (after.is_some() && outside_before),
            has_next: later || (before.is_some() && outside_after),
            places,
        })
    }
}

/// A page of a connection.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// The places of its items.
    pub places: Vec<usize>,
    /// Whether there are items before it.
    pub has_previous: bool,
    /// Whether there are items after it.
    pub has_next: bool,
}

/// Refuses numbers that no page has.
pub(super) fn check(first: Option<i64>, last: Option<i64>, field: &str) -> Result<(), Fault> {
    if first.is_some() && last.is_some() {
        return Err(Fault::new(
            "UNPROCESSABLE",
            format!(
                "Passing both `first` and `last` to paginate the `{field}` connection is not supported."
            ),
        ));
    }
    for (name, value) in [("first", first), ("last", last)] {
        let Some(value) = value else { continue };
        if value > MOST {
            return Err(Fault::new(
                "EXCESSIVE_PAGINATION",
                format!(
                    "Requesting {value} records on the `{field}` connection exceeds the `{name}` limit of {MOST} records."
                ),
            ));
        }
        if value < 0 {
            return Err(Fault::new(
                "INVALID_PAGINATION",
                format!("`{name}` on the `{field}` connection cannot be less than zero."),
            ));
        }
    }
    Ok(())
}

/// The refusal of a page without a size.
pub(super) fn unbounded(field: &str) -> Fault {
    Fault::new(
        "MISSING_PAGINATION_BOUNDARIES",
        format!(
            "You must provide a `first` or `last` value to properly paginate the `{field}` connection."
        ),
    )
}
