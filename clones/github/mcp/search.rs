//! Tools that search people and pull requests.

use archal_core::clone::Arguments;

use super::Outcome;
use super::plain::{self, get, paging, pick};
use super::shapes;
use crate::engine::mcp::{Asker, required_text, text, texts};

/// Whether a query has a qualifier: `repo:` with something after it.
fn has(query: &str, qualifier: &str) -> bool {
    query.match_indices(qualifier).any(|(at, _)| {
        let before = query[..at].chars().next_back();
        let after = query[at + qualifier.len()..].chars().next();
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_')
            && after.is_some_and(|after| !after.is_whitespace())
    })
}

fn accounts(arguments: &Arguments, asker: &mut Asker<'_>, kind: &str) -> Outcome {
    let query = required_text(arguments, "query")?;
    let q = if has(query, "type:") {
        query.to_owned()
    } else {
        format!("type:{kind} {query}")
    };
    let mut asked = vec![("q", q)];
    asked.extend(plain::texts_of(arguments, &["sort", "order"])?);
    asked.extend(paging(arguments)?);
    let what = format!("failed to search {kind}s with query '{query}'");
    let found = get(asker, "/search/users", &asked, &what)?;
    let items = plain::each(&found["items"], &[], |user| {
        shapes::user(user).unwrap_or_default()
    });
    let mut out = pick(&found, "total_count incomplete_results");
    out.insert("items".to_owned(), items);
    Ok(shapes::text(&out))
}

/// `search_users`.
pub(super) fn users(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    accounts(arguments, asker, "user")
}

/// `search_orgs`.
pub(super) fn orgs(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    accounts(arguments, asker, "org")
}

/// `search_pull_requests`.
pub(super) fn pulls(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let fields = texts(arguments, "fields")?;
    let mut query = required_text(arguments, "query")?.to_owned();
    let is_pull = query.split(|c: char| !c.is_alphanumeric() && c != ':' && c != '-' && c != '_');
    if !is_pull.into_iter().any(|word| word == "is:pr") {
        query = format!("is:pr {query}");
    }
    let (owner, repo) = (text(arguments, "owner")?, text(arguments, "repo")?);
    if !owner.is_empty() && !repo.is_empty() && !has(&query, "repo:") {
        query = format!("repo:{owner}/{repo} {query}");
    }
    let mut asked = vec![("q", query)];
    asked.extend(plain::texts_of(arguments, &["sort", "order"])?);
    asked.extend(paging(arguments)?);
    let what = "failed to search pull requests";
    let found = get(asker, "/search/issues", &asked, what)?;
    let mut out = pick(&found, "total_count incomplete_results");
    let items = plain::each(&found["items"], &fields, shapes::found);
    out.insert("items".to_owned(), items);
    Ok(shapes::text(&out))
}
