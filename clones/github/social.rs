//! What follows in a seed row of accounts, teams and stars from the rest of it.

use std::time::Duration;

use archal_core::clone::{Stamp, ViewValue};

use super::tables::{STARS, TEAMS, star, team};
use super::teams;
use crate::engine::pack::Completing;
use crate::engine::row::{Draft, text};
use crate::engine::table::TableId;

/// Fills in a row.
pub(super) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        STARS => {
            draft.or(star::STARRED_AT, || ago(cx, 10 * DAY));
        }
        TEAMS => {
            let slug = teams::slug_of(draft.text(team::NAME));
            draft.or(team::SLUG, || text(slug));
            draft.or(team::CREATED_AT, || ago(cx, 300 * DAY));
            copy(draft, team::UPDATED_AT, team::CREATED_AT);
            teams::name_team(draft);
        }
        _ => {}
    }
}

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// A time so many seconds before the run.
pub(super) fn ago(cx: &Completing<'_>, seconds: u64) -> ViewValue {
    let base = cx.transaction.root().base();
    let at = base
        .checked_sub(Duration::from_secs(seconds))
        .unwrap_or(base);
    ViewValue::Time(Stamp { at, by_call: false })
}

/// Sets a column that is null to what another holds.
pub(super) fn copy(draft: &mut Draft, to: usize, from: usize) {
    let value = draft.get(from).clone();
    draft.or(to, || value);
}
