//! What creating, changing and deleting do to any thing: the answer of each is what reading shows
//! next, lists say the same and nothing else of theirs moves, and what was deleted is gone.

use archal_core::clone::{CloneResponse, ServiceClone};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::check::{base, json as body_of, open, request};

const REPO: &str = "/repos/acme/payments";

/// A kind of thing.
struct Resource {
    /// Where it is created.
    create: fn() -> String,
    /// Where all of its kind are listed.
    list: fn() -> String,
    /// What it is created of: a name that nothing else has, and a text.
    made: fn(name: &str, text: &str) -> Value,
    /// What it is changed by, where it can be.
    changed: Option<fn(name: &str, text: &str) -> Value>,
    /// Where it is read, and where it is changed and deleted, of the answer that shows it.
    place: fn(&Value) -> (String, String),
    /// What lists show in another way, or alone.
    listed: &'static [&'static str],
    /// What changing and deleting it say once it is gone.
    gone: u16,
}

/// The path of the address that an answer gives of itself.
fn address(shown: &Value) -> (String, String) {
    let url = shown["url"].as_str().expect("an address");
    let path = url.replace("https://api.github.com", "");
    (path.clone(), path)
}

const PLAIN: Resource = Resource {
    create: || format!("{REPO}/issues/1/comments"),
    list: || format!("{REPO}/issues/comments"),
    made: |_, text| json!({"body": text}),
    changed: Some(|_, text| json!({"body": text})),
    place: address,
    listed: &[],
    gone: 404,
};

/// Each of them by its name.
const RESOURCES: [(&str, Resource); 9] = [
    ("comments", PLAIN),
    (
        "labels",
        Resource {
            create: || format!("{REPO}/labels"),
            list: || format!("{REPO}/labels"),
            made: |name, text| json!({"name": name, "color": "0e8a16", "description": text}),
            changed: Some(|name, text| json!({"new_name": name, "description": text})),
            ..PLAIN
        },
    ),
    (
        "milestones",
        Resource {
            create: || format!("{REPO}/milestones"),
            list: || format!("{REPO}/milestones?state=all"),
            made: |name, text| json!({"title": name, "description": text}),
            changed: Some(
                |name, text| json!({"title": name, "description": text, "state": "closed"}),
            ),
            ..PLAIN
        },
    ),
    (
        "releases",
        Resource {
            create: || format!("{REPO}/releases"),
            list: || format!("{REPO}/releases"),
            made: |name, text| json!({"tag_name": name, "body": text}),
            changed: Some(|name, text| json!({"name": name, "body": text})),
            ..PLAIN
        },
    ),
    (
        "gists",
        Resource {
            create: || "/gists".to_owned(),
            list: || "/gists".to_owned(),
            made: |name, text| json!({"description": text, "files": {(name): {"content": "one"}}}),
            changed: Some(
                |name, text| json!({"description": text, "files": {(name): {"content": "two"}}}),
            ),
            listed: &["files"],
            ..PLAIN
        },
    ),
    (
        "refs",
        Resource {
            create: || format!("{REPO}/git/refs"),
            list: || format!("{REPO}/git/matching-refs/heads/"),
            made: |name, _| json!({"ref": format!("refs/heads/{name}"), "sha": "<first>"}),
            changed: Some(|_, _| json!({"sha": "<last>", "force": true})),
            place: |shown| {
                let name = shown["ref"].as_str().expect("a name");
                let name = name.strip_prefix("refs/").expect("a ref");
                (
                    format!("{REPO}/git/ref/{name}"),
                    format!("{REPO}/git/refs/{name}"),
                )
            },
            gone: 422,
            ..PLAIN
        },
    ),
    (
        "hooks",
        Resource {
            create: || format!("{REPO}/hooks"),
            list: || format!("{REPO}/hooks"),
            made: |name, _| json!({"events": ["push"], "config": {"url": format!("https://example.com/{name}")}}),
            changed: Some(
                |name, _| json!({"active": false, "events": ["issues"], "config": {"url": format!("https://example.com/{name}")}}),
            ),
            ..PLAIN
        },
    ),
    (
        "deploy keys",
        Resource {
            create: || format!("{REPO}/keys"),
            list: || format!("{REPO}/keys"),
            made: |name, text| json!({"title": text, "key": format!("ssh-ed25519 AAAAC3{name} me@home")}),
            changed: None,
            ..PLAIN
        },
    ),
    (
        "teams",
        Resource {
            create: || "/orgs/acme/teams".to_owned(),
            list: || "/orgs/acme/teams".to_owned(),
            made: |name, text| json!({"name": name, "description": text, "privacy": "closed"}),
            changed: Some(|name, text| json!({"name": name, "description": text})),
            place: |shown| {
                let path = format!(
                    "/orgs/acme/teams/{}",
                    shown["slug"].as_str().expect("a name")
                );
                (path.clone(), path)
            },
            listed: &["permissions"],
            ..PLAIN
        },
    ),
];

