//! Tools that list issues.

use archal_core::clone::Arguments;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::issues::repository;
use super::shapes::{self, Issue, no_repository, of, only, refused_graph};
use super::{Failure, Outcome};
use crate::engine::mcp::{Answered, Asker, number_or, required_text, text, texts};
use crate::github::issue_lists::time;

/// Issues a page, where a tool is not told.
const PAGE: i64 = 30;
/// Most issues a page.
const MOST: i64 = 100;
/// Most pages that are read to find where a cursor stands.
const PAGES: u64 = 100;

/// How a list is sorted.
#[derive(Debug, Clone, Copy)]
struct Order {
    sort: &'static str,
    ascending: bool,
}

impl Order {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let sort = match text(arguments, "orderBy")?.to_uppercase().as_str() {
            "UPDATED_AT" => "updated",
            "COMMENTS" => "comments",
            _ => "created",
        };
        let ascending = text(arguments, "direction")?.eq_ignore_ascii_case("ASC");
        Ok(Self { sort, ascending })
    }

    fn direction(self) -> &'static str {
        if self.ascending { "asc" } else { "desc" }
    }

    /// Where an issue stands in the list.
    fn place(self, issue: &Value) -> Place {
        let value = match self.sort {
            "comments" => format!("{:012}", issue["comments"].as_i64().unwrap_or_default()),
            "updated" => of(issue, "updated_at").to_owned(),
            _ => of(issue, "created_at").to_owned(),
        };
        let number = issue["number"].as_i64().unwrap_or_default();
        Place { value, number }
    }

    /// Whether a place comes after another one.
    fn comes_after(self, place: &Place, other: &Place) -> bool {
        if self.ascending {
            place > other
        } else {
            place < other
        }
    }
}

/// The place of an issue in a list; it stays where it is when the issue leaves the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    value: String,
    number: i64,
}

impl Place {
    fn cursor(&self) -> String {
        STANDARD.encode(format!("cursor:v2:{}:{}", self.number, self.value))
    }

    fn read(cursor: &str) -> Option<Self> {
        let bytes = STANDARD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (number, value) = text.strip_prefix("cursor:v2:")?.split_once(':')?;
        Some(Self {
            value: value.to_owned(),
            number: number.parse().ok()?,
        })
    }
}

/// `list_issues`.
pub(super) fn issues(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let fields = texts(arguments, "fields")?;
    let order = Order::of(arguments)?;
    let list = List::of(arguments, owner, repo, order)?;
    let size = number_or(arguments, "perPage", PAGE)?;
    if arguments.contains_key("page") {
        return Err(Failure::Refused(
            "This tool uses cursor-based pagination. Use the 'after' parameter with the 'endCursor' value from the previous response instead of 'page'.".to_owned(),
        ));
    }
    if size > MOST {
        let text = format!("perPage value {size} exceeds maximum of 100");
        return Err(Failure::Fault(text));
    }
    if size < 0 {
        let text = format!("perPage value {size} cannot be negative");
        return Err(Failure::Fault(text));
    }
    let after = match text(arguments, "after")? {
        "" => None,
        cursor => Some(Place::read(cursor).ok_or_else(|| {
            Failure::Refused(format!(
                "failed to list issues: `{cursor}` does not appear to be a valid cursor."
            ))
        })?),
    };
    let wanted = usize::try_from(size).unwrap_or_default();
    let (shown, more, total) = list.take(asker, wanted, after.as_ref())?;
    let cursor = |issue: Option<&Value>| {
        issue.map_or(Value::Null, |issue| order.place(issue).cursor().into())
    };
    let mut info = json!({"hasNextPage": more, "hasPreviousPage": after.is_some()});
    if !shown.is_empty() {
        info["startCursor"] = cursor(shown.first());
        info["endCursor"] = cursor(shown.last());
    }
    let issues: Vec<Value> = shown
        .iter()
        .map(|issue| only(json!(Issue::listed(issue)), &fields))
        .collect();
    Ok(shapes::text(
        &json!({"issues": issues, "totalCount": total, "pageInfo": info}),
    ))
}

