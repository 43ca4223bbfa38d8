//! What queries and mutations answer, each held to the schema by the oracle.

use archal_core::clone::{CloneResponse, ServiceClone};
use serde_json::{Value, json};

use super::SERVICE;
use crate::engine::graphql::oracle;
use crate::github::check::{json as body, open, send};

/// Sends a query; what it answers must be what the schema says.
pub(super) fn ask(clone: &mut dyn ServiceClone, query: &str, variables: Value) -> Value {
    let found = body(&response(clone, query, &variables));
    let faults = oracle::faults(SERVICE.schema.get(), query, None, &found["data"]);
    assert!(faults.is_empty(), "{query}\n{found}\n{}", faults.join("\n"));
    found
}

fn response(clone: &mut dyn ServiceClone, query: &str, variables: &Value) -> CloneResponse {
    let sent = json!({"query": query, "variables": variables});
    send(clone, &format!("POST /graphql {sent}"))
}

#[test]
fn the_schema_is_read_whole_but_for_what_is_wrong_in_it() {
    // What GitHub publishes has two fields of a type twice; should a new version of the parser
    // find more, a part of the schema would be missing.
    let faults = SERVICE.schema.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| fault.contains("EnterpriseOwnerInfo")),
        "{faults:?}"
    );
}

#[test]
fn an_issue_shows_what_its_row_has() {
    let mut clone = open("small-project");
    let query = "query IssueByNumber($owner: String!, $repo: String!, $number: Int!) {
        repository(owner: $owner, name: $repo) {
            hasIssuesEnabled
            issue: issueOrPullRequest(number: $number) {
                __typename
                ...on Issue { number, url, state, createdAt, title, body, author{login,...on User{id,name}},
                    assignees(first:100){nodes{id,login,name},totalCount},
                    labels(first:100){nodes{id,name,description,color},totalCount},
                    projectCards(first:100){nodes{project{name}column{name}},totalCount},
                    milestone{number,title,description,dueOn},
                    reactionGroups{content,users{totalCount}},
                    comments(last: 1) { nodes { author{login}, authorAssociation, body, createdAt, includesCreatedEdit, isMinimized, minimizedReason, reactionGroups{content,users{totalCount}} }, totalCount } }
                ...on PullRequest { number }
            }
        }
    }";
    let variables = json!({"owner": "octocat", "repo": "hello-service", "number": 4});
    let found = ask(clone.as_mut(), query, variables);
    let issue = &found["data"]["repository"]["issue"];
    assert_eq!(issue["title"], "Crash on an empty POST body");
    assert_eq!(issue["labels"]["totalCount"], 2);
    assert_eq!(issue["author"]["login"], "monalisa");
    assert_eq!(issue["comments"]["nodes"].as_array().map(Vec::len), Some(1));
    assert_eq!(found.get("errors"), None);
}
