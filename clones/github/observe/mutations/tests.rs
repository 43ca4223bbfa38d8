//! The table, and how documents are read.

use serde_json::json;

use super::*;

#[test]
fn mutations_are_sorted_and_are_ones_that_the_clone_has() {
    let names: Vec<&str> = EFFECTS.iter().map(|effect| effect.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
    let known = crate::github::graphql::mutation_inputs();
    for effect in EFFECTS {
        let inputs = known.get(effect.name);
        let inputs = inputs.unwrap_or_else(|| panic!("there is no {}", effect.name));
        let asked = effect.changes.iter().map(|change| change.asked);
        let named = effect.nodes.iter().copied().chain(asked);
        for name in named.filter(|name| !name.is_empty()) {
            assert!(inputs.contains(name), "{} takes no {name}", effect.name);
        }
    }
}

fn told(query: &str, more: Value) -> Option<Vec<(String, String, Value)>> {
    let mut request = json!({"query": query});
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let asked = asked(query, &request)?;
    let each = asked.into_iter();
    Some(
        each.map(|one| (one.key, one.name, Value::Object(one.input)))
            .collect(),
    )
}

#[test]
fn inputs_are_read_from_variables_and_from_the_document() {
    let one = |key: &str, name: &str, input: Value| (key.to_owned(), name.to_owned(), input);
    assert_eq!(
        told(
            "mutation M($input:CloseIssueInput!){closeIssue(input:$input){issue{id}}}",
            json!({"variables": {"input": {"issueId": "I_1"}}}),
        ),
        Some(vec![one(
            "closeIssue",
            "closeIssue",
            json!({"issueId": "I_1"})
        )])
    );
    assert_eq!(
        told(
            "query Q{viewer{login}} mutation M($id:ID!,$none:ID){a:updateIssue(input:{id:$id,title:\"T\",milestoneId:$none}){__typename}}",
            json!({"operationName": "M", "variables": {"id": "I_2"}}),
        ),
        Some(vec![one(
            "a",
            "updateIssue",
            json!({"id": "I_2", "title": "T"})
        )])
    );
    // A variable that is not given has its default; one that is given as null is null.
    let query = "mutation($id:ID!=\"I_3\",$title:String=\"T\",$body:String=\"B\"){updateIssue(input:{id:$id,title:$title,body:$body}){clientMutationId}}";
    assert_eq!(
        told(query, json!({"variables": {"body": null}})),
        Some(vec![one(
            "updateIssue",
            "updateIssue",
            json!({"id": "I_3", "title": "T", "body": null})
        )])
    );
    // What cannot be told is not guessed.
    for query in [
        "mutation{...F} fragment F on Mutation{closeIssue(input:{issueId:\"I\"}){clientMutationId}}",
        "mutation A{a:closeIssue(input:{issueId:\"I\"}){clientMutationId}} mutation B{closeIssue(input:{issueId:\"J\"}){clientMutationId}}",
        "mutation{closeIssue(input:{issueId:\"I\"",
        "mutation($input:I!){closeIssue(input:$input){clientMutationId}}",
        "query{viewer{login}}",
    ] {
        assert_eq!(told(query, json!({})), None, "{query}");
    }
}

#[test]
fn what_was_refused_changed_nothing() {
    let body = json!({"data": {"closeIssue": null}, "errors": [{"path": ["closeIssue"], "message": "no"}]});
    assert!(refused(&body, "closeIssue"));
    assert!(!refused(&body, "a"));
    let within = json!({"data": {"closeIssue": {"issue": null}}, "errors": [{"path": ["closeIssue", "issue"]}]});
    assert!(!refused(&within, "closeIssue"));
    assert!(refused(
        &json!({"errors": [{"message": "parse error", "locations": [{"line": 1, "column": 2}]}]}),
        "closeIssue"
    ));
    let limited =
        json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
    assert!(refused(&limited, "closeIssue"));
    let wrong = json!({"errors": [{"path": ["mutation M", "closeIssue", "issueId"], "extensions": {"code": "undefinedField"}, "message": "no"}]});
    assert!(refused(&wrong, "closeIssue"));
    // It may have been done before something broke.
    for broken in [
        json!({"data": null, "errors": [{"message": "Something went wrong while executing your query."}]}),
        json!({"data": {"closeIssue": null}, "errors": [{"path": ["closeIssue"], "type": "INTERNAL", "message": "x"}]}),
        json!({"data": null, "errors": [{"path": ["closeIssue", "issue", "title"], "type": "FORBIDDEN", "message": "x"}]}),
        json!({"errors": [{"message": "timeout"}]}),
    ] {
        assert!(!refused(&broken, "closeIssue"), "{broken}");
    }
}
