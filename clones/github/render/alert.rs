//! Alerts and findings.

use super::{API, WEB, advisory as write_advisory, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    ADVISORIES, advisory, code_alert, dependabot_alert, finding as finding_column, secret_alert,
};

fn place(row: &Row, columns: [usize; 5], out: &mut Writer) {
    let [path, start_line, end_line, start_column, end_column] = columns;
    out.key("path").text(row.text(path));
    out.key("start_line").int(row.int(start_line));
    out.key("end_line").int(row.int(end_line));
    out.key("start_column").int(row.int(start_column));
    out.key("end_column").int(row.int(end_column));
}

/// An alert of code scanning; `whole` as its own address shows it.
pub(in crate::github) fn code(root: &Root, row: &Row, whole: bool, out: &mut Writer) {
    let (repo, number) = (row.text(code_alert::REPO), row.int(code_alert::NUMBER));
    let url = format!("{API}/repos/{repo}/code-scanning/alerts/{number}");
    out.raw("{").key("number").int(number);
    out.key("created_at").time(row.time(code_alert::CREATED_AT));
    out.key("updated_at").time(row.time(code_alert::UPDATED_AT));
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/security/code-scanning/{number}"));
    out.key("state").text(row.text(code_alert::STATE));
    out.key("fixed_at").time(row.time(code_alert::FIXED_AT));
    out.key("dismissed_by");
    user::named(root, row.text_or_null(code_alert::DISMISSED_BY), out);
    out.key("dismissed_at")
        .time(row.time(code_alert::DISMISSED_AT));
    out.key("dismissed_reason")
        .text_or_null(row.text_or_null(code_alert::DISMISSED_REASON));
    out.key("dismissed_comment")
        .prose(row, code_alert::DISMISSED_COMMENT);
    let id = row.text(code_alert::RULE_ID);
    let about = row.text(code_alert::RULE);
    out.key("rule").raw("{").key("id").text(id);
    out.key("name").text(id);
    out.key("severity").text(row.text(code_alert::SEVERITY));
    out.key("security_severity_level")
        .text_or_null(row.text_or_null(code_alert::SECURITY_SEVERITY));
    out.key("description").text(about);
    out.key("full_description").text(about);
    out.key("tags").raw("[");
    for tag in row.texts(code_alert::TAGS) {
        out.item().text(tag);
    }
    out.raw("]");
    if whole {
        out.key("help").text(about);
    }
    out.raw("}").key("tool").raw("{");
    out.key("name").text(row.text(code_alert::TOOL));
    out.key("guid").raw("null");
    out.key("version")
        .text_or_null(row.text_or_null(code_alert::TOOL_VERSION));
    out.raw("}").key("most_recent_instance");
    instance(row, out);
    out.key("instances_url").text(&format!("{url}/instances"));
    out.raw("}");
}

/// Where an alert of code scanning was found.
pub(in crate::github) fn instance(row: &Row, out: &mut Writer) {
    let tool = row.text(code_alert::TOOL).to_lowercase();
    out.raw("{").key("ref").text(row.text(code_alert::REF));
    out.key("analysis_key")
        .text(&format!(".github/workflows/{tool}.yml:analyze"));
    out.key("environment").text("{}");
    out.key("category")
        .text(&format!(".github/workflows/{tool}.yml:analyze"));
    out.key("state").text(row.text(code_alert::STATE));
    out.key("commit_sha").text(row.text(code_alert::SHA));
    out.key("message").raw("{").key("text");
    out.text(row.text(code_alert::MESSAGE)).raw("}");
    out.key("location").raw("{");
    let columns = [
        code_alert::PATH,
        code_alert::START_LINE,
        code_alert::END_LINE,
        code_alert::START_COLUMN,
        code_alert::END_COLUMN,
    ];
    place(row, columns, out);
    out.raw("}").key("classifications").raw("[]}");
}

