//! Mutations of GraphQL among other calls: what is said to be proved is what was, whether the trace
//! shows whose the ids are that they name or not.

use std::collections::BTreeMap;

use archal_core::clone::Seed;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::truth_tests::{ISSUE_READS, SEEDS, base, filled, open, rebuilt, request, traced, wrong};

/// What agents and `gh` ask for; `<…>` are ids.
const MUTATIONS: &[&str] = &[
    "closeIssue(input:{issueId:<issue>}){issue{id,number,url,state}}",
    "closeIssue(input:{issueId:<issue>,stateReason:NOT_PLANNED}){clientMutationId}",
    "closeIssue(input:{issueId:<issue>}){issue{number state stateReason closedAt updatedAt title repository{nameWithOwner}}}",
    "reopenIssue(input:{issueId:<issue>}){issue{id,number,url,state}}",
    "updateIssue(input:{id:<issue>,title:\\\"Another\\\",labelIds:[<label>]}){__typename}",
    "updateIssue(input:{id:<issue>,body:\\\"B\\\"}){issue{id number title body url labels(first:9){totalCount nodes{name}}}}",
    "addLabelsToLabelable(input:{labelableId:<issue>,labelIds:[<label>]}){__typename}",
    "removeLabelsFromLabelable(input:{labelableId:<issue>,labelIds:[<label>]}){labelable{... on Issue{number url labels(first:9){totalCount nodes{name}}}}}",
    "clearLabelsFromLabelable(input:{labelableId:<issue>}){clientMutationId}",
    "addAssigneesToAssignable(input:{assignableId:<issue>,assigneeIds:[<user>]}){assignable{... on Issue{id number url assignees(first:9){totalCount nodes{login}}}}}",
    "removeAssigneesFromAssignable(input:{assignableId:<issue>,assigneeIds:[<user>]}){clientMutationId}",
    "addComment(input:{subjectId:<issue>,body:\\\"C\\\"}){commentEdge{node{url}}}",
    "addComment(input:{subjectId:<pull>,body:\\\"C\\\"}){subject{id} commentEdge{node{id body createdAt author{login}}}}",
    "updateIssueComment(input:{id:<comment>,body:\\\"D\\\"}){issueComment{url}}",
    "deleteIssueComment(input:{id:<comment>}){clientMutationId}",
    "createIssue(input:{repositoryId:<repo>,title:\\\"T\\\",labelIds:[<label>]}){issue{id url}}",
    "createIssue(input:{repositoryId:<repo>,title:\\\"T\\\"}){issue{id number title url createdAt state repository{nameWithOwner}}}",
    "createIssue(input:{repositoryId:<repo>,title:\\\"T\\\"}){clientMutationId}",
    "createIssue(input:{repositoryId:<repo>,title:\\\"T\\\",parentIssueId:<issue>}){issue{id number url}}",
    "deleteIssue(input:{issueId:<issue>}){repository{id}}",
    "lockLockable(input:{lockableId:<issue>,lockReason:SPAM}){lockedRecord{locked,activeLockReason}}",
    "unlockLockable(input:{lockableId:<issue>}){unlockedRecord{locked}}",
    "addReaction(input:{subjectId:<issue>,content:EYES}){reaction{content}}",
    "addReaction(input:{subjectId:<comment>,content:EYES}){reaction{content}}",
    "addStar(input:{starrableId:<repo>}){starrable{stargazerCount viewerHasStarred}}",
    "addSubIssue(input:{issueId:<issue>,subIssueId:<other>}){issue{id number url} subIssue{id number url}}",
    "removeSubIssue(input:{issueId:<issue>,subIssueId:<other>}){clientMutationId}",
    "closePullRequest(input:{pullRequestId:<pull>}){pullRequest{id}}",
    "reopenPullRequest(input:{pullRequestId:<pull>}){pullRequest{id}}",
    "mergePullRequest(input:{pullRequestId:<pull>}){pullRequest{number url state merged mergedAt}}",
    "updatePullRequest(input:{pullRequestId:<pull>,title:\\\"P\\\",labelIds:[<label>]}){__typename}",
    "convertPullRequestToDraft(input:{pullRequestId:<pull>}){pullRequest{id,isDraft}}",
    "requestReviews(input:{pullRequestId:<pull>,userIds:[<user>]}){pullRequest{id}}",
    "addPullRequestReview(input:{pullRequestId:<pull>,event:APPROVE,body:\\\"Good\\\"}){pullRequestReview{id,state}}",
    "createLabel(input:{repositoryId:<repo>,name:\\\"later\\\",color:\\\"abcdef\\\"}){label{name,id}}",
    "updateLabel(input:{id:<label>,name:\\\"renamed\\\"}){label{name,id}}",
    "deleteLabel(input:{id:<label>}){clientMutationId}",
    "a:closeIssue(input:{issueId:<issue>}){issue{id,number,url,state}} b:addComment(input:{subjectId:<other>,body:\\\"C\\\"}){commentEdge{node{url}}}",
    "followUser(input:{userId:<user>}){user{viewerIsFollowing}}",
];

/// Asks for whatever has an id.
const IDS: &str = r#"POST /graphql {"query":"{repository(owner:\"{owner}\",name:\"{name}\"){id nameWithOwner issues(first:9){nodes{id number title url state locked activeLockReason createdAt comments(first:1){nodes{id}}}} pullRequests(first:3){nodes{id number title url createdAt}} labels(first:9){nodes{id name}}} viewer{id login}}"}"#;

