//! Templates of issues and pull requests: files of the default branch.

use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Object, Outcome, Value};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::refs;
use crate::github::tables::repo;

/// The files of the default branch whose paths `fits` takes: path and text.
fn files(call: &Call<'_>, row: &Row, fits: fn(&str) -> bool) -> Vec<(String, String)> {
    let root = call.root();
    let objects = root.objects();
    let branch = row.text(repo::DEFAULT_BRANCH);
    let commit = refs::branch(root, row.text(repo::FULL_NAME), branch);
    let Some(commit) = commit.and_then(|oid| objects.commit(&oid)) else {
        return Vec::new();
    };
    objects
        .walk(&commit.tree)
        .into_iter()
        .filter(|(path, _)| fits(&path.to_lowercase()))
        .filter_map(|(path, entry)| {
            let bytes = objects.blob(&entry.oid)?;
            Some((path, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

/// `issueTemplates`: the Markdown files of `.github/ISSUE_TEMPLATE`.
pub(super) fn of_issues(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let fits = |path: &str| path.starts_with(".github/issue_template/") && path.ends_with(".md");
    let made = files(call, row, fits).into_iter().map(|(path, text)| {
        let (front, body) = split(&text);
        let file = path.rsplit('/').next().unwrap_or_default().to_owned();
        let field = |name: &str| {
            front
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        let names = |name: &str| -> Vec<String> {
            let listed = field(name).unwrap_or_default();
            let listed = listed.trim_matches(['[', ']']).to_owned();
            listed
                .split(',')
                .map(|one| one.trim().trim_matches(['"', '\'']).to_owned())
                .filter(|one| !one.is_empty())
                .collect()
        };
        let labels = names("labels");
        let assignees = names("assignees");
        let name = row.text(repo::FULL_NAME);
        let none = Args::default();
        Object::made(
            "IssueTemplate",
            vec![
                (
                    "name",
                    Value::said(field("name").unwrap_or_else(|| file.clone())),
                ),
                ("about", field("about").map(Value::said).into()),
                ("title", field("title").map(Value::said).into()),
                ("body", Value::said(body)),
                ("filename", Value::text(file)),
                (
                    "labels",
                    super::label::of_names(
                        call.root(),
                        name,
                        labels.iter().map(String::as_str),
                        &none,
                    ),
                ),
                (
                    "assignees",
                    super::people::users(call.root(), assignees.iter().map(String::as_str)),
                ),
            ],
        )
    });
    let made: Vec<Object> = made.collect();
    Ok(made.into())
}

/// `pullRequestTemplates`: `pull_request_template.md` at the top, in `docs` or `.github`, and the
/// files of a folder of that name.
pub(super) fn of_pulls(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let fits = |path: &str| {
        let path = path
            .trim_start_matches(".github/")
            .trim_start_matches("docs/");
        let named = path.starts_with("pull_request_template");
        named && (path.ends_with(".md") || path.ends_with(".txt"))
    };
    let made = files(call, row, fits).into_iter().map(|(path, text)| {
        let file = path.rsplit('/').next().unwrap_or_default().to_owned();
        Object::made(
            "PullRequestTemplate",
            vec![
                ("filename", Value::text(file)),
                ("body", Value::said(text)),
                ("repository", Object::row("Repository", row).into()),
            ],
        )
    });
    Ok(made.collect::<Vec<_>>().into())
}

/// The fields between the lines of dashes at the beginning of a file, and the rest.
fn split(text: &str) -> (Vec<(String, String)>, String) {
    let Some((front, body)) = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
    else {
        return (Vec::new(), text.to_owned());
    };
    let fields = front.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some((key.trim().to_owned(), value.to_owned()))
    });
    (fields.collect(), body.trim_start_matches('\n').to_owned())
}