/// An alert of secret scanning; `shown` with the secret.
pub(in crate::github) fn secret(root: &Root, row: &Row, shown: bool, out: &mut Writer) {
    let (repo, number) = (row.text(secret_alert::REPO), row.int(secret_alert::NUMBER));
    let url = format!("{API}/repos/{repo}/secret-scanning/alerts/{number}");
    out.raw("{").key("number").int(number);
    out.key("created_at")
        .time(row.time(secret_alert::CREATED_AT));
    out.key("updated_at")
        .time(row.time(secret_alert::UPDATED_AT));
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/security/secret-scanning/{number}"));
    out.key("locations_url").text(&format!("{url}/locations"));
    out.key("state").text(row.text(secret_alert::STATE));
    out.key("resolution")
        .text_or_null(row.text_or_null(secret_alert::RESOLUTION));
    out.key("resolved_at")
        .time(row.time(secret_alert::RESOLVED_AT));
    out.key("resolved_by");
    user::named(root, row.text_or_null(secret_alert::RESOLVED_BY), out);
    out.key("resolution_comment")
        .prose(row, secret_alert::RESOLUTION_COMMENT);
    out.key("secret_type").text(row.text(secret_alert::TYPE));
    out.key("secret_type_display_name")
        .text(row.text(secret_alert::TYPE_NAME));
    if shown {
        out.key("secret").text(row.text(secret_alert::SECRET));
    }
    out.key("push_protection_bypassed")
        .bool(row.bool(secret_alert::BYPASSED));
    out.raw(r#","push_protection_bypassed_by":null,"push_protection_bypassed_at":null"#);
    out.key("validity").text(row.text(secret_alert::VALIDITY));
    out.raw(r#","publicly_leaked":false,"multi_repo":false,"is_base64_encoded":false"#);
    out.key("first_location_detected");
    secret_location(row, out);
    out.key("has_more_locations").bool(false);
    out.raw("}");
}

/// Where an alert of secret scanning was found.
pub(in crate::github) fn secret_location(row: &Row, out: &mut Writer) {
    let (repo, sha) = (row.text(secret_alert::REPO), row.text(secret_alert::SHA));
    let git = format!("{API}/repos/{repo}/git");
    out.raw("{");
    let columns = [
        secret_alert::PATH,
        secret_alert::START_LINE,
        secret_alert::END_LINE,
        secret_alert::START_COLUMN,
        secret_alert::END_COLUMN,
    ];
    place(row, columns, out);
    out.key("blob_sha").text(sha);
    out.key("blob_url").text(&format!("{git}/blobs/{sha}"));
    out.key("commit_sha").text(sha);
    out.key("commit_url").text(&format!("{git}/commits/{sha}"));
    out.raw("}");
}

/// An alert of Dependabot.
pub(in crate::github) fn dependabot(root: &Root, row: &Row, _: bool, out: &mut Writer) {
    let repo = row.text(dependabot_alert::REPO);
    let number = row.int(dependabot_alert::NUMBER);
    let of = root.named(ADVISORIES, row.text(dependabot_alert::ADVISORY));
    out.raw("{").key("number").int(number);
    out.key("state").text(row.text(dependabot_alert::STATE));
    out.key("dependency").raw("{");
    if let Some(of) = of {
        out.key("package").raw("{").key("ecosystem");
        out.text(of.text(advisory::ECOSYSTEM)).key("name");
        out.text(of.text(advisory::PACKAGE)).raw("}");
    }
    out.key("manifest_path")
        .text(row.text(dependabot_alert::MANIFEST));
    out.key("scope").text(row.text(dependabot_alert::SCOPE));
    out.key("relationship").text("direct").raw("}");
    out.key("security_advisory");
    match of {
        Some(of) => write_advisory::of_alert(of, out),
        None => {
            out.raw("null");
        }
    }
    out.key("security_vulnerability");
    match of {
        Some(of) => write_advisory::vulnerability_of_alert(of, out),
        None => {
            out.raw("null");
        }
    }
    out.key("url")
        .text(&format!("{API}/repos/{repo}/dependabot/alerts/{number}"));
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/security/dependabot/{number}"));
    for (name, column) in [
        ("created_at", dependabot_alert::CREATED_AT),
        ("updated_at", dependabot_alert::UPDATED_AT),
        ("dismissed_at", dependabot_alert::DISMISSED_AT),
        ("fixed_at", dependabot_alert::FIXED_AT),
    ] {
        out.key(name).time(row.time(column));
    }
    out.key("dismissed_by");
    user::named(root, row.text_or_null(dependabot_alert::DISMISSED_BY), out);
    out.key("dismissed_reason")
        .text_or_null(row.text_or_null(dependabot_alert::DISMISSED_REASON));
    out.key("dismissed_comment")
        .prose(row, dependabot_alert::DISMISSED_COMMENT);
    out.key("auto_dismissed_at").raw("null");
    out.raw("}");
}

/// A finding of code quality.
pub(in crate::github) fn finding(_: &Root, row: &Row, _: bool, out: &mut Writer) {
    let repo = row.text(finding_column::REPO);
    let number = row.int(finding_column::NUMBER);
    out.raw("{").key("number").int(number);
    out.key("state").text(row.text(finding_column::STATE));
    out.key("url").text(&format!(
        "{API}/repos/{repo}/code-quality/findings/{number}"
    ));
    out.key("rule").raw("{");
    for (name, column) in [
        ("id", finding_column::RULE_ID),
        ("title", finding_column::TITLE),
        ("description", finding_column::DESCRIPTION),
        ("severity", finding_column::SEVERITY),
        ("category", finding_column::CATEGORY),
    ] {
        out.key(name).text(row.text(column));
    }
    out.raw("}").key("location").raw("{");
    let columns = [
        finding_column::PATH,
        finding_column::START_LINE,
        finding_column::END_LINE,
        finding_column::START_COLUMN,
        finding_column::END_COLUMN,
    ];
    place(row, columns, out);
    let message = row.text(finding_column::MESSAGE);
    out.raw("}").key("message").raw("{").key("text");
    out.text(message).key("markdown").text(message).raw("}");
    out.key("created_at")
        .time(row.time(finding_column::CREATED_AT));
    out.raw("}");
}