/// The ids of things, of a state of its own, so that nobody else sees the question.
fn ids(seed: usize) -> BTreeMap<&'static str, String> {
    let (name, repo) = SEEDS[seed];
    let mut clone = open(Seed::Named(name));
    let answer = clone.call(&request(&filled(IDS, repo, 1)), base());
    let answer: Value = serde_json::from_slice(&answer.body.wire).expect("JSON");
    let comment = answer
        .pointer("/data/repository/issues/nodes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find_map(|issue| issue.pointer("/comments/nodes/0/id"));
    let of = |at: &str| answer.pointer(at).cloned().unwrap_or_else(|| json!("none"));
    [
        ("<repo>", of("/data/repository/id")),
        ("<issue>", of("/data/repository/issues/nodes/0/id")),
        ("<other>", of("/data/repository/issues/nodes/1/id")),
        ("<pull>", of("/data/repository/pullRequests/nodes/0/id")),
        ("<label>", of("/data/repository/labels/nodes/0/id")),
        ("<user>", of("/data/viewer/id")),
        (
            "<comment>",
            comment.cloned().unwrap_or_else(|| json!("none")),
        ),
    ]
    .into_iter()
    .map(|(name, id)| (name, id.as_str().unwrap_or_default().to_owned()))
    .collect()
}

fn mutation(at: usize, ids: &BTreeMap<&str, String>) -> String {
    let mut asked = MUTATIONS[at % MUTATIONS.len()].to_owned();
    for (name, id) in ids {
        asked = asked.replace(name, &format!("\\\"{id}\\\""));
    }
    format!("POST /graphql {{\"query\":\"mutation{{{asked}}}\"}}")
}

/// What is wrong with the state that is rebuilt from these calls.
fn found(seed: usize, lines: &[String]) -> Vec<String> {
    let mut clone = open(Seed::Named(SEEDS[seed].0));
    let truth = clone.state().to_json();
    let trace = traced(clone.as_mut(), lines);
    wrong(&rebuilt(&trace, &[]), &truth)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_mutations_changed_is_never_said_to_have_been_so(
        seed in 0..SEEDS.len(),
        shows_ids in any::<bool>(),
        calls in prop::collection::vec((any::<bool>(), 0..1_000_usize, 1..9_u32), 1..12),
    ) {
        let ids = ids(seed);
        let repo = SEEDS[seed].1;
        let asks = shows_ids.then(|| filled(IDS, repo, 1));
        let lines: Vec<String> = asks
            .into_iter()
            .chain(calls.iter().map(|(writes, at, number)| match writes {
                true => mutation(*at, &ids),
                false => filled(ISSUE_READS[at % ISSUE_READS.len()], repo, *number),
            }))
            .collect();
        prop_assert_eq!(found(seed, &lines), Vec::<String>::new(), "{:#?}", lines);
    }
}

/// Each mutation before all reads, and after some.
#[test]
fn no_read_after_a_mutation_is_taken_for_the_state_before_it() {
    let mut all = Vec::new();
    for at in 0..MUTATIONS.len() {
        let seed = at % SEEDS.len();
        for (seed, first, shows_ids) in [(1, 0, true), (2, 5, true), (seed, 0, false)] {
            let ids = ids(seed);
            let repo = SEEDS[seed].1;
            let mut lines: Vec<String> = ISSUE_READS
                .iter()
                .map(|read| filled(read, repo, 2))
                .collect();
            lines.insert(first, mutation(at, &ids));
            if shows_ids {
                lines.insert(0, filled(IDS, repo, 1));
            }
            for line in found(seed, &lines) {
                all.push(format!("{}: {}: {line}", SEEDS[seed].0, lines[first]));
            }
        }
    }
    assert!(all.is_empty(), "{} wrong:\n{}", all.len(), all.join("\n"));
}

/// What a mutation cannot have touched is proved by what is read after it, as it is after a call of
/// the other interface that does the same.
#[test]
fn what_a_mutation_leaves_alone_is_proved_after_it() {
    let seed = SEEDS
        .iter()
        .position(|(name, _)| *name == "stale-issues")
        .expect("there");
    let ids = ids(seed);
    let repo = SEEDS[seed].1;
    let of = |asked: &str| {
        let at = MUTATIONS.iter().position(|one| one.starts_with(asked));
        mutation(at.expect("there"), &ids)
    };
    let rebuilt_after = |mutation: String| {
        let lines = [
            filled(IDS, repo, 1),
            mutation,
            filled("GET /repos/{repo}", repo, 1),
            filled("GET /repos/{repo}/labels?per_page=100", repo, 1),
            filled("GET /repos/{repo}/issues?state=all&per_page=100", repo, 1),
        ];
        let mut clone = open(Seed::Named(SEEDS[seed].0));
        let trace = traced(clone.as_mut(), &lines);
        rebuilt(&trace, &[])
    };
    for asked in ["closeIssue", "addComment", "createIssue", "lockLockable"] {
        let rebuilt = rebuilt_after(of(asked));
        for path in [
            "github issues acme/webapp#7 state",
            "github issues acme/webapp#7 labels",
            "github repos acme/webapp description",
            "github labels acme/webapp:keep-open color",
        ] {
            assert!(rebuilt.proofs.contains_key(path), "{asked}: {path}");
        }
        assert_eq!(rebuilt.missing, [], "{asked}");
    }
    // Of one that is not known nothing is certain afterwards.
    let unknown = rebuilt_after(of("followUser"));
    let description = "github labels acme/webapp:keep-open color";
    assert!(!unknown.proofs.contains_key(description));
}