/// A clone, whose every call is a minute after the last.
struct Caller {
    clone: Box<dyn ServiceClone>,
    minutes: i64,
    /// Commits that there are.
    commits: Vec<String>,
}

impl Caller {
    fn new() -> Self {
        let mut caller = Self {
            clone: open("ci-cd-pipeline"),
            minutes: 0,
            commits: Vec::new(),
        };
        let commits = caller.read(&format!("{REPO}/commits"));
        let commits = commits.as_array().expect("a list").iter();
        caller.commits = commits
            .map(|commit| commit["sha"].as_str().expect("an id").to_owned())
            .collect();
        assert!(caller.commits.len() > 1);
        caller
    }

    fn call(&mut self, line: &str) -> CloneResponse {
        self.minutes += 1;
        let at = base() + SignedDuration::from_mins(self.minutes);
        self.clone.call(&request(line), at)
    }

    fn write(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let body = body.replace("<first>", self.commits.first().expect("some"));
        let body = body.replace("<last>", self.commits.last().expect("some"));
        let response = self.call(&format!("{method} {path} {body}"));
        (response.status, body_of(&response))
    }

    fn read(&mut self, path: &str) -> Value {
        let response = self.call(&format!("GET {path}"));
        assert_eq!(response.status, 200, "{path}");
        body_of(&response)
    }

    fn list(&mut self, of: &Resource) -> Vec<Value> {
        let path = (of.list)();
        let more = if path.contains('?') { '&' } else { '?' };
        let listed = self.read(&format!("{path}{more}per_page=100"));
        listed.as_array().expect("a list").clone()
    }
}

/// That what shows a thing is what reading it shows, and that the list has it once, says nothing else
/// of it, and has all others as they were.
fn is_shown(
    caller: &mut Caller,
    of: &Resource,
    shown: &Value,
    others: &[Value],
) -> Result<(), TestCaseError> {
    let (place, _) = (of.place)(shown);
    prop_assert_eq!(&caller.read(&place), shown);
    let mut listed = caller.list(of);
    let places: Vec<_> = listed.iter().map(|one| (of.place)(one).0).collect();
    let at = places.iter().position(|one| *one == place);
    prop_assert!(at.is_some(), "{} is not in {:?}", place, places);
    let entry = listed.remove(at.unwrap_or_default());
    prop_assert_eq!(&listed, others);
    for (field, value) in entry.as_object().expect("an object") {
        if !of.listed.contains(&field.as_str()) {
            prop_assert_eq!(value, &shown[field], "{} of {}", field, place);
        }
    }
    Ok(())
}

fn holds(of: &Resource, names: [&str; 2], texts: [&str; 2]) -> Result<(), TestCaseError> {
    let mut caller = Caller::new();
    // Something of its kind stands there before, and stays as it is.
    let (status, beside) = caller.write("POST", &(of.create)(), &(of.made)("beside", "Beside"));
    prop_assert_eq!(status, 201, "{}", beside);
    let others = caller.list(of);

    let (status, made) = caller.write("POST", &(of.create)(), &(of.made)(names[0], texts[0]));
    prop_assert_eq!(status, 201, "{}", made);
    is_shown(&mut caller, of, &made, &others)?;
    let mut shown = made;
    if let Some(changed) = of.changed {
        let (_, place) = (of.place)(&shown);
        let (status, after) = caller.write("PATCH", &place, &changed(names[1], texts[1]));
        prop_assert_eq!(status, 200, "{}", after);
        prop_assert_ne!(&after, &shown);
        is_shown(&mut caller, of, &after, &others)?;
        shown = after;
    }

    let (read, place) = (of.place)(&shown);
    let (status, said) = caller.write("DELETE", &place, &Value::Null);
    prop_assert_eq!(status, 204, "{}", said);
    prop_assert_eq!(&caller.list(of), &others);
    prop_assert_eq!(caller.call(&format!("GET {read}")).status, 404);
    let (status, said) = caller.write("DELETE", &place, &Value::Null);
    prop_assert_eq!(status, of.gone, "{}", said);
    if let Some(changed) = of.changed {
        let (status, said) = caller.write("PATCH", &place, &changed("again", "Again"));
        prop_assert_eq!(status, of.gone, "{}", said);
    }
    prop_assert_eq!(&caller.list(of), &others);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_created_changed_and_deleted_is_what_reading_and_lists_show(
        first in "one-[a-z]{1,8}", second in "two-[a-z]{1,8}",
        text in "[!-~é][ -~é]{0,20}", other in "[!-~é][ -~é]{0,20}",
    ) {
        // What changes nothing shows no change.
        prop_assume!(text != other);
        for (name, resource) in &RESOURCES {
            holds(resource, [&first, &second], [&text, &other])
                .map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
        }
    }
}
