//! Lists of issues: of a repository, of an organisation, of everything a user has to do with.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use super::dialect::{invalid_value, page};
use super::tables::{
    ISSUES, ISSUES_BY_LABEL, ISSUES_BY_MILESTONE, ISSUES_BY_REPO, ISSUES_BY_STATE, MILESTONES,
    REPOS, THREAD_SUBSCRIPTIONS, USERS, issue, milestone_key, owner_of, repo, thread_subscription,
    user,
};
use super::{access, issues, mentions, render};
use crate::engine::fingerprint::mix;
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::{Group, Root};
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// `GET /repos/{owner}/{repo}/issues`.
pub(super) fn of_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let asked = Asked::read(call, Some(&repo))?;
    let root = call.root();
    let (index, key) = asked.group(&repo);
    let rows = root.group(ISSUES, index, &key);
    let rows = rows.into_iter().flat_map(|rows: &Group| rows.values());
    if asked.takes_all() {
        // The index has this very order and knows its size: nothing is scanned or sorted.
        let page = page(call, root.count(ISSUES, index, &key));
        return Ok(if asked.ascending {
            let rows = rows.skip(page.skip()).take(page.take());
            Reply::rows(root, ISSUES, rows, Some(page))
        } else {
            let rows = rows.rev().skip(page.skip()).take(page.take());
            Reply::rows(root, ISSUES, rows, Some(page))
        });
    }
    let mut rows: Vec<&Arc<Row>> = rows.filter(|row| asked.shows(root, row)).collect();
    asked.sort(root, &mut rows);
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, ISSUES, rows, Some(page)))
}

/// `GET /issues`: whatever the caller sees and has to do with.
pub(super) fn of_everything(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let only_owned = call.query("owned") == Some("true");
    let only_orgs = call.query("orgs") == Some("true");
    let pulls = call.query("pulls") == Some("true");
    let root = call.root();
    of_many(call, &|row: &Row, of: &Row| {
        let owner = owner_of(of.text(repo::FULL_NAME));
        (!only_owned || same(owner, &login))
            && (!only_orgs || is_organisation(root, owner))
            && (!pulls || issues::is_pull(root, row))
    })
}

/// `GET /user/issues`: the same in what the caller owns or belongs to.
pub(super) fn of_caller(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    of_many(call, &|_: &Row, of: &Row| {
        access::sees(call, of).is_some_and(|found| found > access::Permission::Pull)
    })
}

/// `GET /orgs/{org}/issues`: the same in the repositories of an organisation.
pub(super) fn of_organisation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = call.param("org").to_owned();
    if !is_organisation(call.root(), &org) {
        return Err(access::not_found());
    }
    of_many(call, &|_: &Row, of: &Row| {
        same(owner_of(of.text(repo::FULL_NAME)), &org)
    })
}

fn is_organisation(root: &Root, login: &str) -> bool {
    root.get(USERS, &Key::folded(login))
        .is_some_and(|row| row.text(user::TYPE) == "Organization")
}

/// A list over many repositories; each issue tells which one it is of.
fn of_many(call: &Call<'_>, shows: &dyn Fn(&Row, &Row) -> bool) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let asked = Asked::read(call, None)?;
    let what = call.query("filter").unwrap_or("assigned");
    let known = [
        "assigned",
        "created",
        "mentioned",
        "subscribed",
        "repos",
        "all",
    ];
    if !known.contains(&what) {
        return Err(invalid_value("Issue", "filter", what));
    }
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root
        .rows(ISSUES)
        .values()
        .filter(|row| {
            let Some(of) = root.named(REPOS, row.text(issue::REPO)) else {
                return false;
            };
            access::sees(call, of).is_some()
                && shows(row, of)
                && concerns(root, row, &login, what)
                && asked.shows(root, row)
        })
        .collect();
    asked.sort(root, &mut rows);
    let page = page(call, rows.len());
    let mut writer = Writer::with_capacity(root, 65_536, 65_536);
    let mut tag = page.fingerprint();
    writer.raw("[");
    for row in rows.into_iter().skip(page.skip()).take(page.take()) {
        let (rendered, print) = root.rendered(ISSUES, row);
        tag = mix(tag, *print);
        writer.item().reopened(rendered);
        if let Some(of) = root.named(REPOS, row.text(issue::REPO)) {
            let permission = access::sees(call, of);
            writer.key("repository");
            let detail = render::repo::Detail::Listed;
            render::repo::repo(root, of, detail, permission, &mut writer);
        }
        writer.raw("}");
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), tag);
    reply.page = Some(page);
    Ok(reply)
}

