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

/// A text with ids, long numbers and cursors left out: they follow from the tables there are.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for one in text.chars().chain(['\0']) {
        if one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '=') {
            word.push(one);
            continue;
        }
        let id = word.split_once('_').is_some_and(|(kind, rest)| {
            rest.len() > 7
                && !kind.is_empty()
                && kind.bytes().all(|byte| byte.is_ascii_uppercase())
                && rest.bytes().any(|byte| byte.is_ascii_lowercase())
        });
        let tail = word.rsplit('-').next().unwrap_or_default();
        if id {
            out.push_str("ID");
        } else if word.starts_with("Y3Vyc29y") {
            out.push_str("CURSOR");
        } else if tail.len() > 5 && tail.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push_str(&word[..word.len() - tail.len()]);
            out.push('N');
        } else {
            out.push_str(&word);
        }
        word.clear();
        if one != '\0' {
            out.push(one);
        }
    }
    out
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
                ...on PullRequest { number, state }
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

/// Sends queries one after the other and writes down what each answers.
fn check(clone: &mut dyn ServiceClone, queries: &[&str]) -> String {
    let mut out = String::new();
    for query in queries {
        let found = response(clone, query, &json!({}));
        let changes: Vec<String> = found
            .changes
            .iter()
            .map(|change| format!(" {}", change.key))
            .collect();
        let gap = found
            .unmodelled
            .map_or(String::new(), |gap| format!(" [{gap}]"));
        let body = String::from_utf8_lossy(&found.body.evidence).into_owned();
        out.push_str(&format!(
            "{query}\n{}{gap}{}\n  {body}\n",
            found.status,
            changes.concat()
        ));
    }
    plain(&out)
}

