//! Discussions from their start to their answer.

use archal_core::clone::{OpenClone, Seed, ServiceClone};
use serde_json::{Value, json};

use super::tests::{ask, plain};
use crate::github::check::{base, open_at, send};

fn seeded() -> Box<dyn ServiceClone> {
    let seed = json!({
        "actor": "octocat",
        "users": [{"login": "octocat"}, {"login": "monalisa"}],
        "repos": [{"full_name": "octocat/hello", "permission": "admin"}],
        "labels": [{"repo": "octocat/hello", "name": "bug"}],
        "issues": [{"repo": "octocat/hello", "number": 1, "title": "T", "created_at": "3d ago"}],
        "discussion_categories": [
            {"repo": "octocat/hello", "slug": "q-a", "name": "Q&A", "is_answerable": true},
            {"repo": "octocat/hello", "slug": "general"},
        ],
        "discussions": [
            {"repo": "octocat/hello", "number": 2, "title": "How?", "body": "Tell **me**.", "category": "q-a", "user": "monalisa", "created_at": "2d ago"},
        ],
        "discussion_comments": [
            {"discussion": "octocat/hello#2", "id": 8500001, "body": "So.", "created_at": "1d ago"},
            {"discussion": "octocat/hello#2", "id": 8500002, "body": "Ah!", "user": "monalisa", "reply_to": 8500001, "created_at": "20h ago"},
        ],
    });
    open_at(Seed::Document(&seed), base())
}

/// As the official MCP server asks.
const READ: &str = "query($owner: String!, $repo: String!, $discussionNumber: Int!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $repo) {
    hasDiscussionsEnabled
    discussion(number: $discussionNumber) {
      id number title body bodyText createdAt updatedAt closed stateReason isAnswered answerChosenAt url
      author { login } category { id name isAnswerable } answer { body }
      comments(first: $first, after: $after) {
        nodes { id body isAnswer url viewerCanMarkAsAnswer author { login }
          replies(first: 100) { nodes { body replyTo { id } } totalCount } reactionGroups { content users { totalCount } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
      }
    }
  }
}";

fn read(clone: &mut dyn ServiceClone, number: i64) -> Value {
    let variables =
        json!({"owner": "octocat", "repo": "hello", "discussionNumber": number, "first": 10});
    ask(clone, READ, variables)["data"]["repository"]["discussion"].clone()
}