/// Whether an issue is in the part of a user's issues that `filter` names.
fn concerns(root: &Root, row: &Row, login: &str, filter: &str) -> bool {
    let assigned = || row.texts(issue::ASSIGNEES).any(|one| same(one, login));
    let wrote = || same(row.text(issue::USER), login);
    let mentioned = || mentions::in_issue(root, row, login);
    match filter {
        "assigned" => assigned(),
        "created" => wrote(),
        "mentioned" => mentioned(),
        "subscribed" => {
            let name = format!("{}#{}", row.text(issue::REPO), row.int(issue::NUMBER));
            let key = Key::new([folded(login), folded(&name)]);
            match root.get(THREAD_SUBSCRIPTIONS, &key) {
                Some(row) => !row.bool(thread_subscription::IGNORED),
                None => assigned() || wrote() || mentioned(),
            }
        }
        _ => true,
    }
}

/// What a list of issues asks for.
struct Asked {
    state: Option<&'static str>,
    labels: Vec<String>,
    assignee: Option<String>,
    creator: Option<String>,
    mentioned: Option<String>,
    kind: Option<String>,
    since: Option<Timestamp>,
    milestone: Option<Milestone>,
    sort: Sort,
    ascending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Milestone {
    None,
    Any,
    Number(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Created,
    Updated,
    Comments,
}

impl Asked {
    fn read(call: &Call<'_>, repo: Option<&str>) -> Result<Self, Refusal> {
        let state = match call.query("state") {
            None | Some("open") => Some("open"),
            Some("closed") => Some("closed"),
            Some("all") => None,
            Some(other) => return Err(invalid_value("Issue", "state", other)),
        };
        let since = match call.query("since") {
            None => None,
            Some(text) => match time(text) {
                Some(time) => Some(time),
                None => return Err(invalid_value("Issue", "since", text)),
            },
        };
        // What only lists of one repository take is passed over elsewhere.
        let own = |name: &str| repo.and(call.query(name)).map(str::to_owned);
        let assignee = own("assignee");
        if let Some(name) = &assignee
            && name != "none"
            && name != "*"
            && call.root().get(USERS, &Key::folded(name)).is_none()
        {
            return Err(invalid_value("Issue", "assignee", name));
        }
        let milestone = match (repo, call.query("milestone")) {
            (None, _) | (_, None) => None,
            (_, Some("none")) => Some(Milestone::None),
            (_, Some("*")) => Some(Milestone::Any),
            (Some(repo), Some(number)) => {
                let known = number.parse().ok().filter(|number| {
                    let key = milestone_key(repo, *number);
                    call.root().get(MILESTONES, &key).is_some()
                });
                let wrong = || invalid_value("Issue", "milestone", number);
                Some(Milestone::Number(known.ok_or_else(wrong)?))
            }
        };
        let labels = call.query("labels").map(|names| {
            let names = names.split(',').map(|name| name.trim().to_owned());
            names.collect()
        });
        Ok(Self {
            state,
            labels: labels.unwrap_or_default(),
            assignee,
            creator: own("creator"),
            mentioned: own("mentioned"),
            kind: call.query("type").map(str::to_owned),
            since,
            milestone,
            sort: match call.query("sort") {
                Some("updated") => Sort::Updated,
                Some("comments") => Sort::Comments,
                _ => Sort::Created,
            },
            ascending: call.query("direction") == Some("asc"),
        })
    }

    /// The index whose group has all that the list can show, and the group.
    fn group(&self, repo: &str) -> (usize, Key) {
        let repo = folded(repo);
        match (self.labels.first(), self.milestone, self.state) {
            (Some(label), _, _) => (ISSUES_BY_LABEL, Key::new([repo, folded(label)])),
            (None, Some(Milestone::Number(number)), _) => {
                (ISSUES_BY_MILESTONE, Key::new([repo, Part::Int(number)]))
            }
            (None, _, Some(state)) => (ISSUES_BY_STATE, Key::new([repo, Part::Text(state.into())])),
            (None, _, None) => (ISSUES_BY_REPO, Key::new([repo])),
        }
    }

    /// Whether the group is the list as it stands.
    fn takes_all(&self) -> bool {
        self.labels.is_empty()
            && self.assignee.is_none()
            && self.creator.is_none()
            && self.mentioned.is_none()
            && self.kind.is_none()
            && self.since.is_none()
            && self.milestone.is_none()
            && self.sort == Sort::Created
    }

    fn shows(&self, root: &Root, row: &Row) -> bool {
        let has_label = |name: &String| row.texts(issue::LABELS).any(|label| same(label, name));
        let number = row.int(issue::MILESTONE);
        self.milestone.is_none_or(|asked| match asked {
            Milestone::None => number == 0,
            Milestone::Any => number != 0,
            Milestone::Number(asked) => number == asked,
        }) && self
            .state
            .is_none_or(|state| row.text(issue::STATE) == state)
            && self.labels.iter().all(has_label)
            && self.assignee.as_deref().is_none_or(|name| match name {
                "none" => row.texts(issue::ASSIGNEES).next().is_none(),
                "*" => row.texts(issue::ASSIGNEES).next().is_some(),
                name => row.texts(issue::ASSIGNEES).any(|login| same(login, name)),
            })
            && self
                .creator
                .as_ref()
                .is_none_or(|name| same(row.text(issue::USER), name))
            && self
                .mentioned
                .as_ref()
                .is_none_or(|name| mentions::in_issue(root, row, name))
            && self.kind.as_deref().is_none_or(|kind| {
                let own = row.text_or_null(issue::TYPE);
                match kind {
                    "none" => own.is_none(),
                    "*" => own.is_some(),
                    kind => own.is_some_and(|own| same(own, kind)),
                }
            })
            && self.since.is_none_or(|since| {
                row.time(issue::UPDATED_AT)
                    .is_some_and(|updated| updated.at >= since)
            })
    }

    fn sort(&self, root: &Root, rows: &mut [&Arc<Row>]) {
        let rank = |row: &&Arc<Row>| {
            let (number, id) = (row.int(issue::NUMBER), row.int(issue::ID));
            match self.sort {
                Sort::Created => (row.seconds(issue::CREATED_AT), 0, number, id),
                Sort::Updated => (row.seconds(issue::UPDATED_AT), order_of(row), number, id),
                Sort::Comments => (render::issue::comments(root, row), 0, number, id),
            }
        };
        if self.ascending {
            rows.sort_by_cached_key(rank);
        } else {
            rows.sort_by_cached_key(|row| Reverse(rank(row)));
        }
    }
}

/// The order of rows that calls changed within one second: that of the calls, so that a list
/// does not depend on the clock.
pub(super) fn order_of(row: &Row) -> u64 {
    match row.time(issue::UPDATED_AT) {
        Some(stamp) if stamp.by_call => row.version(),
        _ => 0,
    }
}

/// A time as GitHub's queries take it: RFC 3339, or a date.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    // A plus that was not encoded arrives as a space.
    let text = text.replace(' ', "+");
    text.parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .or_else(|_| format!("{text}Z").parse())
        .ok()
}
