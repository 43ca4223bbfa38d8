//! Tools on discussions: lists, one, its comments, and the writing of comments.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain::{flag, graph, put};
use super::shapes::{self, of};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number, number_or, required_number, required_text, text};

/// Discussions or comments a page, where a tool is not told.
const PAGE: i64 = 30;
/// Where an organization has its own discussions.
const OF_ORGANIZATION: &str = ".github";
const PAGE_INFO: &str = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount";

/// The repository that a list is of: the organization's own where none is named.
fn place(arguments: &Arguments) -> Result<(&str, &str), Failure> {
    let owner = required_text(arguments, "owner")?;
    Ok(match text(arguments, "repo")? {
        "" => (owner, OF_ORGANIZATION),
        repo => (owner, repo),
    })
}

/// How many after which cursor; what no list of GraphQL has is an error of the protocol.
fn cursor(arguments: &Arguments) -> Result<(i64, Option<&str>), Failure> {
    let fault = |text: String| Failure::Fault(text);
    let size = number_or(arguments, "perPage", PAGE).map_err(fault)?;
    let after = text(arguments, "after").map_err(fault)?;
    if size > 100 {
        return Err(fault(format!(
            "perPage value {size} exceeds maximum of 100"
        )));
    }
    if size < 0 {
        return Err(fault(format!("perPage value {size} cannot be negative")));
    }
    Ok((size, Some(after).filter(|after| !after.is_empty())))
}

/// A page of a connection as these tools show one; an empty list is null, as Go writes it.
fn page(name: &str, items: Vec<Value>, connection: &Value) -> String {
    let info = &connection["pageInfo"];
    let items = if items.is_empty() {
        Value::Null
    } else {
        items.into()
    };
    shapes::text(&json!({
        name: items,
        "pageInfo": {
            "hasNextPage": info["hasNextPage"],
            "hasPreviousPage": info["hasPreviousPage"],
            "startCursor": of(info, "startCursor"),
            "endCursor": of(info, "endCursor"),
        },
        "totalCount": connection["totalCount"],
    }))
}

fn nodes(connection: &Value) -> impl Iterator<Item = &Value> {
    connection["nodes"].as_array().into_iter().flatten()
}

/// `list_discussions`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (owner, repo) = place(arguments)?;
    let category = text(arguments, "category")?;
    let field = text(arguments, "orderBy")?;
    let direction = text(arguments, "direction")?;
    let (first, after) = cursor(arguments)?;
    let mut variables = json!({"owner": owner, "repo": repo, "first": first, "after": after});
    let (mut declared, mut given) = (String::new(), String::new());
    if !category.is_empty() {
        variables["categoryId"] = category.into();
        declared.push_str(", $categoryId: ID!");
        given.push_str(", categoryId: $categoryId");
    }
    // A field without a direction orders nothing, and neither does a direction alone.
    if !field.is_empty() && !direction.is_empty() {
        variables["orderBy"] = json!({"field": field, "direction": direction});
        declared.push_str(", $orderBy: DiscussionOrder");
        given.push_str(", orderBy: $orderBy");
    }
    let query = format!(
        "query($owner: String!, $repo: String!, $first: Int!, $after: String{declared}) {{ repository(owner: $owner, name: $repo) {{ discussions(first: $first, after: $after{given}) {{ nodes {{ number title createdAt updatedAt author {{ login }} category {{ name }} url }} {PAGE_INFO} }} }} }}"
    );
    let data = graph(asker, &query, &variables, "")?;
    let found = &data["repository"]["discussions"];
    let shown = nodes(found).map(|one| {
        json!({
            "number": one["number"],
            "title": one["title"],
            "html_url": one["url"],
            "created_at": one["createdAt"],
            "updated_at": one["updatedAt"],
            "user": {"login": of(&one["author"], "login")},
            "category": {"name": of(&one["category"], "name")},
        })
    });
    Ok(page("discussions", shown.collect(), found))
}