/// What `list_issues` asks the clone.
struct List {
    path: String,
    query: Vec<(&'static str, String)>,
    order: Order,
    missing: String,
}

impl List {
    fn of(arguments: &Arguments, owner: &str, repo: &str, order: Order) -> Result<Self, Failure> {
        let state = text(arguments, "state")?.to_lowercase();
        let state = Some(state.as_str()).filter(|state| matches!(*state, "open" | "closed"));
        let labels = texts(arguments, "labels")?;
        let since = text(arguments, "since")?;
        if !since.is_empty() && time(since).is_none() {
            return Err(Failure::Refused(format!(
                "failed to list issues: invalid ISO 8601 timestamp: {since} (supported formats: YYYY-MM-DDThh:mm:ssZ or YYYY-MM-DD)"
            )));
        }
        if arguments
            .get("field_filters")
            .and_then(Value::as_array)
            .is_some_and(|filters| !filters.is_empty())
        {
            return Err(Failure::Unmodelled("custom fields of issues"));
        }
        // Several labels mean any of them to GraphQL, and all of them to the list of REST, which
        // takes a comma for the end of one. What cannot be a name is no repository to GraphQL: in a
        // search it would say more than a name, in the path of the list it is none.
        let is_search = (labels.len() > 1 || labels.iter().any(|label| label.contains(',')))
            && is_name(owner)
            && is_name(repo);
        let ascends = if is_search { "order" } else { "direction" };
        let mut query = vec![
            ("sort", order.sort.to_owned()),
            (ascends, order.direction().to_owned()),
        ];
        let path = if is_search {
            let any: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
            let mut words = format!("repo:{owner}/{repo} is:issue label:{}", any.join(","));
            if let Some(state) = state {
                words.push_str(&format!(" state:{state}"));
            }
            if !since.is_empty() {
                words.push_str(&format!(" updated:>={since}"));
            }
            query.push(("q", words));
            "/search/issues".to_owned()
        } else {
            query.push(("state", state.unwrap_or("all").to_owned()));
            query.extend(labels.first().map(|label| ("labels", (*label).to_owned())));
            if !since.is_empty() {
                query.push(("since", since.to_owned()));
            }
            format!("{}/issues", repository(owner, repo))
        };
        Ok(Self {
            path,
            query,
            order,
            missing: no_repository(owner, repo),
        })
    }

    /// That many issues after a place, whether there are more, and how many there are in all.
    fn take(
        &self,
        asker: &mut Asker<'_>,
        wanted: usize,
        after: Option<&Place>,
    ) -> Result<(Vec<Value>, bool, u64), Failure> {
        // Without a cursor one page is enough; with one, whatever stood there may have left the
        // list since, so its place is looked for.
        let size = if after.is_some() {
            MOST as u64
        } else {
            wanted as u64
        };
        let mut shown = Vec::new();
        let mut total = 0;
        for page in 1..=PAGES {
            let answered = self.page(asker, page, size.max(1));
            let Some(items) = items(&answered) else {
                return Err(refused_graph(
                    "failed to list issues",
                    &answered,
                    &self.missing,
                ));
            };
            total = answered.total.unwrap_or_default();
            let last = page.saturating_mul(size.max(1)) >= total;
            for (at, issue) in items.iter().enumerate() {
                let is_wanted = after
                    .is_none_or(|after| self.order.comes_after(&self.order.place(issue), after));
                if is_wanted && shown.len() == wanted {
                    return Ok((shown, true, total));
                }
                if is_wanted {
                    shown.push(issue.clone());
                }
                if shown.len() == wanted && at + 1 == items.len() {
                    return Ok((shown, !last, total));
                }
            }
            if last || items.is_empty() {
                break;
            }
        }
        Ok((shown, false, total))
    }

    fn page(&self, asker: &mut Asker<'_>, page: u64, size: u64) -> Answered {
        let (page, size) = (page.to_string(), size.to_string());
        let mut query: Vec<(&str, &str)> = self
            .query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        query.push(("per_page", &size));
        query.push(("page", &page));
        asker.get(&self.path, &query)
    }
}

/// Whether a text can name a user or a repository.
fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A text as one value of a search, whatever is in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The issues of a list, or of a search.
fn items(answered: &Answered) -> Option<&Vec<Value>> {
    answered
        .body
        .as_array()
        .or_else(|| answered.body["items"].as_array())
}

/// `search_issues`. Owner and repository go into the search as they are, next to the caller's own
/// qualifiers: the official server does not look at them either.
pub(super) fn search(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let fields = texts(arguments, "fields")?;
    let asked = required_text(arguments, "query")?;
    let owner = text(arguments, "owner")?;
    let repo = text(arguments, "repo")?;
    let sort = text(arguments, "sort")?;
    let order = text(arguments, "order")?;
    let page = number_or(arguments, "page", 1)?.to_string();
    let size = number_or(arguments, "perPage", PAGE)?.to_string();
    let has = |what: &str| {
        asked
            .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
            .any(|word| word.starts_with(what))
    };
    let mut words = asked.to_owned();
    if !has("is:issue") {
        words = format!("is:issue {words}");
    }
    if !owner.is_empty() && !repo.is_empty() && !has("repo:") {
        words = format!("repo:{owner}/{repo} {words}");
    }
    let mut query = vec![("q", words.as_str())];
    query.extend(
        [("sort", sort), ("order", order)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty()),
    );
    query.extend([("page", page.as_str()), ("per_page", size.as_str())]);
    let answered = asker.get("/search/issues", &query);
    let Some(items) = answered.body["items"].as_array() else {
        let error = shapes::client_error(&answered);
        let text = format!("failed to search issues: {error}");
        return Err(Failure::Refused(text));
    };
    let items: Vec<Value> = items
        .iter()
        .map(|issue| only(shapes::found(issue), &fields))
        .collect();
    Ok(shapes::text(&json!({
        "total_count": answered.body["total_count"],
        "incomplete_results": answered.body["incomplete_results"],
        "items": items,
    })))
}
