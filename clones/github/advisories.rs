//! Security advisories: the global ones, and those of repositories and organisations.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, Permission, not_found};
use super::dialect::{invalid, invalid_in_words, invalid_value};
use super::render::advisory as render;
use super::tables::{
    ADVISORIES, REPO_ADVISORIES, REPO_ADVISORIES_BY_REPO, REPOS, REPOS_BY_OWNER, advisory,
    repo_advisory,
};
use super::{lists, orgs};
use crate::engine::fingerprint;
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, list as texts, text};
use crate::engine::running::read;

/// What a body that writes an advisory holds.
const NEW: &[Input] = &[
    Input::new("summary", Kind::Text).required(),
    Input::new("description", Kind::Text).required(),
    Input::new("cve_id", Kind::TextOrNull),
    Input::new("vulnerabilities", Kind::Any).required(),
    Input::new("cwe_ids", Kind::Texts),
    Input::new("severity", Kind::TextOrNull),
    Input::new("cvss_vector_string", Kind::TextOrNull),
];

const CHANGE: &[Input] = &[
    Input::new("summary", Kind::Text),
    Input::new("description", Kind::Text),
    Input::new("cve_id", Kind::TextOrNull),
    Input::new("vulnerabilities", Kind::Any),
    Input::new("cwe_ids", Kind::Texts),
    Input::new("severity", Kind::TextOrNull),
    Input::new("cvss_vector_string", Kind::TextOrNull),
    Input::new("state", Kind::Text),
];

const ECOSYSTEMS: &[&str] = &[
    "actions", "composer", "erlang", "go", "maven", "npm", "nuget", "other", "pip", "pub",
    "rubygems", "rust", "swift",
];

/// `GET /advisories`.
pub(super) fn list_global(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root.rows(ADVISORIES).values().collect();
    let of_type = call.query("type").unwrap_or("reviewed");
    if !matches!(of_type, "malware" | "reviewed" | "unreviewed") {
        return Err(invalid_in_words("type", of_type));
    }
    rows.retain(|row| row.text(advisory::TYPE) == of_type);
    for (name, column) in [
        ("ghsa_id", advisory::GHSA),
        ("cve_id", advisory::CVE),
        ("ecosystem", advisory::ECOSYSTEM),
        ("severity", advisory::SEVERITY),
    ] {
        if let Some(asked) = call.query(name) {
            rows.retain(|row| same(row.text(column), asked));
        }
    }
    if let Some(asked) = call.query("affects") {
        let names: Vec<&str> = asked
            .split(',')
            .map(|one| one.rsplit_once('@').map_or(one, |(name, _)| name))
            .collect();
        rows.retain(|row| names.contains(&row.text(advisory::PACKAGE)));
    }
    if let Some(asked) = call.query("cwes") {
        let asked: Vec<String> = asked
            .split(',')
            .map(|one| format!("CWE-{}", one.trim().trim_start_matches("CWE-")))
            .collect();
        rows.retain(|row| {
            row.texts(advisory::CWES)
                .any(|cwe| asked.iter().any(|one| one == cwe))
        });
    }
    let withdrawn = |row: &Row| row.time(advisory::WITHDRAWN_AT).is_some();
    if let Some(asked) = call.query("is_withdrawn") {
        rows.retain(|row| withdrawn(row) == (asked == "true"));
    }
    let column = match call.query("sort") {
        Some("updated") => advisory::UPDATED_AT,
        _ => advisory::PUBLISHED_AT,
    };
    rows.sort_by_key(|row| row.seconds(column));
    if call.query("direction") != Some("asc") {
        rows.reverse();
    }
    let id = |row: &Row| row.text(advisory::GHSA).to_owned();
    Ok(lists::by_cursor(call, &rows, id, render::global))
}

/// `GET /advisories/{ghsa_id}`.
pub(super) fn get_global(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.root().named(ADVISORIES, call.param("ghsa_id"));
    let row = row.cloned().ok_or_else(not_found)?;
    Ok(lists::one(call, 200, &row, render::global))
}

/// Whether the caller sees an advisory: all see what is published, the rest who manages the
/// repository.
fn sees(call: &Call<'_>, row: &Row) -> bool {
    let manages = call
        .root()
        .named(REPOS, row.text(repo_advisory::REPO))
        .and_then(|repo| access::sees(call, repo));
    let published = row.text(repo_advisory::STATE) == "published";
    manages.is_some_and(|permission| published || permission >= Permission::Push)
}