/// `list_discussion_categories`.
pub(super) fn categories(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (owner, repo) = place(arguments)?;
    let query = format!(
        "query($owner: String!, $repo: String!) {{ repository(owner: $owner, name: $repo) {{ discussionCategories(first: 25) {{ nodes {{ id name }} {PAGE_INFO} }} }} }}"
    );
    let data = graph(asker, &query, &json!({"owner": owner, "repo": repo}), "")?;
    let found = &data["repository"]["discussionCategories"];
    let shown = nodes(found).map(|one| json!({"id": one["id"], "name": one["name"]}));
    Ok(page("categories", shown.collect(), found))
}

/// What names a discussion. The official server takes what is missing for empty.
fn named(arguments: &Arguments) -> Result<Value, Failure> {
    Ok(json!({
        "owner": text(arguments, "owner")?,
        "repo": text(arguments, "repo")?,
        "number": number(arguments, "discussionNumber")?.unwrap_or_default(),
    }))
}

/// `get_discussion`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let query = "query($owner: String!, $repo: String!, $number: Int!) { repository(owner: $owner, name: $repo) { discussion(number: $number) { number title body createdAt closed isAnswered answerChosenAt url category { name } } } }";
    let data = graph(asker, query, &named(arguments)?, "")?;
    let found = &data["repository"]["discussion"];
    let mut shown = json!({
        "number": found["number"],
        "title": found["title"],
        "body": found["body"],
        "url": found["url"],
        "closed": found["closed"],
        "isAnswered": found["isAnswered"].as_bool().unwrap_or_default(),
        "createdAt": found["createdAt"],
        "category": {"name": of(&found["category"], "name")},
    });
    if found["answerChosenAt"].is_string() {
        shown["answerChosenAt"] = found["answerChosenAt"].clone();
    }
    Ok(shapes::text(&shown))
}

fn comment(comment: &Value) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), comment["id"].clone());
    shown.insert("body".to_owned(), comment["body"].clone());
    put(&mut shown, "isAnswer", comment["isAnswer"].clone());
    shown
}

/// `get_discussion_comments`.
pub(super) fn comments(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let mut variables = named(arguments)?;
    let replies = match flag(arguments, "includeReplies", false)? {
        true => " replies(first: 100) { nodes { id body isAnswer } totalCount }",
        false => "",
    };
    let (first, after) = cursor(arguments)?;
    variables["first"] = first.into();
    variables["after"] = after.into();
    let query = format!(
        "query($owner: String!, $repo: String!, $number: Int!, $first: Int!, $after: String) {{ repository(owner: $owner, name: $repo) {{ discussion(number: $number) {{ comments(first: $first, after: $after) {{ nodes {{ id body isAnswer{replies} }} {PAGE_INFO} }} }} }} }}"
    );
    let data = graph(asker, &query, &variables, "")?;
    let found = &data["repository"]["discussion"]["comments"];
    let shown = nodes(found).map(|one| {
        let mut shown = comment(one);
        let replies = nodes(&one["replies"]).map(|reply| Value::from(comment(reply)));
        put(&mut shown, "replies", replies.collect());
        put(
            &mut shown,
            "replyTotalCount",
            one["replies"]["totalCount"].clone(),
        );
        Value::from(shown)
    });
    Ok(page("comments", shown.collect(), found))
}

/// `discussion_comment_write`.
pub(super) fn write(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    match required_text(arguments, "method")? {
        "add" => {
            let variables = discussion(arguments)?;
            let body = required_text(arguments, "body")?;
            let discussion = id_of(asker, &variables)?;
            add(asker, json!({"discussionId": discussion, "body": body}))
        }
        "reply" => reply(arguments, asker),
        "update" => {
            let id = comment_id(arguments)?;
            let body = required_text(arguments, "body")?;
            let input = json!({"commentId": id, "body": body});
            written(asker, "updateDiscussionComment", &input)
        }
        "delete" => {
            let id = comment_id(arguments)?;
            written(asker, "deleteDiscussionComment", &json!({"id": id}))
        }
        "mark_answer" => mark(arguments, asker, "markDiscussionCommentAsAnswer"),
        "unmark_answer" => mark(arguments, asker, "unmarkDiscussionCommentAsAnswer"),
        _ => Err(Failure::Refused(
            "invalid method, must be one of: 'add', 'reply', 'update', 'delete', 'mark_answer', 'unmark_answer'"
                .to_owned(),
        )),
    }
}

