//! Mutations of the GraphQL interface: what each may change, by the names of its input.
//!
//! A mutation names what it changes by a global id, of which earlier calls say whose it is. One that
//! is not here may have changed anything, as may one whose document cannot be read: [`super::asked`].

use archal_core::clone::{Fact, Touched};
use serde_json::{Map, Value};

use super::asked::{Asked, asked};
use super::deeds::Change;
use super::exchange::Observing;
use super::issues::STATE;
use crate::engine::table::TableId;
use crate::github::tables::{
    BRANCHES, COMMENTS, DISCUSSION_COMMENTS, DISCUSSIONS, ISSUES, LABELS, PROJECT_ITEMS, PULLS,
    REACTIONS, REPOS, REVIEW_COMMENTS, REVIEWS, STARS, SUB_ISSUES, TABLES, comment, issue, pull,
    repo,
};

/// What a mutation may change.
struct Effect {
    name: &'static str,
    /// The inputs with the ids of rows that it changes.
    nodes: &'static [&'static str],
    /// What it may set of those rows; of what its input names, or always.
    changes: &'static [Change],
    /// The table whose row it removes.
    removes: Option<TableId>,
    /// Tables of which it may make or change any row of the repository.
    around: &'static [TableId],
    /// Columns that it may set of any row of the repository.
    swept: &'static [(TableId, &'static [usize])],
    /// Tables of which it may change any row at all.
    everywhere: &'static [TableId],
    /// The table of a row that it makes, with where its payload shows it.
    makes: Option<(TableId, &'static str)>,
}

const fn effect(
    name: &'static str,
    nodes: &'static [&'static str],
    changes: &'static [Change],
) -> Effect {
    Effect {
        name,
        nodes,
        changes,
        removes: None,
        around: &[],
        swept: &[],
        everywhere: &[],
        makes: None,
    }
}

impl Effect {
    const fn around(self, around: &'static [TableId]) -> Self {
        Self { around, ..self }
    }

    const fn sweeping(self, swept: &'static [(TableId, &'static [usize])]) -> Self {
        Self { swept, ..self }
    }

    const fn removing(self, table: TableId) -> Self {
        Self {
            removes: Some(table),
            ..self
        }
    }

    const fn making(self, table: TableId, at: &'static str) -> Self {
        Self {
            makes: Some((table, at)),
            ..self
        }
    }
}

const fn everywhere(name: &'static str, everywhere: &'static [TableId]) -> Effect {
    Effect {
        everywhere,
        ..effect(name, &[], &[])
    }
}

const fn sets(asked: &'static str, table: TableId, columns: &'static [usize]) -> Change {
    Change {
        asked,
        table,
        columns,
    }
}