/// Guard: the path names an advisory of the repository that the caller sees.
pub(super) fn known_advisory(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), folded(call.param("ghsa_id"))]);
    let row = call.root().get(REPO_ADVISORIES, &key).cloned();
    let row = row.filter(|row| sees(call, row)).ok_or_else(not_found)?;
    call.found.push((REPO_ADVISORIES, row));
    Ok(())
}

/// `GET …/security-advisories` of a repository.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let group = call.root().group(
        REPO_ADVISORIES,
        REPO_ADVISORIES_BY_REPO,
        &Key::folded(&repo),
    );
    let rows = group.into_iter().flat_map(|rows| rows.values()).collect();
    answer(call, rows)
}

/// `GET /orgs/{org}/security-advisories`.
pub(super) fn list_of_organisation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = orgs::name(call)?;
    let root = call.root();
    let owned = root.group(REPOS, REPOS_BY_OWNER, &Key::folded(&org));
    let owned = owned.into_iter().flat_map(|repos| repos.values());
    let rows = owned
        .filter_map(|repo| {
            root.group(
                REPO_ADVISORIES,
                REPO_ADVISORIES_BY_REPO,
                &root.key(REPOS, repo),
            )
        })
        .flat_map(|rows| rows.values())
        .collect();
    answer(call, rows)
}

fn answer(call: &Call<'_>, mut rows: Vec<&Arc<Row>>) -> Result<Reply, Refusal> {
    if let Some(asked) = call.query("state") {
        if !matches!(asked, "triage" | "draft" | "published" | "closed") {
            return Err(invalid_value("RepositoryAdvisory", "state", asked));
        }
        rows.retain(|row| row.text(repo_advisory::STATE) == asked);
    }
    rows.retain(|row| sees(call, row));
    let column = match call.query("sort") {
        Some("updated") => repo_advisory::UPDATED_AT,
        Some("published") => repo_advisory::PUBLISHED_AT,
        _ => repo_advisory::CREATED_AT,
    };
    rows.sort_by_key(|row| (row.seconds(column), row.int(repo_advisory::NUMBER)));
    if call.query("direction") != Some("asc") {
        rows.reverse();
    }
    let root = call.root();
    let id = |row: &Row| row.text(repo_advisory::GHSA).to_owned();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::of_repo(root, row, out);
    }))
}

fn whole(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    let root = call.root();
    lists::one(call, status, row, |row, out| {
        render::of_repo(root, row, out);
    })
}

/// `GET …/security-advisories/{ghsa_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPO_ADVISORIES)?;
    Ok(whole(call, 200, &row))
}

/// The id of an advisory by its number: four letters and digits three times.
pub(super) fn ghsa(ids: u64, number: i64) -> String {
    const DIGITS: &[u8] = b"23456789cfghjmpqrvwx";
    let mut state = fingerprint::mix(ids, number.unsigned_abs());
    let mut out = "GHSA".to_owned();
    for at in 0..12 {
        if at % 4 == 0 {
            out.push('-');
        }
        let digit = usize::try_from(state % DIGITS.len() as u64).unwrap_or(0);
        out.push(char::from(DIGITS[digit]));
        state = fingerprint::mix(state, ids);
    }
    out
}

/// `POST …/security-advisories`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, NEW, call.root().pack())?;
    let mut draft = call.root().blank(REPO_ADVISORIES);
    draft.set(repo_advisory::REPO, text(access::repo_name(call)?));
    draft.set(repo_advisory::SEVERITY, ViewValue::Null);
    draft.set(repo_advisory::AUTHOR, text(access::login(call)?));
    draft.set(repo_advisory::CREATED_AT, ViewValue::Time(call.now));
    fill(call, &inputs, &mut draft)?;
    let number = call.transaction.next_id(REPO_ADVISORIES);
    draft.set(repo_advisory::NUMBER, ViewValue::Int(number));
    let id = ghsa(call.root().ids(), number);
    draft.set(repo_advisory::GHSA, text(id));
    let row = call.transaction.put(REPO_ADVISORIES, draft);
    let mut reply = whole(call, 201, &row);
    reply.location = Some(format!(
        "{}/repos/{}/security-advisories/{}",
        super::render::API,
        row.text(repo_advisory::REPO),
        row.text(repo_advisory::GHSA)
    ));
    Ok(reply)
}

