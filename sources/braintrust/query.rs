//! What is asked, in the form of BTQL that every data plane understands. The cursor goes into the query.

use archal_core::clock::Timestamp;

/// Whole rows.
pub(super) const ALL: &str = "*";
/// What can be had of a row that is too large.
pub(super) const WITHOUT_CONTENT: &str = "id, _xact_id, created, span_id, root_span_id, span_parents, is_root, span_attributes, error, scores, tags, metrics, project_id";

/// Rows of a project in the order that has a cursor: one by `created` has none.
pub(super) fn rows(
    project: &str,
    columns: &str,
    filter: Option<&str>,
    limit: u32,
    cursor: Option<&str>,
) -> String {
    let mut query = format!(
        "select: {columns} | from: project_logs({}) spans",
        quoted(project)
    );
    if let Some(filter) = filter {
        query += &format!(" | filter: {filter}");
    }
    query += &format!(" | sort: _pagination_key asc | limit: {limit}");
    if let Some(cursor) = cursor {
        query += &format!(" | cursor: {}", quoted(cursor));
    }
    query
}

/// The newest roots.
pub(super) fn newest(project: &str, limit: usize) -> String {
    let project = quoted(project);
    format!(
        "select: root_span_id | from: project_logs({project}) spans | filter: is_root | sort: created desc | limit: {limit}"
    )
}

/// How many rows there are.
pub(super) fn count(project: &str, filter: Option<&str>) -> String {
    let project = quoted(project);
    let filter = filter.map_or_else(String::new, |filter| format!(" | filter: {filter}"));
    format!("measures: count(1) as rows | from: project_logs({project}) spans{filter}")
}

/// What was written after that, of what began since.
pub(super) fn filter(above: Option<i64>, since: Option<Timestamp>) -> Option<String> {
    let mut terms = Vec::new();
    terms.extend(above.map(|above| format!("_xact_id > '{above}'")));
    terms.extend(since.map(|since| format!("created >= '{since}'")));
    (!terms.is_empty()).then(|| terms.join(" and "))
}

/// All rows of these traces; none where there is none that can be named.
pub(super) fn of_roots<'a>(roots: impl Iterator<Item = &'a str>) -> Option<String> {
    let terms: Vec<String> = roots
        .map(|root| format!("root_span_id = {}", quoted(root)))
        .collect();
    (!terms.is_empty()).then(|| format!("({})", terms.join(" or ")))
}

/// Whether a name is an id already.
pub(super) fn is_id(name: &str) -> bool {
    let groups: Vec<usize> = name.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && name.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// A text of a query. What came from the service may hold anything.
fn quoted(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() && *c != '\\')
        .collect();
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_its_parts_and_no_text_leaves_its_quotes() {
        let filter = filter(
            Some(7),
            Some("2026-01-01T00:00:00Z".parse().expect("a time")),
        );
        assert_eq!(
            rows("p", ALL, filter.as_deref(), 100, Some("c")),
            "select: * | from: project_logs('p') spans | filter: _xact_id > '7' and created >= '2026-01-01T00:00:00Z' | sort: _pagination_key asc | limit: 100 | cursor: 'c'"
        );
        let sly = of_roots(["x') or (1 = '1", "y\\'\n"].into_iter());
        assert_eq!(
            sly.as_deref(),
            Some("(root_span_id = 'x'') or (1 = ''1' or root_span_id = 'y''')")
        );
        assert!(is_id("0b9f5b1e-9c1c-4c43-9d0b-2d6f0f0a1b2c"));
        assert!(!is_id("support") && !is_id("0b9f5b1e-9c1c-4c43-9d0b-2d6f0f0a1b2'"));
    }
}