const TOUCHED: Change = sets("", ISSUES, &[issue::UPDATED_AT]);
const TURNED: &[Change] = &[sets("", ISSUES, STATE), TOUCHED];
const ASSIGNED: &[Change] = &[sets("", ISSUES, &[issue::ASSIGNEES]), TOUCHED];
const LABELLED: &[Change] = &[sets("", ISSUES, &[issue::LABELS]), TOUCHED];
const LOCKED: &[Change] = &[
    sets("", ISSUES, &[issue::LOCKED, issue::LOCK_REASON]),
    TOUCHED,
];
const ISSUE_INPUTS: &[Change] = &[
    sets("title", ISSUES, &[issue::TITLE]),
    sets("body", ISSUES, &[issue::BODY]),
    sets("state", ISSUES, STATE),
    sets("assigneeIds", ISSUES, &[issue::ASSIGNEES]),
    sets("labelIds", ISSUES, &[issue::LABELS]),
    sets("milestoneId", ISSUES, &[issue::MILESTONE]),
    TOUCHED,
];
const PULL_INPUTS: &[Change] = &[
    sets("title", ISSUES, &[issue::TITLE]),
    sets("body", ISSUES, &[issue::BODY]),
    sets("state", ISSUES, STATE),
    sets("assigneeIds", ISSUES, &[issue::ASSIGNEES]),
    sets("labelIds", ISSUES, &[issue::LABELS]),
    sets("milestoneId", ISSUES, &[issue::MILESTONE]),
    sets("baseRefName", PULLS, &[pull::BASE, pull::BASE_SHA]),
    sets("maintainerCanModify", PULLS, &[pull::MAINTAINER_CAN_MODIFY]),
    TOUCHED,
];
const MERGED: &[Change] = &[
    sets(
        "",
        PULLS,
        &[pull::MERGED_AT, pull::MERGED_BY, pull::MERGE_COMMIT_SHA],
    ),
    sets("", ISSUES, STATE),
    TOUCHED,
];
const DRAFTED: &[Change] = &[sets("", PULLS, &[pull::DRAFT]), TOUCHED];
const REVIEWERS: &[Change] = &[sets("", PULLS, &[pull::REVIEWERS, pull::TEAMS]), TOUCHED];
const NO_AUTO_MERGE: &[Change] = &[
    sets(
        "",
        PULLS,
        &[
            pull::AUTO_MERGE_METHOD,
            pull::AUTO_MERGE_BY,
            pull::AUTO_MERGE_TITLE,
            pull::AUTO_MERGE_MESSAGE,
            pull::AUTO_MERGE_AT,
        ],
    ),
    TOUCHED,
];
const COMMENTED: &[Change] = &[sets("", COMMENTS, &[comment::BODY, comment::UPDATED_AT])];
const NUMBERED: &[Change] = &[sets(
    "",
    REPOS,
    &[repo::NEXT_ISSUE_NUMBER, repo::UPDATED_AT],
)];
/// An issue that is made may be below another one.
const OPENED: &[Change] = &[
    sets("", REPOS, &[repo::NEXT_ISSUE_NUMBER, repo::UPDATED_AT]),
    TOUCHED,
];
const ARCHIVED: &[Change] = &[sets("", REPOS, &[repo::ARCHIVED, repo::UPDATED_AT])];
const STARRED: &[Change] = &[sets("", REPOS, &[repo::STARGAZERS])];
const REVIEWS_AROUND: &[TableId] = &[REVIEWS, REVIEW_COMMENTS];
/// A review is of a pull request that its id does not name.
const OF_SOME_PULL: &[(TableId, &[usize])] = &[
    (ISSUES, &[issue::UPDATED_AT]),
    (PULLS, &[pull::REVIEWERS, pull::TEAMS]),
];
const LABELS_SWEPT: &[(TableId, &[usize])] = &[(ISSUES, &[issue::LABELS])];
const TALK: &[TableId] = &[DISCUSSIONS, DISCUSSION_COMMENTS];
const BOARDS: &[TableId] = &[PROJECT_ITEMS];