#[test]
fn what_is_wrong_with_a_query_is_said_in_githubs_words() {
    let mut clone = open("small-project");
    insta::assert_snapshot!(check(clone.as_mut(), &[
        "{ viewer { login, loggin } }",
        "query A { viewer { login(x: 1) repositories(first: \"x\") { totalCount } } }",
        "{ repository(owner: \"o\") { name } }",
        "{ viewer }",
        "{ viewer { login { x } } }",
        "query Q($a: Int, $b: String!) { viewer { login } }",
        "{ node(id: $id) { id } }",
        "{ node(id: \"x\") { ... on Isue { id } } }",
        "{ viewer { ...missing } } fragment spare on User { login }",
        "{ viewer { login }",
        "",
        "{ viewer { } }",
        "query A { viewer { login } } query B { viewer { login } }",
        "subscription { x }",
        "query($n: Int!) { repository(owner: \"octocat\", name: \"hello-service\") { issue(number: $n) { title } } }",
    ]), @r#"
    { viewer { login, loggin } }
    200
      {"errors":[{"extensions":{"code":"undefinedField","fieldName":"loggin","typeName":"User"},"locations":[{"column":19,"line":1}],"message":"Field 'loggin' doesn't exist on type 'User'","path":["query","viewer","loggin"]}]}
    query A { viewer { login(x: 1) repositories(first: "x") { totalCount } } }
    200
      {"errors":[{"extensions":{"argumentName":"x","code":"argumentNotAccepted","name":"login","typeName":"Field"},"locations":[{"column":26,"line":1}],"message":"Field 'login' doesn't accept argument 'x'","path":["query A","viewer","login"]},{"extensions":{"argumentName":"first","code":"argumentLiteralsIncompatible","typeName":"Field"},"locations":[{"column":32,"line":1}],"message":"Argument 'first' on Field 'repositories' has an invalid value (\"x\"). Expected type 'Int'.","path":["query A","viewer","repositories"]}]}
    { repository(owner: "o") { name } }
    200
      {"errors":[{"extensions":{"arguments":"name","className":"Field","code":"missingRequiredArguments","name":"repository"},"locations":[{"column":3,"line":1}],"message":"Field 'repository' is missing required arguments: name","path":["query","repository"]}]}
    { viewer }
    200
      {"errors":[{"extensions":{"code":"selectionMismatch","nodeName":"field 'viewer'","typeName":"User"},"locations":[{"column":3,"line":1}],"message":"Field must have selections (field 'viewer' returns User but has no selections. Did you mean 'viewer { ... }'?)","path":["query","viewer"]}]}
    { viewer { login { x } } }
    200
      {"errors":[{"extensions":{"code":"selectionMismatch","nodeName":"field 'login'","typeName":"String"},"locations":[{"column":12,"line":1}],"message":"Selections can't be made on scalars (field 'login' returns String but has selections [\"x\"])","path":["query","viewer","login"]}]}
    query Q($a: Int, $b: String!) { viewer { login } }
    200
      {"errors":[{"extensions":{"code":"variableNotUsed","variableName":"a"},"locations":[{"column":9,"line":1}],"message":"Variable $a is declared by Q but not used","path":["query Q"]},{"extensions":{"code":"variableNotUsed","variableName":"b"},"locations":[{"column":18,"line":1}],"message":"Variable $b is declared by Q but not used","path":["query Q"]}]}
    { node(id: $id) { id } }
    200
      {"errors":[{"extensions":{"code":"variableNotDefined","variableName":"id"},"locations":[{"column":13,"line":1}],"message":"Variable $id is used by anonymous query but not declared","path":["query"]}]}
    { node(id: "x") { ... on Isue { id } } }
    200
      {"errors":[{"extensions":{"code":"undefinedType","typeName":"Isue"},"locations":[{"column":26,"line":1}],"message":"No such type Isue, so it can't be a fragment condition","path":["query","node","... on Isue"]}]}
    { viewer { ...missing } } fragment spare on User { login }
    200
      {"errors":[{"extensions":{"code":"useAndDefineFragment","fragmentName":"missing"},"locations":[{"column":15,"line":1}],"message":"Fragment missing was used, but not defined","path":["query","viewer","... missing"]},{"extensions":{"code":"useAndDefineFragment","fragmentName":"spare"},"locations":[{"column":36,"line":1}],"message":"Fragment spare was defined, but not used","path":["fragment spare"]}]}
    { viewer { login }
    200
      {"errors":[{"locations":[],"message":"Unexpected end of document"}]}

    200
      {"errors":[{"locations":[],"message":"Unexpected end of document"}]}
    { viewer { } }
    200
      {"errors":[{"locations":[{"column":12,"line":1}],"message":"Parse error, unexpected: RCURLY (\"}\") at [1, 12]"}]}
    query A { viewer { login } } query B { viewer { login } }
    200
      {"errors":[{"message":"An operation name is required"}]}
    subscription { x }
    200
      {"errors":[{"extensions":{"code":"missingsubscriptionConfiguration"},"locations":[],"message":"Schema is not configured for subscriptions","path":["subscription"]}]}
    query($n: Int!) { repository(owner: "octocat", name: "hello-service") { issue(number: $n) { title } } }
    200
      {"errors":[{"extensions":{"problems":[{"explanation":"Expected value to not be null","path":[]}],"value":null},"locations":[{"column":7,"line":1}],"message":"Variable $n of type Int! was provided invalid value"}]}
    "#);
}

#[test]
fn errors_of_fields_have_type_path_and_place() {
    let mut clone = open("small-project");
    insta::assert_snapshot!(check(clone.as_mut(), &[
        "{ repository(owner: \"octocat\", name: \"nothing\") { name } viewer { login } }",
        "{ r: repository(owner: \"octocat\", name: \"hello-service\") {\n  a: issue(number: 4) { number }\n  b: issue(number: 400) { number } } }",
        "{ user(login: \"nobody\") { login } organization(login: \"octocat\") { login } repositoryOwner(login: \"nobody\") { login } }",
        "{ node(id: \"I_nothing\") { id } nodes(ids: [\"I_nothing\"]) { id } }",
        "{ repository(owner: \"octocat\", name: \"hello-service\") { issues { nodes { number } } } }",
        "{ repository(owner: \"octocat\", name: \"hello-service\") { issues { totalCount } labels(first: 101) { totalCount } } }",
        "{ repository(owner: \"octocat\", name: \"hello-service\") { issues(first: 1, after: \"rubbish\") { totalCount } } }",
        "{ repository(owner: \"octocat\", name: \"hello-service\") { issues(first: 100) { nodes { comments(first: 100) { nodes { reactions(first: 100) { totalCount } } } } } } }",
        "{ repository(owner: \"octocat\", name: \"hello-service\") { name rulesets(first: 1) { totalCount } } }",
        "{ licenses { key } viewer { login } }",
        "mutation { pinIssue(input: {issueId: \"x\"}) { clientMutationId } }",
    ]), @r#"
    { repository(owner: "octocat", name: "nothing") { name } viewer { login } }
    200
      {"data":{"repository":null,"viewer":{"login":"octocat"}},"errors":[{"type":"NOT_FOUND","path":["repository"],"locations":[{"line":1,"column":3}],"message":"Could not resolve to a Repository with the name 'octocat/nothing'."}]}
    { r: repository(owner: "octocat", name: "hello-service") {
      a: issue(number: 4) { number }
      b: issue(number: 400) { number } } }
    200
      {"data":{"r":{"a":{"number":4},"b":null}},"errors":[{"type":"NOT_FOUND","path":["r","b"],"locations":[{"line":3,"column":3}],"message":"Could not resolve to an Issue with the number of 400."}]}
    { user(login: "nobody") { login } organization(login: "octocat") { login } repositoryOwner(login: "nobody") { login } }
    200
      {"data":{"user":null,"organization":null,"repositoryOwner":null},"errors":[{"type":"NOT_FOUND","path":["user"],"locations":[{"line":1,"column":3}],"message":"Could not resolve to a User with the login of 'nobody'."},{"type":"NOT_FOUND","path":["organization"],"locations":[{"line":1,"column":35}],"message":"Could not resolve to an Organization with the login of 'octocat'."}]}
    { node(id: "I_nothing") { id } nodes(ids: ["I_nothing"]) { id } }
    200
      {"data":{"node":null,"nodes":[null]},"errors":[{"type":"NOT_FOUND","path":["node"],"locations":[{"line":1,"column":3}],"message":"Could not resolve to a node with the global id of 'I_nothing'"},{"type":"NOT_FOUND","path":["nodes",0],"locations":[{"line":1,"column":32}],"message":"Could not resolve to a node with the global id of 'I_nothing'"}]}
    { repository(owner: "octocat", name: "hello-service") { issues { nodes { number } } } }
    200
      {"data":{"repository":null},"errors":[{"type":"MISSING_PAGINATION_BOUNDARIES","path":["repository","issues"],"locations":[{"line":1,"column":57}],"message":"You must provide a `first` or `last` value to properly paginate the `issues` connection."}]}
    { repository(owner: "octocat", name: "hello-service") { issues { totalCount } labels(first: 101) { totalCount } } }
    200
      {"data":{"repository":{"issues":{"totalCount":8},"labels":null}},"errors":[{"type":"EXCESSIVE_PAGINATION","path":["repository","labels"],"locations":[{"line":1,"column":79}],"message":"Requesting 101 records on the `labels` connection exceeds the `first` limit of 100 records."}]}
    { repository(owner: "octocat", name: "hello-service") { issues(first: 1, after: "rubbish") { totalCount } } }
    200
      {"data":{"repository":null},"errors":[{"type":"INVALID_CURSOR_ARGUMENTS","path":["repository","issues"],"locations":[{"line":1,"column":57}],"message":"`rubbish` does not appear to be a valid cursor."}]}
    { repository(owner: "octocat", name: "hello-service") { issues(first: 100) { nodes { comments(first: 100) { nodes { reactions(first: 100) { totalCount } } } } } } }
    200
      {"errors":[{"message":"This query requests up to 1,010,100 possible nodes which exceeds the maximum limit of 500,000.","type":"MAX_NODE_LIMIT_EXCEEDED"}]}
    { repository(owner: "octocat", name: "hello-service") { name rulesets(first: 1) { totalCount } } }
    200 [graphql:Repository.rulesets]
      {"data":{"repository":{"name":"hello-service","rulesets":null}},"errors":[{"path":["repository","rulesets"],"locations":[{"line":1,"column":62}],"message":"graphql:Repository.rulesets is not modelled by this local clone"}]}
    { licenses { key } viewer { login } }
    200 [graphql:Query.licenses]
      {"data":null,"errors":[{"path":["licenses"],"locations":[{"line":1,"column":3}],"message":"graphql:Query.licenses is not modelled by this local clone"}]}
    mutation { pinIssue(input: {issueId: "x"}) { clientMutationId } }
    200 [graphql:Mutation.pinIssue]
      {"data":{"pinIssue":null},"errors":[{"path":["pinIssue"],"locations":[{"line":1,"column":12}],"message":"graphql:Mutation.pinIssue is not modelled by this local clone"}]}
    "#);
}

#[test]
fn connections_are_read_page_by_page_while_their_items_change() {
    let mut clone = open("small-project");
    let page = "query($after: String) { repository(owner: \"octocat\", name: \"hello-service\") {
        issues(first: 2, after: $after, states: OPEN, orderBy: {field: CREATED_AT, direction: DESC}) {
            totalCount edges { cursor node { id number } } nodes { number } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } } }";
    let mut after = Value::Null;
    let mut numbers = Vec::new();
    let total =
        ask(clone.as_mut(), page, json!({}))["data"]["repository"]["issues"]["totalCount"].clone();
    loop {
        let found = ask(clone.as_mut(), page, json!({"after": after}));
        let issues = &found["data"]["repository"]["issues"];
        for edge in issues["edges"].as_array().expect("edges") {
            numbers.push(edge["node"]["number"].clone());
            // Closed at once, the issue no longer fits, and the page's end still leads on.
            let close = "mutation($id: ID!) { closeIssue(input: {issueId: $id, stateReason: NOT_PLANNED}) { issue { state stateReason closed } } }";
            let closed = ask(clone.as_mut(), close, json!({"id": edge["node"]["id"]}));
            assert_eq!(closed["data"]["closeIssue"]["issue"]["state"], "CLOSED");
        }
        assert_eq!(
            issues["pageInfo"]["endCursor"],
            issues["edges"]
                .as_array()
                .and_then(|edges| edges.last())
                .map_or(Value::Null, |edge| edge["cursor"].clone())
        );
        if issues["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = issues["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(json!(numbers.len()), total);
    let last = "{ repository(owner: \"octocat\", name: \"hello-service\") { labels(last: 2, orderBy: {field: NAME, direction: ASC}) { nodes { name } pageInfo { hasNextPage hasPreviousPage } } } }";
    let found = ask(clone.as_mut(), last, json!({}));
    insta::assert_snapshot!(found["data"]["repository"]["labels"], @r#"{"nodes":[{"name":"question"},{"name":"wontfix"}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":true}}"#);
}

#[test]
fn introspection_tells_the_whole_schema() {
    let mut clone = open("small-project");
    let features = "query Issue_fields { Issue: __type(name: \"Issue\") { fields(includeDeprecated: true) { name } } PullRequest: __type(name: \"PullRequest\") { fields(includeDeprecated: true) { name } } viewer { login } none: __type(name: \"Nothing\") { name } }";
    let found = ask(clone.as_mut(), features, json!({}));
    let names = found["data"]["Issue"]["fields"].to_string();
    assert!(names.contains("stateReason") && names.contains("isPinned"));
    assert_eq!(found["data"]["none"], Value::Null);
    assert_eq!(found["data"]["viewer"]["login"], "octocat");
    let whole = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name } directives { name args { name type { kind name ofType { kind name } } } } types { kind name description fields(includeDeprecated: true) { name isDeprecated args { name defaultValue type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } inputFields { name } interfaces { name } enumValues(includeDeprecated: true) { name } possibleTypes { name } } } }";
    let found = ask(clone.as_mut(), whole, json!({}));
    let types = found["data"]["__schema"]["types"]
        .as_array()
        .map_or(0, Vec::len);
    assert!(types > 1_600, "{types}");
    assert_eq!(
        found["data"]["__schema"]["mutationType"]["name"],
        "Mutation"
    );
}

#[test]
fn mutations_run_one_after_the_other_and_a_refused_one_changes_nothing() {
    let mut clone = open("small-project");
    let ids = "{ repository(owner: \"octocat\", name: \"hello-service\") { id issue(number: 4) { id } label(name: \"bug\") { id } } }";
    let ids = ask(clone.as_mut(), ids, json!({}))["data"]["repository"].clone();
    let (repo, issue, label) = (&ids["id"], &ids["issue"]["id"], &ids["label"]["id"]);
    insta::assert_snapshot!(check(clone.as_mut(), &[
        &format!("mutation {{ a: createLabel(input: {{repositoryId: {repo}, name: \"new\", color: \"abcdef\", clientMutationId: \"m\"}}) {{ clientMutationId label {{ name color url }} }} b: createLabel(input: {{repositoryId: {repo}, name: \"bug\", color: \"abcdef\"}}) {{ label {{ name }} }} c: addComment(input: {{subjectId: {issue}, body: \"hi\"}}) {{ commentEdge {{ node {{ body createdAt url author {{ login }} }} }} subject {{ ... on Issue {{ comments {{ totalCount }} }} }} }} }}"),
        &format!("mutation {{ updateIssue(input: {{id: {issue}, title: \"T\", labelIds: [{label}], body: null}}) {{ issue {{ title body bodyText bodyHTML labels(first: 9) {{ nodes {{ name }} }} }} }} }}"),
        &format!("mutation {{ createIssue(input: {{repositoryId: {repo}, title: \" \"}}) {{ issue {{ number }} }} }}"),
        &format!("mutation {{ createIssue(input: {{repositoryId: {repo}, title: \"New\", body: \"**b**\", labelIds: [{label}]}}) {{ issue {{ number bodyText bodyHTML state author {{ login }} viewerDidAuthor }} }} }}"),
        &format!("mutation {{ addLabelsToLabelable(input: {{labelableId: {label}, labelIds: []}}) {{ labelable {{ __typename }} }} }}"),
        &format!("mutation {{ deleteIssue(input: {{issueId: {issue}}}) {{ repository {{ issues {{ totalCount }} }} }} }}"),
        &format!("{{ node(id: {issue}) {{ id }} }}"),
    ]), @r#"
    mutation { a: createLabel(input: {repositoryId: "ID", name: "new", color: "abcdef", clientMutationId: "m"}) { clientMutationId label { name color url } } b: createLabel(input: {repositoryId: "ID", name: "bug", color: "abcdef"}) { label { name } } c: addComment(input: {subjectId: "ID", body: "hi"}) { commentEdge { node { body createdAt url author { login } } } subject { ... on Issue { comments { totalCount } } } } }
    200 octocat/hello-service:new octocat/hello-service#issuecomment-N octocat/hello-service#4 octocat:octocat/hello-service#4 N
      {"data":{"a":{"clientMutationId":"m","label":{"name":"new","color":"abcdef","url":"https://github.com/octocat/hello-service/labels/new"}},"b":null,"c":{"commentEdge":{"node":{"body":"hi","createdAt":"+run","url":"https://github.com/octocat/hello-service/issues/4#issuecomment-N","author":{"login":"octocat"}}},"subject":{"comments":{"totalCount":3}}}},"errors":[{"type":"UNPROCESSABLE","path":["b"],"locations":[{"line":1,"column":165}],"message":"Name has already been taken"}]}
    mutation { updateIssue(input: {id: "ID", title: "T", labelIds: ["ID"], body: null}) { issue { title body bodyText bodyHTML labels(first: 9) { nodes { name } } } } }
    200 octocat/hello-service#4 octocat/hello-service#event-N octocat/hello-service#event-N
      {"data":{"updateIssue":{"issue":{"title":"T","body":"","bodyText":"","bodyHTML":"","labels":{"nodes":[{"name":"bug"}]}}}}}
    mutation { createIssue(input: {repositoryId: "ID", title: " "}) { issue { number } } }
    200
      {"data":{"createIssue":null},"errors":[{"type":"UNPROCESSABLE","path":["createIssue"],"locations":[{"line":1,"column":12}],"message":"Title can't be blank"}]}
    mutation { createIssue(input: {repositoryId: "ID", title: "New", body: "**b**", labelIds: ["ID"]}) { issue { number bodyText bodyHTML state author { login } viewerDidAuthor } } }
    200 octocat/hello-service#9 octocat/hello-service#event-N
      {"data":{"createIssue":{"issue":{"number":9,"bodyText":"b","bodyHTML":"<p><strong>b</strong></p>","state":"OPEN","author":{"login":"octocat"},"viewerDidAuthor":true}}}}
    mutation { addLabelsToLabelable(input: {labelableId: "ID", labelIds: []}) { labelable { __typename } } }
    200
      {"data":{"addLabelsToLabelable":null},"errors":[{"type":"NOT_FOUND","path":["addLabelsToLabelable"],"locations":[{"line":1,"column":12}],"message":"Could not resolve to a node with the global id of 'ID'."}]}
    mutation { deleteIssue(input: {issueId: "ID"}) { repository { issues { totalCount } } } }
    200 octocat/hello-service#4 octocat/hello-service#issuecomment-N octocat/hello-service#issuecomment-N octocat/hello-service#issuecomment-N octocat/hello-service#event-N octocat/hello-service#event-N octocat:octocat/hello-service#4
      {"data":{"deleteIssue":{"repository":{"issues":{"totalCount":8}}}}}
    { node(id: "ID") { id } }
    200
      {"data":{"node":null},"errors":[{"type":"NOT_FOUND","path":["node"],"locations":[{"line":1,"column":3}],"message":"Could not resolve to a node with the global id of 'ID'"}]}
    "#);
}

#[test]
fn the_same_calls_leave_the_same_evidence_at_another_time() {
    use crate::github::check::{base, open_at, request};
    use archal_core::clone::Seed;
    use jiff::SignedDuration;
    let lines = [
        json!({"query": "{ rateLimit { cost limit nodeCount remaining used resetAt } repository(owner: \"octocat\", name: \"hello-service\") { createdAt issues(first: 3) { edges { cursor node { createdAt updatedAt body bodyText } } } } }"}),
        json!({"query": "mutation { updateUserList(input: {listId: \"x\"}) { clientMutationId } }"}),
    ];
    let evidence = |hours: i64| -> Vec<String> {
        let base = base() + SignedDuration::from_hours(hours);
        let mut clone = open_at(Seed::Named("small-project"), base);
        let at = base + SignedDuration::from_secs(60 + hours);
        lines
            .iter()
            .map(|line| clone.call(&request(&format!("POST /graphql {line}")), at))
            .map(|found| String::from_utf8_lossy(&found.body.evidence).into_owned())
            .collect()
    };
    assert_eq!(evidence(0), evidence(1_000));
    insta::assert_snapshot!(plain(&evidence(0)[0]), @r#"{"data":{"rateLimit":{"cost":1,"limit":5000,"nodeCount":3,"remaining":4999,"used":1,"resetAt":"+run"},"repository":{"createdAt":"-300d","issues":{"edges":[{"cursor":"CURSOR","node":{"createdAt":"-41d","updatedAt":"-12d","body":"`/healthz` never touches the pool, so the balancer keeps sending traffic.","bodyText":"/healthz never touches the pool, so the balancer keeps sending traffic."}},{"cursor":"CURSOR","node":{"createdAt":"-38d","updatedAt":"-38d","body":"The README names `PORT` only.","bodyText":"The README names PORT only."}},{"cursor":"CURSOR","node":{"createdAt":"-33d","updatedAt":"-20d","body":"One id a request, taken from `X-Request-Id` where there is one.","bodyText":"One id a request, taken from X-Request-Id where there is one."}}]}}}}"#);
}

#[test]
fn nobody_is_answered_without_credentials_and_no_rubbish() {
    use crate::github::check::send_unsigned;
    let mut clone = open("small-project");
    let unsigned = send_unsigned(
        clone.as_mut(),
        "POST /graphql {\"query\":\"{ viewer { login } }\"}",
    );
    assert_eq!(unsigned.status, 401);
    insta::assert_snapshot!(body(&unsigned), @r#"{"documentation_url":"https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql","message":"This endpoint requires you to be authenticated.","status":"401"}"#);
    for (sent, status) in [
        ("{", 400),
        ("[]", 400),
        ("{}", 200),
        ("{\"query\":3}", 200),
        ("{\"query\":\"{id}\",\"variables\":[]}", 200),
    ] {
        let found = send(clone.as_mut(), &format!("POST /graphql {sent}"));
        assert_eq!(found.status, status, "{sent}");
        let found = body(&found);
        assert!(
            found["message"].is_string() || found["errors"][0]["message"].is_string(),
            "{found}"
        );
    }
    let found = send(
        clone.as_mut(),
        "POST /graphql {\"query\":\"query A { id } query B { viewer { login } }\",\"operationName\":\"B\"}",
    );
    assert_eq!(
        body(&found),
        json!({"data": {"viewer": {"login": "octocat"}}})
    );
    let resource = found
        .headers
        .iter()
        .find(|(name, _)| *name == "x-ratelimit-resource");
    assert_eq!(resource.map(|(_, value)| value.as_str()), Some("graphql"));
    let deep = format!(
        "{{ {} login {} }}",
        "viewer { ".repeat(400),
        "}".repeat(400)
    );
    let found = send(
        clone.as_mut(),
        &format!("POST /graphql {}", json!({"query": deep})),
    );
    assert!(body(&found)["errors"][0]["message"].is_string());
}
