//! Security advisories.

use super::{API, WEB, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{advisory, repo_advisory};

/// The columns that both kinds of advisory have.
struct Columns {
    cve: usize,
    ghsa: usize,
    ecosystem: usize,
    package: usize,
    cwes: usize,
    vector: usize,
    score: usize,
}

const GLOBAL: Columns = Columns {
    cve: advisory::CVE,
    ghsa: advisory::GHSA,
    ecosystem: advisory::ECOSYSTEM,
    package: advisory::PACKAGE,
    cwes: advisory::CWES,
    vector: advisory::VECTOR,
    score: advisory::SCORE,
};

const OF_REPO: Columns = Columns {
    cve: repo_advisory::CVE,
    ghsa: repo_advisory::GHSA,
    ecosystem: repo_advisory::ECOSYSTEM,
    package: repo_advisory::PACKAGE,
    cwes: repo_advisory::CWES,
    vector: repo_advisory::VECTOR,
    score: repo_advisory::SCORE,
};

fn identifiers(row: &Row, of: &Columns, out: &mut Writer) {
    out.key("identifiers").raw("[");
    out.item().raw("{").key("value").text(row.text(of.ghsa));
    out.key("type").text("GHSA").raw("}");
    if let Some(cve) = row.text_or_null(of.cve) {
        out.item().raw("{").key("value").text(cve);
        out.key("type").text("CVE").raw("}");
    }
    out.raw("]");
}

fn cvss(row: &Row, of: &Columns, out: &mut Writer) {
    let score = row.text(of.score).parse::<f64>().ok();
    let score = score.map(|score| format!("{score:.1}"));
    out.key("cvss").raw("{").key("vector_string");
    out.text_or_null(row.text_or_null(of.vector));
    out.key("score").raw(score.as_deref().unwrap_or("0.0"));
    out.raw("}").key("cwes").raw("[");
    for cwe in row.texts(of.cwes) {
        out.item().raw("{").key("cwe_id").text(cwe);
        out.key("name").text(cwe).raw("}");
    }
    out.raw("]");
}

fn package(row: &Row, of: &Columns, out: &mut Writer) {
    out.key("package").raw("{").key("ecosystem");
    out.text(row.text(of.ecosystem)).key("name");
    out.text_or_null(row.text_or_null(of.package)).raw("}");
}

/// A global advisory.
pub(in crate::github) fn global(row: &Row, out: &mut Writer) {
    let id = row.text(advisory::GHSA);
    let page = format!("{WEB}/advisories/{id}");
    out.raw("{").key("ghsa_id").text(id);
    out.key("cve_id")
        .text_or_null(row.text_or_null(advisory::CVE));
    out.key("url").text(&format!("{API}/advisories/{id}"));
    out.key("html_url").text(&page);
    out.key("repository_advisory_url").raw("null");
    out.key("summary").text(row.text(advisory::SUMMARY));
    out.key("description").text(row.text(advisory::DESCRIPTION));
    out.key("type").text(row.text(advisory::TYPE));
    out.key("severity").text(row.text(advisory::SEVERITY));
    out.key("source_code_location").raw("null");
    identifiers(row, &GLOBAL, out);
    out.key("references").raw("[");
    for reference in row.texts(advisory::REFERENCES) {
        out.item().text(reference);
    }
    out.item().text(&page).raw("]");
    out.key("published_at")
        .time(row.time(advisory::PUBLISHED_AT));
    out.key("updated_at").time(row.time(advisory::UPDATED_AT));
    let reviewed = row.text(advisory::TYPE) != "unreviewed";
    out.key("github_reviewed_at")
        .time(row.time(advisory::PUBLISHED_AT).filter(|_| reviewed));
    out.key("nvd_published_at").raw("null");
    out.key("withdrawn_at")
        .time(row.time(advisory::WITHDRAWN_AT));
    out.key("vulnerabilities").raw("[{");
    package(row, &GLOBAL, out);
    out.key("vulnerable_version_range")
        .text_or_null(row.text_or_null(advisory::RANGE));
    out.key("first_patched_version")
        .text_or_null(row.text_or_null(advisory::PATCHED));
    out.key("vulnerable_functions").raw("[]}]");
    cvss(row, &GLOBAL, out);
    out.key("credits").raw("[]").raw("}");
}

/// The severities that an alert knows.
fn severity_of_alert(row: &Row) -> &str {
    match row.text(advisory::SEVERITY) {
        "unknown" => "low",
        severity => severity,
    }
}

/// A global advisory inside an alert of Dependabot.
pub(in crate::github) fn of_alert(row: &Row, out: &mut Writer) {
    out.raw("{").key("ghsa_id").text(row.text(advisory::GHSA));
    out.key("cve_id")
        .text_or_null(row.text_or_null(advisory::CVE));
    out.key("summary").text(row.text(advisory::SUMMARY));
    out.key("description").text(row.text(advisory::DESCRIPTION));
    out.key("vulnerabilities").raw("[");
    vulnerability_of_alert(row, out);
    out.raw("]").key("severity").text(severity_of_alert(row));
    cvss(row, &GLOBAL, out);
    identifiers(row, &GLOBAL, out);
    out.key("references").raw("[");
    for reference in row.texts(advisory::REFERENCES) {
        out.item().raw("{").key("url").text(reference).raw("}");
    }
    out.raw("]");
    for (name, column) in [
        ("published_at", advisory::PUBLISHED_AT),
        ("updated_at", advisory::UPDATED_AT),
        ("withdrawn_at", advisory::WITHDRAWN_AT),
    ] {
        out.key(name).time(row.time(column));
    }
    out.raw("}");
}

/// What an alert of Dependabot says of the package.
pub(in crate::github) fn vulnerability_of_alert(row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("package").raw("{").key("ecosystem");
    out.text(row.text(advisory::ECOSYSTEM)).key("name");
    out.text(row.text(advisory::PACKAGE)).raw("}");
    out.key("severity").text(severity_of_alert(row));
    out.key("vulnerable_version_range")
        .text(row.text(advisory::RANGE));
    out.key("first_patched_version");
    match row.text_or_null(advisory::PATCHED) {
        Some(version) => {
            out.raw("{").key("identifier").text(version).raw("}");
        }
        None => {
            out.raw("null");
        }
    }
    out.raw("}");
}

/// An advisory of a repository.
pub(in crate::github) fn of_repo(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, id) = (row.text(repo_advisory::REPO), row.text(repo_advisory::GHSA));
    let state = row.text(repo_advisory::STATE);
    out.raw("{").key("ghsa_id").text(id);
    out.key("cve_id")
        .text_or_null(row.text_or_null(repo_advisory::CVE));
    out.key("url")
        .text(&format!("{API}/repos/{repo}/security-advisories/{id}"));
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/security/advisories/{id}"));
    out.key("summary").prose(row, repo_advisory::SUMMARY);
    out.key("description")
        .prose(row, repo_advisory::DESCRIPTION);
    let severity = row.text_or_null(repo_advisory::SEVERITY);
    out.key("severity")
        .text_or_null(severity.filter(|severity| *severity != "unknown"));
    for name in ["author", "publisher"] {
        out.key(name);
        let shown = name == "author" || state == "published";
        let login = row.text_or_null(repo_advisory::AUTHOR);
        user::named(root, login.filter(|_| shown), out);
    }
    identifiers(row, &OF_REPO, out);
    out.key("state").text(state);
    for (name, column) in [
        ("created_at", repo_advisory::CREATED_AT),
        ("updated_at", repo_advisory::UPDATED_AT),
        ("published_at", repo_advisory::PUBLISHED_AT),
        ("closed_at", repo_advisory::CLOSED_AT),
    ] {
        out.key(name).time(row.time(column));
    }
    out.raw(r#","withdrawn_at":null,"submission":null"#);
    out.key("vulnerabilities").raw("[");
    if !row.text(repo_advisory::PACKAGE).is_empty() {
        out.raw("{");
        package(row, &OF_REPO, out);
        out.key("vulnerable_version_range")
            .text_or_null(row.text_or_null(repo_advisory::RANGE));
        out.key("patched_versions")
            .text_or_null(row.text_or_null(repo_advisory::PATCHED));
        out.key("vulnerable_functions").raw("[]}");
    }
    out.raw("]");
    cvss(row, &OF_REPO, out);
    out.key("cwe_ids").raw("[");
    for cwe in row.texts(repo_advisory::CWES) {
        out.item().text(cwe);
    }
    out.raw("]");
    out.raw(r#","credits":[],"credits_detailed":[],"collaborating_users":[],"collaborating_teams":[],"private_fork":null}"#);
}