/// `PATCH …/security-advisories/{ghsa_id}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHANGE, call.root().pack())?;
    let old = call.row(REPO_ADVISORIES)?;
    let mut draft = old.draft();
    fill(call, &inputs, &mut draft)?;
    if let Some(state) = inputs.text("state") {
        let column = match (old.text(repo_advisory::STATE), state) {
            (before, after) if before == after => None,
            ("draft" | "triage" | "closed", "draft") => None,
            ("draft" | "triage", "published") => Some(repo_advisory::PUBLISHED_AT),
            ("draft" | "triage", "closed") => Some(repo_advisory::CLOSED_AT),
            _ => return Err(invalid_value("RepositoryAdvisory", "state", state)),
        };
        if let Some(column) = column {
            draft.set(column, ViewValue::Time(call.now));
        }
        draft.set(repo_advisory::STATE, text(state));
    }
    let row = call.transaction.put(REPO_ADVISORIES, draft);
    Ok(whole(call, 200, &row))
}

fn fill(call: &Call<'_>, inputs: &Inputs, draft: &mut Draft) -> Result<(), Refusal> {
    for (name, column) in [
        ("summary", repo_advisory::SUMMARY),
        ("description", repo_advisory::DESCRIPTION),
        ("cve_id", repo_advisory::CVE),
        ("severity", repo_advisory::SEVERITY),
        ("cvss_vector_string", repo_advisory::VECTOR),
    ] {
        if inputs.has(name) {
            let value = inputs.text(name);
            draft.set(column, value.map_or(ViewValue::Null, text));
        }
    }
    if draft.text(repo_advisory::SUMMARY).trim().is_empty() {
        return Err(invalid("RepositoryAdvisory", "summary", "missing_field"));
    }
    let severity = draft.text(repo_advisory::SEVERITY);
    if !matches!(severity, "" | "critical" | "high" | "medium" | "low") {
        return Err(invalid_value("RepositoryAdvisory", "severity", severity));
    }
    if inputs.text("severity").is_some() && inputs.text("cvss_vector_string").is_some() {
        let message = "Only one of severity and cvss_vector_string can be given.";
        return Err(Refusal::new(422, message));
    }
    if let Some(cwes) = inputs.texts("cwe_ids") {
        draft.set(repo_advisory::CWES, texts(cwes));
    }
    if let Some(given) = inputs.value("vulnerabilities") {
        vulnerability(given, draft)?;
    }
    draft.set(repo_advisory::UPDATED_AT, ViewValue::Time(call.now));
    Ok(())
}

/// Takes over the package that is vulnerable. A row holds one; more are refused.
fn vulnerability(given: &Value, draft: &mut Draft) -> Result<(), Refusal> {
    let bad = || invalid("RepositoryAdvisory", "vulnerabilities", "invalid");
    let given = match given.as_array().ok_or_else(bad)?.as_slice() {
        [] => return Ok(()),
        [one] => one,
        _ => {
            let message = "more than one vulnerability of an advisory is not modelled by this \
                           local clone";
            let mut refusal = Refusal::new(501, message);
            let name = "security-advisories/create-repository-advisory".to_owned();
            refusal.headers.push(("x-clone-unmodelled", name));
            return Err(refusal);
        }
    };
    let field = |name: &str| given.get(name).and_then(Value::as_str);
    let package = given.get("package").ok_or_else(bad)?;
    let ecosystem = package.get("ecosystem").and_then(Value::as_str);
    let ecosystem = ecosystem.filter(|name| ECOSYSTEMS.contains(name));
    draft.set(repo_advisory::ECOSYSTEM, text(ecosystem.ok_or_else(bad)?));
    let name = package.get("name").and_then(Value::as_str);
    draft.set(repo_advisory::PACKAGE, name.map_or(ViewValue::Null, text));
    let range = field("vulnerable_version_range");
    draft.set(repo_advisory::RANGE, range.map_or(ViewValue::Null, text));
    let patched = field("patched_versions");
    draft.set(
        repo_advisory::PATCHED,
        patched.map_or(ViewValue::Null, text),
    );
    Ok(())
}
