//! Lists that were written last. Clients ask for the same list again and again, and where none of its
//! rows changed it is the same bytes: what a row looks like is fixed with the row.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use archal_core::clone::Rendered;

use super::row::Row;
use super::table::TableId;

/// Most lists that are kept.
const MOST: usize = 8;
/// Most bytes of a list that is kept, of each of its two forms.
const LONGEST: usize = 256 * 1024;

/// The lists, the last first. A list that has another row than before, or a row in another place, is
/// another list, so none is ever out of date.
#[derive(Default)]
pub(super) struct Pages(Mutex<VecDeque<Page>>);

struct Page {
    table: TableId,
    /// Held, so that no other row is ever where one of them is.
    rows: Vec<Arc<Row>>,
    body: Rendered,
}

impl Pages {
    /// The body of a list of these rows; `write` makes it where it is not there.
    pub(super) fn body(
        &self,
        table: TableId,
        rows: &[&Arc<Row>],
        write: impl FnOnce() -> Rendered,
    ) -> Rendered {
        // A short one is written as fast as it is found.
        if rows.len() < 2 {
            return write();
        }
        // Every change is whole.
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.iter().position(|page| page.is_of(table, rows));
        if let Some(page) = known.and_then(|at| pages.remove(at)) {
            let body = page.body.clone();
            pages.push_front(page);
            return body;
        }
        let body = write();
        if body.wire.len().max(body.evidence.len()) <= LONGEST {
            pages.truncate(MOST - 1);
            pages.push_front(Page {
                table,
                rows: rows.iter().map(|row| Arc::clone(row)).collect(),
                body: body.clone(),
            });
        }
        body
    }
}

impl Page {
    fn is_of(&self, table: TableId, rows: &[&Arc<Row>]) -> bool {
        self.table == table
            && self.rows.len() == rows.len()
            && self.rows.iter().zip(rows).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Arc<Row> {
        Arc::new(Row::new(Box::default(), Vec::new(), 1))
    }

    fn body(length: usize) -> Rendered {
        bytes::Bytes::from(vec![b'x'; length]).into()
    }

    /// Whether a list had to be written.
    fn is_written(pages: &Pages, table: TableId, rows: &[&Arc<Row>], length: usize) -> bool {
        let mut written = false;
        let found = pages.body(table, rows, || {
            written = true;
            body(length)
        });
        assert_eq!(found.wire.len(), length);
        written
    }

    #[test]
    fn only_the_same_rows_in_the_same_order_are_the_same_list() {
        let (pages, one, two) = (Pages::default(), row(), row());
        assert!(is_written(&pages, 0, &[&one, &two], 5));
        assert!(!is_written(&pages, 0, &[&one, &two], 5));
        assert!(is_written(&pages, 0, &[&two, &one], 6));
        assert!(is_written(&pages, 1, &[&one, &two], 7));
        assert!(is_written(&pages, 0, &[&one, &two, &two], 8));
        // Of the same content, and another row all the same.
        assert!(is_written(&pages, 0, &[&one, &row()], 9));
        assert!(!is_written(&pages, 0, &[&one, &two], 5));
    }

    #[test]
    fn what_is_kept_is_bounded_by_number_and_length() {
        let (pages, rows) = (Pages::default(), [row(), row()]);
        let list = |table| is_written(&pages, table, &[&rows[0], &rows[1]], 5);
        for table in 0..=MOST {
            assert!(list(table));
        }
        assert!(!list(1) && list(0));
        let long = |_| is_written(&pages, 99, &[&rows[0], &rows[1]], LONGEST + 1);
        assert!(long(1) && long(2));
    }
}
