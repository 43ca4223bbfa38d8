//! Tools on security alerts, advisories and findings.

use archal_core::clone::Arguments;
use serde_json::json;

use super::plain::{self, Query, get, paging};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number_or, required_number, required_text, segment, text, texts};

/// What a path answers, less what is empty.
fn shown(
    asker: &mut Asker<'_>,
    path: &str,
    query: &[(&'static str, String)],
    what: &str,
) -> Outcome {
    let mut found = get(asker, path, query, what)?;
    shapes::without_empty(&mut found);
    Ok(shapes::text(&found))
}

/// Where the official server answers with an error of the protocol.
fn fault(outcome: Outcome) -> Outcome {
    outcome.map_err(|failure| match failure {
        Failure::Refused(text) => Failure::Fault(text),
        other => other,
    })
}

fn alert(arguments: &Arguments, kind: &str) -> Result<(String, i64), Failure> {
    let repo = plain::repo(arguments)?;
    let number = required_number(arguments, "alertNumber")?;
    Ok((format!("{repo}/{kind}/alerts/{number}"), number))
}

/// `get_code_scanning_alert`.
pub(super) fn code_alert(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (path, _) = alert(arguments, "code-scanning")?;
    shown(asker, &path, &[], "failed to get alert")
}

/// `get_dependabot_alert`.
pub(super) fn dependabot_alert(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (path, number) = alert(arguments, "dependabot")?;
    let what = format!("failed to get alert with number '{number}'");
    shown(asker, &path, &[], &what)
}

/// `get_secret_scanning_alert`.
pub(super) fn secret_alert(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (path, number) = alert(arguments, "secret-scanning")?;
    let what = format!("failed to get alert with number '{number}'");
    shown(asker, &path, &[], &what)
}

/// `list_code_scanning_alerts`.
pub(super) fn code_alerts(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/code-scanning/alerts", plain::repo(arguments)?);
    let mut query = plain::texts_of(arguments, &["ref", "state", "severity", "tool_name"])?;
    query.extend(paging(arguments)?);
    shown(asker, &path, &query, "failed to list alerts")
}

/// `list_dependabot_alerts`.
pub(super) fn dependabot_alerts(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let (owner, repo) = (
        required_text(arguments, "owner")?,
        required_text(arguments, "repo")?,
    );
    let path = format!("{}/dependabot/alerts", plain::repo(arguments)?);
    let (state, severity) = (text(arguments, "state")?, text(arguments, "severity")?);
    let size = number_or(arguments, "perPage", 30)?.to_string();
    let query = [
        ("state", state),
        ("severity", severity),
        ("per_page", size.as_str()),
        ("after", text(arguments, "after")?),
    ];
    let query: Vec<(&str, &str)> = query.into_iter().filter(|(_, it)| !it.is_empty()).collect();
    let answered = asker.get(&path, &query);
    let info = plain::page_info(&answered);
    let mut what = format!("failed to list alerts for repository '{owner}/{repo}'");
    if matches!(answered.status, 403 | 404) {
        what.push_str(&format!(". Your token may not have access to Dependabot alerts on {owner}/{repo}. To access Dependabot alerts, the token needs the 'security_events' scope or, for fine-grained tokens, Dependabot alerts read permission for this specific repository."));
    }
    let mut alerts = plain::succeeded(answered, &what)?;
    shapes::without_empty(&mut alerts);
    Ok(shapes::text(&json!({"alerts": alerts, "pageInfo": info})))
}

/// `get_code_quality_finding`.
pub(super) fn finding(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let number = required_number(arguments, "findingNumber")?;
    let path = format!("{repo}/code-quality/findings/{number}");
    Ok(shapes::text(&get(
        asker,
        &path,
        &[],
        "failed to get finding",
    )?))
}

/// `list_secret_scanning_alerts`.
pub(super) fn secret_alerts(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/secret-scanning/alerts", plain::repo(arguments)?);
    let mut query = plain::texts_of(arguments, &["state", "secret_type", "resolution"])?;
    query.extend(paging(arguments)?);
    let (owner, repo) = (text(arguments, "owner")?, text(arguments, "repo")?);
    let what = format!("failed to list alerts for repository '{owner}/{repo}'");
    shown(asker, &path, &query, &what)
}

fn advisories(arguments: &Arguments) -> Result<Query, Failure> {
    plain::texts_of(arguments, &["direction", "sort", "state"])
}

/// `list_repository_security_advisories`.
pub(super) fn of_repository(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/security-advisories", plain::repo(arguments)?);
    let what = "failed to list repository security advisories";
    fault(shown(asker, &path, &advisories(arguments)?, what))
}

/// `list_org_repository_security_advisories`.
pub(super) fn of_organization(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let org = required_text(arguments, "org")?;
    let path = format!("/orgs/{}/security-advisories", segment(org));
    let what = "failed to list organization repository security advisories";
    fault(shown(asker, &path, &advisories(arguments)?, what))
}

/// `get_global_security_advisory`.
pub(super) fn advisory(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "ghsaId")
        .map_err(|error| Failure::Refused(format!("invalid ghsaId: {error}")))?;
    let path = format!("/advisories/{}", segment(id));
    fault(shown(asker, &path, &[], "failed to get advisory"))
}

/// `list_global_security_advisories`.
pub(super) fn global(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let mut query = Query::new();
    for (name, field) in [
        ("ghsaId", "ghsa_id"),
        ("type", "type"),
        ("cveId", "cve_id"),
        ("ecosystem", "ecosystem"),
        ("severity", "severity"),
        ("affects", "affects"),
        ("published", "published"),
        ("updated", "updated"),
        ("modified", "modified"),
    ] {
        let value = text(arguments, name)
            .map_err(|error| Failure::Refused(format!("invalid {name}: {error}")))?;
        query.push((field, value.to_owned()));
    }
    query.push(("cwes", texts(arguments, "cwes")?.join(",")));
    if plain::flag(arguments, "isWithdrawn", false)? {
        query.push(("is_withdrawn", "true".to_owned()));
    }
    let what = "failed to list global security advisories";
    fault(shown(asker, "/advisories", &query, what))
}