/// What names the discussion that is written to.
fn discussion(arguments: &Arguments) -> Result<Value, Failure> {
    Ok(json!({
        "owner": required_text(arguments, "owner")?,
        "repo": required_text(arguments, "repo")?,
        "number": required_number(arguments, "discussionNumber")?,
    }))
}

fn id_of(asker: &mut Asker<'_>, variables: &Value) -> Result<Value, Failure> {
    let query = "query($owner: String!, $repo: String!, $number: Int!) { repository(owner: $owner, name: $repo) { discussion(number: $number) { id } } }";
    let mut data = graph(asker, query, variables, "")?;
    Ok(data["repository"]["discussion"]["id"].take())
}

fn comment_id(arguments: &Arguments) -> Result<&str, Failure> {
    let id = required_text(arguments, "commentNodeID")?;
    if id.trim().is_empty() {
        return Err(Failure::Refused("commentNodeID cannot be blank".to_owned()));
    }
    Ok(id)
}

/// GitHub takes a reply to what is no comment for a comment of its own, so it is looked for first.
fn reply(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = comment_id(arguments)?;
    let variables = discussion(arguments)?;
    let body = required_text(arguments, "body")?;
    let query =
        "query($id: ID!) { node(id: $id) { ... on DiscussionComment { id discussion { id } } } }";
    let what = "failed to validate commentNodeID";
    let data = graph(asker, query, &json!({"id": id}), what)?;
    let found = &data["node"];
    if !found["id"].is_string() {
        return Err(Failure::Refused(format!(
            "commentNodeID {id:?} does not resolve to a valid discussion comment"
        )));
    }
    if id_of(asker, &variables)? != found["discussion"]["id"] {
        return Err(Failure::Refused(format!(
            "commentNodeID {id:?} does not belong to discussion #{} in {}/{}",
            variables["number"],
            of(&variables, "owner"),
            of(&variables, "repo"),
        )));
    }
    let discussion = &found["discussion"]["id"];
    add(
        asker,
        json!({"discussionId": discussion, "body": body, "replyToId": id}),
    )
}

fn add(asker: &mut Asker<'_>, input: Value) -> Outcome {
    written(asker, "addDiscussionComment", &input)
}

/// Runs a mutation of a comment; which comment it was.
fn written(asker: &mut Asker<'_>, mutation: &str, input: &Value) -> Outcome {
    let comment = &mutate(asker, mutation, "comment", input)?;
    Ok(shapes::text(
        &json!({"id": comment["id"], "url": comment["url"]}),
    ))
}

fn mark(arguments: &Arguments, asker: &mut Asker<'_>, mutation: &str) -> Outcome {
    let id = comment_id(arguments)?;
    let discussion = &mutate(asker, mutation, "discussion", &json!({"id": id}))?;
    Ok(shapes::text(&json!({
        "discussionID": discussion["id"],
        "discussionURL": discussion["url"],
    })))
}

fn mutate(
    asker: &mut Asker<'_>,
    mutation: &str,
    field: &str,
    input: &Value,
) -> Result<Value, Failure> {
    let (first, rest) = mutation.split_at(1);
    let kind = format!("{}{rest}Input", first.to_uppercase());
    let query = format!(
        "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {field} {{ id url }} }} }}"
    );
    let mut data = graph(asker, &query, &json!({"input": input}), "")?;
    Ok(data[mutation][field].take())
}