/// A mutation of reviews, which it names by itself or by their pull request.
const fn reviewing(name: &'static str, nodes: &'static [&'static str]) -> Effect {
    effect(name, nodes, &[])
        .around(REVIEWS_AROUND)
        .sweeping(OF_SOME_PULL)
}

/// The mutations, sorted.
#[rustfmt::skip]
static EFFECTS: &[Effect] = &[
    effect("addAssigneesToAssignable", &["assignableId"], ASSIGNED),
    effect("addComment", &["subjectId"], &[TOUCHED]).around(&[COMMENTS]).making(COMMENTS, "/commentEdge/node"),
    everywhere("addDiscussionComment", TALK),
    effect("addLabelsToLabelable", &["labelableId"], LABELLED),
    everywhere("addProjectV2DraftIssue", BOARDS),
    everywhere("addProjectV2ItemById", BOARDS),
    reviewing("addPullRequestReview", &["pullRequestId"]),
    reviewing("addPullRequestReviewComment", &["pullRequestId", "pullRequestReviewId"]),
    reviewing("addPullRequestReviewThread", &["pullRequestId", "pullRequestReviewId"]),
    everywhere("addReaction", &[REACTIONS]),
    Effect { everywhere: &[STARS], ..effect("addStar", &["starrableId"], STARRED) },
    effect("addSubIssue", &["issueId", "subIssueId"], &[TOUCHED]).around(&[SUB_ISSUES]),
    effect("archiveRepository", &["repositoryId"], ARCHIVED),
    effect("clearLabelsFromLabelable", &["labelableId"], LABELLED),
    everywhere("clearProjectV2ItemFieldValue", BOARDS),
    everywhere("closeDiscussion", TALK),
    effect("closeIssue", &["issueId"], TURNED),
    effect("closePullRequest", &["pullRequestId"], TURNED),
    effect("convertPullRequestToDraft", &["pullRequestId"], DRAFTED),
    Effect { everywhere: TALK, ..effect("createDiscussion", &["repositoryId"], NUMBERED) },
    Effect { everywhere: &[SUB_ISSUES], ..effect("createIssue", &["repositoryId", "parentIssueId"], OPENED).around(&[ISSUES]).making(ISSUES, "/issue") },
    effect("createLabel", &["repositoryId"], &[]).around(&[LABELS]),
    effect("createPullRequest", &["repositoryId"], NUMBERED).around(&[ISSUES, PULLS, BRANCHES]).making(PULLS, "/pullRequest"),
    everywhere("deleteDiscussion", TALK),
    everywhere("deleteDiscussionComment", TALK),
    effect("deleteIssue", &["issueId"], &[]).removing(ISSUES).around(&[COMMENTS, SUB_ISSUES]),
    effect("deleteIssueComment", &["id"], &[]).removing(COMMENTS).around(&[COMMENTS]),
    effect("deleteLabel", &["id"], &[]).around(&[LABELS]).sweeping(LABELS_SWEPT),
    everywhere("deleteProjectV2Item", BOARDS),
    reviewing("deletePullRequestReview", &["pullRequestReviewId"]),
    reviewing("deletePullRequestReviewComment", &["id"]),
    effect("disablePullRequestAutoMerge", &["pullRequestId"], NO_AUTO_MERGE),
    reviewing("dismissPullRequestReview", &["pullRequestReviewId"]),
    effect("lockLockable", &["lockableId"], LOCKED),
    everywhere("markDiscussionCommentAsAnswer", TALK),
    effect("markPullRequestReadyForReview", &["pullRequestId"], DRAFTED),
    effect("mergePullRequest", &["pullRequestId"], MERGED).around(&[ISSUES, BRANCHES, REPOS]),
    effect("removeAssigneesFromAssignable", &["assignableId"], ASSIGNED),
    effect("removeLabelsFromLabelable", &["labelableId"], LABELLED),
    everywhere("removeReaction", &[REACTIONS]),
    Effect { everywhere: &[STARS], ..effect("removeStar", &["starrableId"], STARRED) },
    effect("removeSubIssue", &["issueId", "subIssueId"], &[TOUCHED]).around(&[SUB_ISSUES]),
    everywhere("reopenDiscussion", TALK),
    effect("reopenIssue", &["issueId"], TURNED),
    effect("reopenPullRequest", &["pullRequestId"], TURNED),
    effect("requestReviews", &["pullRequestId"], REVIEWERS),
    everywhere("resolveReviewThread", &[REVIEW_COMMENTS]),
    reviewing("submitPullRequestReview", &["pullRequestId", "pullRequestReviewId"]),
    effect("unarchiveRepository", &["repositoryId"], ARCHIVED),
    effect("unlockLockable", &["lockableId"], LOCKED),
    everywhere("unmarkDiscussionCommentAsAnswer", TALK),
    everywhere("unresolveReviewThread", &[REVIEW_COMMENTS]),
    everywhere("updateDiscussion", TALK),
    everywhere("updateDiscussionComment", TALK),
    effect("updateIssue", &["id"], ISSUE_INPUTS),
    effect("updateIssueComment", &["id"], COMMENTED),
    effect("updateLabel", &["id"], &[]).around(&[LABELS]).sweeping(LABELS_SWEPT),
    everywhere("updateProjectV2ItemFieldValue", BOARDS),
    effect("updatePullRequest", &["pullRequestId"], PULL_INPUTS),
    reviewing("updatePullRequestReview", &["pullRequestReviewId"]),
    reviewing("updatePullRequestReviewComment", &["pullRequestReviewCommentId"]),
];

impl Observing<'_> {
    /// What the mutations of a document may have changed, and what their payloads show.
    pub(super) fn mutated(&mut self, query: &str, body: &Value) {
        let request = self.exchange.request_body;
        let Some(asked) = request.and_then(|request| asked(query, request)) else {
            return self.unclear();
        };
        let known = |asked: &Asked| {
            let at = EFFECTS.binary_search_by_key(&asked.name.as_str(), |effect| effect.name);
            at.ok().map(|at| &EFFECTS[at])
        };
        let effects: Option<Vec<&Effect>> = asked.iter().map(known).collect();
        let Some(effects) = effects else {
            return self.unclear();
        };
        for (asked, effect) in asked.iter().zip(effects) {
            if !refused(body, &asked.key) {
                let payload = body.get("data").and_then(|data| data.get(&asked.key));
                self.done(effect, asked, payload.unwrap_or(&Value::Null));
            }
        }
    }

    fn done(&mut self, effect: &'static Effect, asked: &Asked, payload: &Value) {
        let at = self.facts.len();
        self.objects(payload, "", "", 0);
        let shown = self.facts.split_off(at);
        let made = effect
            .makes
            .and_then(|(table, at)| Some((table, made(table, payload.pointer(at)?, &shown)?)));
        // What is shown to be made leaves the rest as it was.
        let around: Vec<TableId> = match made {
            // How many there are is shown by nothing any more.
            Some((COMMENTS, _)) | None => effect.around.to_vec(),
            Some(_) => Vec::new(),
        };
        let touched = Touched {
            fields: by_table(effect.changes, &asked.input),
            removed: effect.removes.map(|table| TABLES[table].seed.name),
            around: around.iter().map(|at| TABLES[*at].seed.name).collect(),
            swept: effect
                .swept
                .iter()
                .map(|(table, columns)| named(*table, columns))
                .collect(),
        };
        let mut named = 0;
        for input in effect.nodes {
            let Some(id) = asked.input.get(*input).and_then(Value::as_str) else {
                continue;
            };
            named += 1;
            match key_of_node(&shown, id) {
                Some((table, key)) => {
                    for fact in touched.facts(table, &key) {
                        self.fact(fact);
                    }
                }
                None => self.fact(Fact::OfNode {
                    id: id.to_owned(),
                    touched: touched.clone(),
                }),
            }
        }
        if named == 0 && !effect.nodes.is_empty() {
            return self.unclear();
        }
        if !effect.everywhere.is_empty() {
            self.uncertain(effect.everywhere, String::new());
        }
        let Some((table, key)) = made else {
            for fact in shown {
                self.fact(fact);
            }
            return;
        };
        // A pull request is an issue, too.
        let tables: &[TableId] = if table == PULLS {
            &[PULLS, ISSUES]
        } else {
            &[table]
        };
        for of in tables {
            self.fact(Fact::Created {
                table: TABLES[*of].seed.name,
                key: key.clone(),
            });
        }
        if matches!(table, ISSUES | PULLS)
            && let Some((repo, number)) = key.split_once('#')
            && let Ok(number) = number.parse::<i64>()
        {
            self.next_number(repo, Value::from(number));
        }
        for fact in shown {
            // What it shows of the row that it made is nothing that was there.
            let is_of_made = matches!(&fact,
                Fact::Row { key: of, .. } | Fact::Count { parent: of, .. } if *of == key);
            if !is_of_made {
                self.fact(fact);
            }
        }
    }
}

