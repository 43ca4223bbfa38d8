//! Seeds: named ones, documents, and what is said of bad ones.

use archal_core::clone::{CloneState, OpenClone, Seed};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::DESCRIPTOR;
use super::check::{base, json as body, open, open_at, request, send};

fn state(seed: Seed<'_>) -> Value {
    open_at(seed, base()).state().to_json()
}

fn problems(document: &Value) -> String {
    let how = OpenClone {
        base: base(),
        ids: 1,
        seed: Seed::Document(document),
    };
    let Err(problems) = (DESCRIPTOR.open)(&how) else {
        return "none".to_owned();
    };
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            let help = problem.help.as_deref().unwrap_or("-");
            format!("{}: {} ({help})", problem.code, problem.message)
        })
        .collect();
    lines.join("\n")
}

#[test]
fn named_seeds_load_from_their_own_state_and_satisfy_the_schema() {
    let schema = (DESCRIPTOR.seed_schema)();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for seed in DESCRIPTOR.seeds {
        let first = state(Seed::Named(seed.name));
        assert_eq!(
            validator.iter_errors(&first).next().map(|e| e.to_string()),
            None
        );
        // A document names objects of git and does not hold them; a saved state does.
        if first["refs"]
            .as_array()
            .is_some_and(|refs| !refs.is_empty())
        {
            continue;
        }
        assert_eq!(state(Seed::Document(&first)), first, "{}", seed.name);
        // Another generator makes other ids, none where the document has them all.
        let how = OpenClone {
            base: base() + SignedDuration::from_hours(1_000),
            ids: 99,
            seed: Seed::Document(&first),
        };
        let later = (DESCRIPTOR.open)(&how).expect("opens");
        assert_eq!(later.state().to_json(), first, "{}", seed.name);
    }
    assert!(DESCRIPTOR.seeds.is_sorted_by_key(|seed| seed.name));
}

#[test]
fn stale_issues_needs_two_pages_and_keeps_some_open_on_both() {
    let mut clone = open("stale-issues");
    let mut stale = Vec::new();
    let mut kept = Vec::new();
    let cut: Timestamp = base() - SignedDuration::from_hours(90 * 24);
    for page in [1, 2, 3] {
        let line = format!("GET /repos/acme/webapp/issues?per_page=30&page={page}");
        let items = body(&send(clone.as_mut(), &line));
        let items = items.as_array().expect("a list");
        let is_stale = |item: &&Value| {
            let text = item["updated_at"].as_str().expect("a time");
            text.parse::<Timestamp>().expect("a time") < cut
        };
        let is_kept = |item: &&Value| {
            let labels = item["labels"].as_array().expect("a list");
            labels.iter().any(|label| label["name"] == "keep-open")
        };
        stale.push(items.iter().filter(is_stale).count());
        kept.push(items.iter().filter(is_stale).filter(is_kept).count());
    }
    assert_eq!((stale, kept), (vec![20, 14, 0], vec![3, 2, 0]));
}

