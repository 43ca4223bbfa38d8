//! Who follows which issue or pull request, or wants to hear nothing of it.

use archal_core::clone::SeedTable;

use super::{BOOL, ISSUES, TEXT, THREAD_SUBSCRIPTIONS, TIME, issue_key};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`THREAD_SUBSCRIPTIONS`].
pub(in crate::github) mod thread_subscription {
    pub(in crate::github) const USER: usize = 0;
    pub(in crate::github) const ISSUE: usize = 1;
    pub(in crate::github) const IGNORED: usize = 2;
    pub(in crate::github) const REASON: usize = 3;
    pub(in crate::github) const CREATED_AT: usize = 4;
}

/// Subscriptions to an issue.
pub(in crate::github) const SUBSCRIPTIONS_BY_ISSUE: usize = 0;

const COLUMNS: &[Column; 5] = &[
    Column::new("user", TEXT, "Who; the actor where absent.").of("users"),
    Column::new("issue", TEXT, "The issue or pull request, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("ignored", BOOL, "Whether they want to hear nothing.").or(Standard::Bool(false)),
    Column::new("reason", TEXT, "Why they follow it.").or(Standard::Text("manual")),
    Column::new("created_at", TIME, "Since when; a day ago where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "thread_subscriptions",
    key: "user:owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(thread_subscription::USER),
        By::Folded(thread_subscription::ISSUE),
    ],
    indexes: &[Index {
        group: &[
            By::Before(thread_subscription::ISSUE, '#'),
            By::NumberAfter(thread_subscription::ISSUE, '#'),
        ],
        order: &[By::Folded(thread_subscription::USER)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(thread_subscription::USER),
            row.text(thread_subscription::ISSUE)
        )
    },
    find: |name| {
        let (user, issue) = name.split_once(':')?;
        issue_key(issue)?;
        Some(Key::new([folded(user), folded(issue)]))
    },
    id: None,
    prose: &[],
    render: unrendered,
};

/// Its address has the number of a thread, which is another row, so it is written each time.
fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: THREAD_SUBSCRIPTIONS,
    to: ISSUES,
    index: SUBSCRIPTIONS_BY_ISSUE,
    on_delete: OnDelete::Remove,
}];
