//! Milestones.

use super::{API, WEB, user};
use crate::engine::key::{Key, Part, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{ISSUES, ISSUES_BY_MILESTONE, issue, milestone};

/// The group of a milestone's issues.
pub(in crate::github) fn group(row: &Row) -> Key {
    Key::new([
        folded(row.text(milestone::REPO)),
        Part::Int(row.int(milestone::NUMBER)),
    ])
}

/// How many issues of a milestone are open, and how many closed.
pub(in crate::github) fn progress(root: &Root, row: &Row) -> (i64, i64) {
    let issues = root.group(ISSUES, ISSUES_BY_MILESTONE, &group(row));
    let (mut open, mut closed) = (0, 0);
    for row in issues.into_iter().flat_map(|rows| rows.values()) {
        if row.text(issue::STATE) == "open" {
            open += 1;
        } else {
            closed += 1;
        }
    }
    (open, closed)
}

/// The address of a milestone.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, number) = (row.text(milestone::REPO), row.int(milestone::NUMBER));
    format!("{API}/repos/{repo}/milestones/{number}")
}

/// A milestone.
pub(in crate::github) fn milestone(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, number) = (row.text(milestone::REPO), row.int(milestone::NUMBER));
    let url = url(row);
    let (open, closed) = progress(root, row);
    out.raw("{");
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/milestone/{number}"));
    out.key("labels_url").text(&format!("{url}/labels"));
    out.key("id").int(row.int(milestone::ID));
    out.key("node_id").text(row.text(milestone::NODE_ID));
    out.key("number").int(number);
    out.key("title").prose(row, milestone::TITLE);
    out.key("description").prose(row, milestone::DESCRIPTION);
    out.key("creator");
    user::named(root, row.text_or_null(milestone::CREATOR), out);
    out.key("open_issues").int(open);
    out.key("closed_issues").int(closed);
    out.key("state").text(row.text(milestone::STATE));
    out.key("created_at").time(row.time(milestone::CREATED_AT));
    out.key("updated_at").time(row.time(milestone::UPDATED_AT));
    out.key("due_on");
    match row.text_or_null(milestone::DUE_ON_AS_SENT) {
        Some(_) => out.prose(row, milestone::DUE_ON_AS_SENT),
        None => out.time(row.time(milestone::DUE_ON)),
    };
    out.key("closed_at").time(row.time(milestone::CLOSED_AT));
    out.raw("}");
}