#[test]
fn a_short_document_is_completed() {
    let document = json!({
        "users": [{"login": "octocat"}],
        "repos": [{"full_name": "octocat/hello"}],
        "labels": [{"repo": "octocat/hello", "name": "bug"}],
        "issues": [{
            "repo": "octocat/hello", "number": 3, "title": "T", "labels": ["BUG"],
            "state": "closed", "updated_at": "95d ago", "created_at": "2025-09-01T00:00:00Z",
        }],
        "comments": [{"issue": "octocat/hello#3", "body": "C"}],
    });
    let mut loaded = state(Seed::Document(&document));
    let tables = loaded.as_object_mut().expect("an object");
    tables.retain(|_, rows| rows.as_array().is_none_or(|rows| !rows.is_empty()));
    insta::assert_json_snapshot!(loaded, @r#"
    {
      "actor": "octocat",
      "comments": [
        {
          "author_association": "OWNER",
          "body": "C",
          "created_at": "-131d12h",
          "id": 1900000642,
          "issue": "octocat/hello#3",
          "node_id": "IC_kwDOLUywUs5xP7WC",
          "updated_at": "-131d12h",
          "user": "octocat"
        }
      ],
      "issues": [
        {
          "assignees": [],
          "author_association": "OWNER",
          "closed_at": "-95d",
          "created_at": "-131d12h",
          "id": 2200000118,
          "labels": [
            "bug"
          ],
          "locked": false,
          "node_id": "I_kwDOLUywUs6DIVZ2",
          "number": 3,
          "repo": "octocat/hello",
          "state": "closed",
          "title": "T",
          "updated_at": "-95d",
          "user": "octocat"
        }
      ],
      "labels": [
        {
          "color": "ededed",
          "default": false,
          "id": 6500000607,
          "name": "bug",
          "node_id": "LA_kwDOLUywUs8AAAABg24jXw",
          "repo": "octocat/hello"
        }
      ],
      "repos": [
        {
          "allow_auto_merge": false,
          "allow_forking": true,
          "allow_merge_commit": true,
          "allow_rebase_merge": true,
          "allow_squash_merge": true,
          "allow_update_branch": false,
          "archived": false,
          "collaborator_roles": [],
          "created_at": "-400d",
          "default_branch": "main",
          "delete_branch_on_merge": false,
          "fork": false,
          "forks_count": 0,
          "full_name": "octocat/hello",
          "has_discussions": false,
          "has_issues": true,
          "has_projects": true,
          "has_wiki": true,
          "id": 760000594,
          "is_template": false,
          "merge_commit_message": "PR_TITLE",
          "merge_commit_title": "MERGE_MESSAGE",
          "node_id": "R_kgDOLUywUg",
          "owner": "octocat",
          "permission": "admin",
          "private": false,
          "pushed_at": "-400d",
          "size": 0,
          "squash_merge_commit_message": "COMMIT_MESSAGES",
          "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
          "stargazers_count": 0,
          "topics": [],
          "updated_at": "-400d",
          "web_commit_signoff_required": false
        }
      ],
      "users": [
        {
          "blog": "",
          "created_at": "-1000d",
          "followers": 0,
          "following": 0,
          "id": 83000424,
          "login": "octocat",
          "node_id": "U_kgDOBPJ8aA",
          "site_admin": false,
          "type": "User",
          "updated_at": "-1000d"
        }
      ]
    }
    "#);
}

#[test]
fn bad_documents_name_every_problem_and_the_nearest_right_spelling() {
    let document = json!({
        "actor": "octokat",
        "user": [],
        "users": [{"login": "octocat", "nmae": "x", "type": "user"}, {"login": 3}, {}],
        "repos": {"a": 1},
    });
    insta::assert_snapshot!(problems(&document), @r#"
    seed/type: table repos is not a list of rows (-)
    seed/unknown-table: github has no table "user" (did you mean "users"?)
    seed/unknown-field: users[0] has an unknown field "nmae" (did you mean "name"?)
    seed/choice: users[0].type is "user" (did you mean "User"?)
    seed/type: users[1].login is not text (-)
    seed/missing: users[2] lacks login (-)
    "#);
    let document = json!({
        "actor": "octokat",
        "users": [{"login": "octocat"}, {"login": "Octocat"}],
        "repos": [{"full_name": "octocat/hello"}, {"full_name": "nobody/x"}, {"full_name": "x"}],
        "labels": [{"repo": "octocat/helo", "name": "bug"}],
        "issues": [
            {"repo": "octocat/hello", "number": 0, "title": "T"},
            {"repo": "octocat/hello", "number": 1, "title": "T", "labels": ["bug"], "user": "octocta"},
            {"repo": "octocat/hello", "number": 2, "title": "T", "closed_at": "1d ago"},
        ],
        "comments": [{"issue": "octocat/hello#7", "body": "x"}],
    });
    insta::assert_snapshot!(problems(&document), @r#"
    seed/twice: users[1] is a second Octocat (-)
    seed/dangling: repos[1]: nobody/x belongs to "nobody", which is no row of users (-)
    seed/dangling: repos[2]: x belongs to "x", which is no row of users (-)
    seed/key: repos[2] makes no key of the form owner/repo (-)
    seed/dangling: labels[0].repo names "octocat/helo", which is no row of repos (owner/repo) (did you mean "octocat/hello"?)
    seed/number: issues[0]: an issue's number is 1 or more (-)
    seed/key: issues[0] makes no key of the form owner/repo#number (-)
    seed/dangling: issues[1].user names "octocta", which is no row of users (login) (did you mean "octocat"?)
    seed/dangling: issues[1]: labels names "bug", which is no label of octocat/hello (add {"repo": "octocat/hello", "name": "bug"} to labels)
    seed/state: issues[2]: an open issue has no closed_at and no closed_by (-)
    seed/dangling: comments[0].issue names "octocat/hello#7", which is no row of issues (owner/repo#number) (did you mean "octocat/hello#2"?)
    seed/dangling: actor names "octokat", which is no row of users (login) (did you mean "octocat"?)
    "#);
    let document = json!({"users": [{"login": "a", "created_at": "last week", "id": "7"}]});
    insta::assert_snapshot!(problems(&document), @r#"
    seed/type: users[0].id is not a whole number (-)
    seed/type: users[0].created_at is not a time such as "95d ago" or "2026-01-02T03:04:05Z" (-)
    "#);
    assert!(problems(&json!([])).starts_with("seed/not-an-object"));
    let how = OpenClone {
        base: base(),
        ids: 1,
        seed: Seed::Named("stale-issue"),
    };
    let problems = (DESCRIPTOR.open)(&how).err().expect("no such seed");
    assert_eq!(
        problems[0].help.as_deref(),
        Some("did you mean \"stale-issues\"?")
    );
}

#[test]
fn the_credentials_belong_to_the_actor_and_the_next_number_is_kept_free() {
    let document = json!({
        "actor": "second",
        "users": [{"login": "first"}, {"login": "second"}],
        "repos": [{"full_name": "second/a", "next_issue_number": 40}],
    });
    let mut clone = open_at(Seed::Document(&document), base());
    assert_eq!(body(&send(clone.as_mut(), "GET /user"))["login"], "second");
    for number in [40, 41] {
        let line = r#"POST /repos/second/a/issues {"title":"T"}"#;
        assert_eq!(body(&send(clone.as_mut(), line))["number"], number);
    }
    assert_eq!(
        clone
            .call(&request("GET /user"), base())
            .principal
            .as_deref(),
        Some("second")
    );
}

/// JSON of any shape, with names a seed has.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z/#:0-9-]{0,8}".prop_map(Value::from),
        Just(Value::from("a/b#1")),
        Just(Value::from("3d ago")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop_oneof![
                    Just("users".to_owned()),
                    Just("repos".to_owned()),
                    Just("issues".to_owned()),
                    Just("comments".to_owned()),
                    Just("login".to_owned()),
                    Just("repo".to_owned()),
                    Just("number".to_owned()),
                    Just("title".to_owned()),
                    Just("issue".to_owned()),
                    Just("full_name".to_owned()),
                    Just("actor".to_owned()),
                    Just("labels".to_owned()),
                ],
                inner,
                0..5
            )
            .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_loaded_or_refused(document in anything()) {
        let how = OpenClone { base: base(), ids: 1, seed: Seed::Document(&document) };
        if let Ok(clone) = (DESCRIPTOR.open)(&how) {
            let state: std::sync::Arc<dyn CloneState> = clone.state();
            let json = state.to_json();
            let again = OpenClone { base: base(), ids: 1, seed: Seed::Document(&json) };
            prop_assert_eq!((DESCRIPTOR.open)(&again).expect("opens").state().to_json(), json);
        }
    }
}
