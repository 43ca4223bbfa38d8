//! Every query and mutation that gh 2.23 and the official MCP server send, as they send it: each
//! answers without an error and without a gap, and what it answers is what the schema says.
//!
//! - [`queries`], [`mutations`]: the documents.

mod mutations;
mod queries;

use archal_core::clone::{Seed, ServiceClone};
use serde_json::{Value, json};

use super::SERVICE;
use crate::engine::graphql::oracle;
use crate::github::check::{base, json as body, open_at, send};

/// A document: who sends it, the text, the variables. `<name>` stands for the id of a thing.
type Root = (&'static str, &'static str, &'static str);

/// What gh asks of an issue.
const ISSUE: &str = "id,number,title,body,state,stateReason,url,createdAt,updatedAt,closedAt,closed,isPinned,author{login,...on User{id,name}},assignees(first:100){nodes{id,login,name},totalCount},labels(first:100){nodes{id,name,description,color},totalCount},projectCards(first:100){nodes{project{name}column{name}},totalCount},projectItems(first:100){nodes{id,project{id,title}},totalCount},milestone{number,title,description,dueOn},reactionGroups{content,users{totalCount}},comments(first:100){nodes{id,author{login},authorAssociation,body,createdAt,includesCreatedEdit,isMinimized,minimizedReason,reactionGroups{content,users{totalCount}},url,viewerDidAuthor},pageInfo{hasNextPage,endCursor},totalCount}";

/// What gh asks of a pull request.
const PULL: &str = "additions,assignees(first:100){nodes{id,login,name},totalCount},author{login,...on User{id,name}},baseRefName,body,changedFiles,closed,closedAt,comments(first:100){nodes{author{login},body},pageInfo{hasNextPage,endCursor},totalCount},commits(first:100){nodes{commit{authors(first:100){nodes{name,email,user{id,login}}},messageHeadline,messageBody,oid,committedDate,authoredDate}}},createdAt,deletions,files(first:100){nodes{additions,deletions,path}},headRefName,headRefOid,headRepository{id,name},headRepositoryOwner{id,login,...on User{name}},id,isCrossRepository,isDraft,labels(first:100){nodes{id,name,description,color},totalCount},latestReviews(first:100){nodes{author{login},authorAssociation,submittedAt,body,state}},maintainerCanModify,mergeable,mergeCommit{oid},mergedAt,mergedBy{login,...on User{id,name}},mergeStateStatus,milestone{number,title,description,dueOn},number,potentialMergeCommit{oid},projectCards(first:100){nodes{project{name}column{name}},totalCount},reactionGroups{content,users{totalCount}},reviewDecision,reviewRequests(first:100){nodes{requestedReviewer{__typename,...on User{login},...on Team{organization{login},name,slug}}}},reviews(first:100){nodes{id,author{login},authorAssociation,submittedAt,body,state,url,reactionGroups{content,users{totalCount}}},pageInfo{hasNextPage,endCursor},totalCount},state,statusCheckRollup:commits(last:1){nodes{commit{statusCheckRollup{contexts(first:100){nodes{__typename,...on StatusContext{context,state,targetUrl,createdAt},...on CheckRun{name,status,conclusion,startedAt,completedAt,detailsUrl}},pageInfo{hasNextPage,endCursor}}}}}},title,updatedAt,url";

/// What gh asks of a repository.
const REPO: &str = "id,name,nameWithOwner,owner{id,login},parent{id,name,owner{id,login}},templateRepository{id,name,owner{id,login}},description,homepageUrl,openGraphImageUrl,usesCustomOpenGraphImage,url,sshUrl,mirrorUrl,securityPolicyUrl,createdAt,pushedAt,updatedAt,isBlankIssuesEnabled,isSecurityPolicyEnabled,hasIssuesEnabled,hasProjectsEnabled,hasWikiEnabled,hasDiscussionsEnabled,mergeCommitAllowed,squashMergeAllowed,rebaseMergeAllowed,forkCount,stargazerCount,watchers{totalCount},issues(states:OPEN){totalCount},pullRequests(states:OPEN){totalCount},codeOfConduct{key,name,url},contactLinks{about,name,url},defaultBranchRef{name},deleteBranchOnMerge,diskUsage,fundingLinks{platform,url},isArchived,isEmpty,isFork,isInOrganization,isMirror,isPrivate,isTemplate,isUserConfigurationRepository,licenseInfo{key,name,nickname},viewerCanAdminister,viewerDefaultCommitEmail,viewerDefaultMergeMethod,viewerHasStarred,viewerPermission,viewerPossibleCommitEmails,viewerSubscription,repositoryTopics(first:100){nodes{topic{name}}},primaryLanguage{name},languages(first:100){edges{size,node{name}}},issueTemplates{name,title,body,about},pullRequestTemplates{body,filename},labels(first:100){nodes{id,color,name,description}},milestones(first:100,states:OPEN){nodes{number,title,description,dueOn}},latestRelease{publishedAt,tagName,name,url},assignableUsers(first:100){nodes{id,login,name}},mentionableUsers(first:100){nodes{id,login,name}},projects(first:100,states:OPEN){nodes{id,name,number,body,resourcePath}}";

/// The seed that all of them are sent to.
fn seeded() -> Box<dyn ServiceClone> {
    let seed = json!({
        "actor": "octocat",
        "users": [
            {"login": "octocat", "email": "octocat@example.com"}, {"login": "monalisa"}, {"login": "hubot"},
            {"login": "acme", "type": "Organization"},
        ],
        "repos": [{
            "full_name": "acme/web", "license": "MIT", "language": "Rust", "topics": ["web"], "has_discussions": true,
            "files": {
                "README.md": "one\ntwo\n",
                ".github/ISSUE_TEMPLATE/bug.md": "---\nname: Bug\nabout: A bug\ntitle: ''\nlabels: bug\n---\nWhat?\n",
                ".github/PULL_REQUEST_TEMPLATE.md": "Why?\n",
            },
        }],
        "commits": [
            {"repo": "acme/web", "branch": "feature", "from": "main", "message": "Change\n\nMore", "files": {"README.md": "one\n2\nthree\n"}},
            {"repo": "acme/web", "branch": "second", "from": "main", "message": "Second", "files": {"b.txt": "b\n"}},
        ],
        "labels": [{"repo": "acme/web", "name": "bug"}, {"repo": "acme/web", "name": "spare"}],
        "milestones": [{"repo": "acme/web", "number": 1, "title": "One"}],
        "issues": [
            {"repo": "acme/web", "number": 1, "title": "First", "body": "B", "labels": ["bug"], "assignees": ["octocat"], "milestone": 1},
            {"repo": "acme/web", "number": 2, "title": "Second", "user": "monalisa"},
            {"repo": "acme/web", "number": 8, "title": "Spare"},
        ],
        "comments": [{"issue": "acme/web#1", "id": 1900000001, "body": "Yes", "user": "monalisa"}],
        "pulls": [{"repo": "acme/web", "number": 3, "title": "Change", "body": "Closes #1", "head": "feature", "user": "octocat"}],
        "reviews": [{"pull": "acme/web#3", "user": "monalisa", "state": "APPROVED", "body": "Good"}],
        "releases": [{"repo": "acme/web", "tag_name": "v1", "name": "One"}],
        "statuses": [{"repo": "acme/web", "sha": "feature", "state": "success", "context": "ci"}],
        "check_runs": [{"repo": "acme/web", "head_sha": "feature", "name": "build", "conclusion": "success"}],
        "teams": [{"org": "acme", "name": "Core", "slug": "core", "members": ["monalisa"], "maintainers": ["octocat"]}],
        "stars": [{"user": "monalisa", "repo": "acme/web"}],
        "projects": [{"owner": "acme", "number": 1, "title": "Plan"}],
        "project_fields": [
            {"project": "acme/1", "id": 101, "name": "Title", "data_type": "title"},
            {"project": "acme/1", "id": 102, "name": "Status", "data_type": "single_select", "options": ["Todo", "Done"]},
            {"project": "acme/1", "id": 103, "name": "Note", "data_type": "text"},
        ],
        "project_items": [{"project": "acme/1", "issue": "acme/web#1", "values": [{"field": "Status", "value": "Todo"}]}],
        "discussion_categories": [{"repo": "acme/web", "slug": "q-a", "is_answerable": true}],
        "discussions": [{"repo": "acme/web", "number": 9, "title": "How?", "category": "q-a"}],
    });
    open_at(Seed::Document(&seed), base())
}

/// The ids that documents name.
fn ids(clone: &mut dyn ServiceClone) -> Vec<(String, String)> {
    let query = "{ user(login:\"octocat\"){id} hubot:user(login:\"hubot\"){id} repository(owner:\"acme\",name:\"web\"){ id issue(number:1){id comments(first:1){nodes{id}}} other:issue(number:2){id} pullRequest(number:3){id} label(name:\"bug\"){id} spare:label(name:\"spare\"){id} spareissue:issue(number:8){id} milestone(number:1){id} head:defaultBranchRef{target{oid}} } organization(login:\"acme\"){id projectV2(number:1){id field(name:\"Note\"){...on ProjectV2Field{id}}}} }";
    let sent = json!({"query": query});
    let found = body(&send(clone, &format!("POST /graphql {sent}")));
    let text = |pointer: &str| {
        found
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    [
        ("user", "/data/user/id"),
        ("hubot", "/data/hubot/id"),
        ("repo", "/data/repository/id"),
        ("issue", "/data/repository/issue/id"),
        ("comment", "/data/repository/issue/comments/nodes/0/id"),
        ("other", "/data/repository/other/id"),
        ("pull", "/data/repository/pullRequest/id"),
        ("label", "/data/repository/label/id"),
        ("spare", "/data/repository/spare/id"),
        ("milestone", "/data/repository/milestone/id"),
        ("spareissue", "/data/repository/spareissue/id"),
        ("head", "/data/repository/head/target/oid"),
        ("org", "/data/organization/id"),
        ("project", "/data/organization/projectV2/id"),
        ("note", "/data/organization/projectV2/field/id"),
    ]
    .into_iter()
    .map(|(name, pointer)| {
        (
            name.to_owned(),
            text(pointer).unwrap_or_else(|| panic!("{pointer}: {found}")),
        )
    })
    .collect()
}

/// Sends a document; what is wrong with what it answers.
fn send_root(
    clone: &mut dyn ServiceClone,
    root: &Root,
    ids: &mut Vec<(String, String)>,
) -> Vec<String> {
    let (_, text, variables) = root;
    let named = |text: &str| {
        ids.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("<{name}>"), id)
        })
    };
    let query = named(text)
        .replace("ISSUE}", &format!("{ISSUE}}}"))
        .replace("{PULL}", &format!("{{{PULL}}}"))
        .replace("{REPO}", &format!("{{{REPO}}}"));
    let variables = named(variables);
    let variables: Value = serde_json::from_str(&variables).expect("JSON");
    let sent = json!({"query": query, "variables": variables});
    let response = send(clone, &format!("POST /graphql {sent}"));
    let found = body(&response);
    let mut wrong = oracle::faults(SERVICE.schema.get(), &query, None, &found["data"]);
    if let Some(gap) = response.unmodelled {
        wrong.push(format!("a gap: {gap}"));
    }
    if let Some(errors) = found.get("errors") {
        wrong.push(errors.to_string());
    }
    for (name, pointer) in [
        ("pending", "/data/addPullRequestReview/pullRequestReview/id"),
        ("thread", "/data/addPullRequestReviewThread/thread/id"),
        ("item", "/data/addProjectV2ItemById/item/id"),
        ("ref", "/data/createRef/ref/id"),
    ] {
        if let Some(id) = found.pointer(pointer).and_then(Value::as_str) {
            ids.retain(|(known, _)| known != name);
            ids.push((name.to_owned(), id.to_owned()));
        }
    }
    wrong
}

#[test]
fn every_root_of_gh_and_of_the_mcp_server_answers_whole() {
    let mut clone = seeded();
    let mut ids = ids(clone.as_mut());
    let mut wrong = Vec::new();
    for root in queries::ALL.iter().chain(mutations::ALL) {
        let faults = send_root(clone.as_mut(), root, &mut ids);
        if !faults.is_empty() {
            let start: String = root.1.chars().take(90).collect();
            wrong.push(format!("{start}\n  {}", faults.join("\n  ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