#[test]
fn a_discussion_is_started_commented_answered_and_closed() {
    let mut clone = seeded();
    let found = read(clone.as_mut(), 2);
    assert_eq!(found["isAnswered"], false);
    assert_eq!(found["bodyText"], "Tell me.");
    assert_eq!(
        found["comments"]["totalCount"], 1,
        "replies are no comments"
    );
    let comment = found["comments"]["nodes"][0]["id"].clone();
    let reply = &found["comments"]["nodes"][0]["replies"]["nodes"][0];
    assert_eq!(reply["replyTo"]["id"], comment);
    let chosen = ask(
        clone.as_mut(),
        "mutation($id: ID!) { markDiscussionCommentAsAnswer(input: {id: $id}) { discussion { isAnswered answer { id isAnswer } answerChosenBy { login } } } addReaction(input: {subjectId: $id, content: HEART}) { reaction { content user { login } } subject { id } reactionGroups { content users { totalCount } } } }",
        json!({"id": comment}),
    );
    insta::assert_snapshot!(plain(&chosen["data"]["markDiscussionCommentAsAnswer"].to_string()), @r#"{"discussion":{"answer":{"id":"ID","isAnswer":true},"answerChosenBy":{"login":"octocat"},"isAnswered":true}}"#);
    assert_eq!(
        chosen["data"]["addReaction"]["reactionGroups"][5]["users"]["totalCount"],
        1
    );
    let id = found["id"].clone();
    let category = found["category"]["id"].clone();
    let ids = "{ repository(owner: \"octocat\", name: \"hello\") { id discussionCategories(first: 9) { totalCount nodes { id name slug } } discussionCategory(slug: \"general\") { id } } }";
    let ids = ask(clone.as_mut(), ids, json!({}))["data"]["repository"].clone();
    let made = ask(
        clone.as_mut(),
        "mutation($repo: ID!, $category: ID!, $general: ID!, $old: ID!) {
            createDiscussion(input: {repositoryId: $repo, categoryId: $category, title: \"Why?\", body: \"B\"}) { discussion { id number category { name } } }
            empty: createDiscussion(input: {repositoryId: $repo, categoryId: $category, title: \" \", body: \"B\"}) { discussion { id } }
            updateDiscussion(input: {discussionId: $old, title: \"How now?\", categoryId: $general}) { discussion { title isAnswered category { name } } }
            closeDiscussion(input: {discussionId: $old}) { discussion { closed stateReason closedAt } }
            reopenDiscussion(input: {discussionId: $old}) { discussion { closed stateReason } }
            addDiscussionComment(input: {discussionId: $old, body: \"More\"}) { comment { id url body discussion { number } } } }",
        json!({"repo": ids["id"], "category": category, "general": ids["discussionCategory"]["id"], "old": id}),
    );
    insta::assert_snapshot!(plain(&made.to_string()), @r#"{"data":{"addDiscussionComment":{"comment":{"body":"More","discussion":{"number":2},"id":"ID","url":"https://github.com/octocat/hello/discussions/2#discussioncomment-N"}},"closeDiscussion":{"discussion":{"closed":true,"closedAt":"2026-01-10T12:01:00Z","stateReason":"RESOLVED"}},"createDiscussion":{"discussion":{"category":{"name":"Q&A"},"id":"ID","number":3}},"empty":null,"reopenDiscussion":{"discussion":{"closed":false,"stateReason":"REOPENED"}},"updateDiscussion":{"discussion":{"category":{"name":"General"},"isAnswered":null,"title":"How now?"}}},"errors":[{"locations":[{"column":13,"line":3}],"message":"Title can't be blank","path":["empty"],"type":"UNPROCESSABLE"}]}"#);
    // An issue takes the number after it.
    let issue = send(
        clone.as_mut(),
        "POST /repos/octocat/hello/issues {\"title\":\"next\"}",
    );
    assert_eq!(crate::github::check::json(&issue)["number"], 4);
    let added = made["data"]["addDiscussionComment"]["comment"]["id"].clone();
    let rest = ask(
        clone.as_mut(),
        "mutation($id: ID!, $first: ID!, $old: ID!) {
            updateDiscussionComment(input: {commentId: $id, body: \"Less\"}) { comment { body } }
            nested: addDiscussionComment(input: {discussionId: $old, replyToId: $first, body: \"Reply\"}) { comment { replyTo { id } } }
            deleteDiscussionComment(input: {id: $id}) { comment { id } }
            place: deleteDiscussionComment(input: {id: $first}) { comment { body deletedAt } }
            unmarkDiscussionCommentAsAnswer(input: {id: $first}) { discussion { isAnswered } }
            deleteDiscussion(input: {id: $old}) { discussion { number } } }",
        json!({"id": added, "first": comment, "old": id}),
    );
    insta::assert_snapshot!(plain(&rest.to_string()), @r#"{"data":{"deleteDiscussion":{"discussion":{"number":2}},"deleteDiscussionComment":{"comment":{"id":"ID"}},"nested":{"comment":{"replyTo":{"id":"ID"}}},"place":{"comment":{"body":"","deletedAt":"2026-01-10T12:01:00Z"}},"unmarkDiscussionCommentAsAnswer":null,"updateDiscussionComment":{"comment":{"body":"Less"}}},"errors":[{"locations":[{"column":13,"line":6}],"message":"Comment cannot be marked as an answer of this discussion","path":["unmarkDiscussionCommentAsAnswer"],"type":"UNPROCESSABLE"}]}"#);
    let gone = read(clone.as_mut(), 2);
    assert_eq!(gone, Value::Null);
}

#[test]
fn discussions_are_listed_by_category_state_and_order() {
    let mut clone = seeded();
    let list = "query($category: ID) { repository(owner: \"octocat\", name: \"hello\") { discussions(first: 10, categoryId: $category, orderBy: {field: CREATED_AT, direction: DESC}) { totalCount nodes { number title author { login } category { name } url } pageInfo { hasNextPage } } } }";
    let found = ask(clone.as_mut(), list, json!({}));
    assert_eq!(found["data"]["repository"]["discussions"]["totalCount"], 1);
    let none = ask(clone.as_mut(), list, json!({"category": "DIC_x"}));
    assert_eq!(none["data"]["repository"]["discussions"]["totalCount"], 0);
}

#[test]
fn a_seed_of_discussions_names_what_is_wrong_with_it() {
    let seed = json!({
        "actor": "octocat",
        "users": [{"login": "octocat"}],
        "repos": [{"full_name": "octocat/hello"}],
        "issues": [{"repo": "octocat/hello", "number": 1, "title": "T"}],
        "discussions": [{"repo": "octocat/hello", "number": 1, "title": "T", "category": "none"}],
    });
    let how = OpenClone {
        base: base(),
        ids: 7,
        seed: Seed::Document(&seed),
    };
    let problems = (crate::github::DESCRIPTOR.open)(&how)
        .err()
        .expect("refused");
    let codes: Vec<&str> = problems.iter().map(|one| one.code.as_ref()).collect();
    assert_eq!(codes, ["seed/dangling", "seed/number"]);
}
