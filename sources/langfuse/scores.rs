//! Scores that people, programs and evaluators gave.

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Page, PullError};

use super::cursor::{Pass, Stage};
use super::{Langfuse, row};

pub(super) const PATH: &str = "/api/public/v3/scores";
/// Of releases before 4.
const NUMBERED: &str = "/api/public/v2/scores";
/// Rows of a page; more is refused.
const ROWS: u32 = 100;

/// The next page; the stage behind it, none at the end.
pub(super) fn page(
    source: &mut Langfuse,
    pass: &mut Pass,
    (at, number, is_numbered): (Option<String>, u32, bool),
    page: &mut Page,
) -> Result<Option<Stage>, PullError> {
    let is_first = at.is_none() && number == 1;
    let mut query = vec![("limit", ROWS.to_string())];
    query.extend(pass.from.map(|from| ("fromTimestamp", from.to_string())));
    let environments = source.settings.environments.clone();
    if is_numbered {
        // A comma would be part of a name here.
        query.extend(environments.into_iter().map(|name| ("environment", name)));
    } else if !environments.is_empty() {
        query.push(("environment", environments.join(",")));
    }
    let rate = source.settings.rate.clone();
    let listed = if is_numbered {
        query.push(("page", number.to_string()));
        source.list(NUMBERED, query, &rate, false)
    } else {
        query.push(("fields", "details,subject,annotation".to_owned()));
        query.extend(at.clone().map(|at| ("cursor", at)));
        source.list(PATH, query, &rate, false)
    };
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) if failure.is_not_found() && !is_numbered => {
            return Ok(Some(Stage::Scores {
                cursor: None,
                page: 1,
                is_numbered: true,
            }));
        }
        Err(failure) if failure.is_not_found() => {
            source.findings.push(Diagnostic::note(
                "langfuse/no-scores",
                "this release of Langfuse has no scores that can be read",
            ));
            return Ok(None);
        }
        Err(failure) => return Err(source.client.told(failure)),
    };
    if is_first && let Some(date) = listed.date {
        pass.began = date;
    }
    let next = listed.after(at.as_deref())?;
    let pages = listed
        .meta
        .get("totalPages")
        .and_then(serde_json::Value::as_u64);
    let has_more = u64::from(number) < pages.unwrap_or_default() && !listed.rows.is_empty();
    page.rows
        .extend(listed.rows.into_iter().filter_map(row::score));
    Ok(match next {
        _ if is_numbered => has_more.then_some(Stage::Scores {
            cursor: None,
            page: number + 1,
            is_numbered,
        }),
        Some(next) => Some(Stage::Scores {
            cursor: Some(next),
            page: number + 1,
            is_numbered,
        }),
        None => None,
    })
}