/// Kinds of errors after which it is not known whether a mutation was done, sorted.
const BROKEN: &[&str] = &[
    "INTERNAL",
    "INTERNAL_ERROR",
    "INTERNAL_SERVER_ERROR",
    "SERVICE_UNAVAILABLE",
    "TIMEOUT",
];

/// Whether an answer says that a mutation itself was refused: by an error that names it, or, where
/// there is no data at all, by errors that came before anything was done.
fn refused(body: &Value, key: &str) -> bool {
    let errors = body.get("errors").and_then(Value::as_array);
    let text = |error: &Value, name: &str| {
        let text = error.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let is_broken = |error: &Value| {
        let kind = text(error, "type");
        BROKEN.contains(&kind.as_str())
            || text(error, "message").starts_with("Something went wrong")
    };
    let is_of = |error: &Value| {
        let path = error.get("path").and_then(Value::as_array);
        path.is_some_and(|path| matches!(path.as_slice(), [only] if only == key))
    };
    // An error within a payload comes after the mutation; what is wrong with the document is at
    // places of it, under the operation's own name.
    let is_before = |error: &Value| {
        let path = error.get("path").and_then(Value::as_array);
        let first = path.and_then(|path| path.first()?.as_str());
        let is_within = first.is_some_and(|first| !first.starts_with("mutation"));
        let is_told = ["type", "locations", "extensions"]
            .iter()
            .any(|name| error.get(*name).is_some());
        is_told && (!is_within || is_of(error))
    };
    let errors = errors.map(Vec::as_slice).unwrap_or_default();
    let none = body.get("data").is_none_or(Value::is_null);
    errors.iter().any(|error| is_of(error) && !is_broken(error))
        || (none
            && !errors.is_empty()
            && errors
                .iter()
                .all(|error| is_before(error) && !is_broken(error)))
}

/// The row that a payload shows to be made: as it stands among the facts, or by its address.
fn made(table: TableId, payload: &Value, shown: &[Fact]) -> Option<String> {
    let name = TABLES[table].seed.name;
    let id = payload.get("id").and_then(Value::as_str);
    if let Some((of, key)) = id.and_then(|id| key_of_node(shown, id))
        && of == name
    {
        return Some(key);
    }
    let url = payload.get("url")?.as_str()?;
    let rest = url.strip_prefix("https://github.com/")?;
    let (path, anchor) = rest.split_once('#').unwrap_or((rest, ""));
    let mut parts = path.split('/');
    let (owner, repo, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let number: u64 = parts.next()?.parse().ok()?;
    if !matches!(kind, "issues" | "pull") {
        return None;
    }
    match table {
        COMMENTS => {
            let id: u64 = anchor.strip_prefix("issuecomment-")?.parse().ok()?;
            Some(format!("{owner}/{repo}#issuecomment-{id}"))
        }
        _ => Some(format!("{owner}/{repo}#{number}")),
    }
}

/// The row with a global id, where facts show it.
fn key_of_node(facts: &[Fact], id: &str) -> Option<(&'static str, String)> {
    facts.iter().find_map(|fact| match fact {
        Fact::Row {
            table, key, fields, ..
        } if fields.get("node_id").and_then(Value::as_str) == Some(id) => {
            Some((*table, key.clone()))
        }
        _ => None,
    })
}

fn named(table: TableId, columns: &[usize]) -> (&'static str, Vec<&'static str>) {
    let seed = &TABLES[table].seed;
    let fields = columns.iter().map(|at| seed.fields[*at].name);
    (seed.name, fields.collect())
}

/// The columns that a mutation with such an input may set, by table.
fn by_table(
    changes: &[Change],
    input: &Map<String, Value>,
) -> Vec<(&'static str, Vec<&'static str>)> {
    changes
        .iter()
        .filter(|change| change.asked.is_empty() || input.contains_key(change.asked))
        .map(|change| named(change.table, change.columns))
        .collect()
}

#[cfg(test)]
mod tests;
