//! Alerts of code scanning, secret scanning and Dependabot, and findings of code quality.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, not_found};
use super::dialect::invalid_in_words;
use super::lists;
use super::render::alert as render;
use super::tables::{
    ADVISORIES, CODE_ALERTS, CODE_ALERTS_BY_REPO, DEPENDABOT_ALERTS, DEPENDABOT_ALERTS_BY_REPO,
    FINDINGS, FINDINGS_BY_REPO, SECRET_ALERTS, SECRET_ALERTS_BY_REPO, advisory, code_alert,
    dependabot_alert, finding, secret_alert,
};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::running::read;
use crate::engine::table::TableId;
use crate::engine::writer::Writer;

/// What a body that dismisses an alert holds.
const DISMISSAL: &[Input] = &[
    Input::new("state", Kind::Text).required(),
    Input::new("dismissed_reason", Kind::TextOrNull),
    Input::new("dismissed_comment", Kind::TextOrNull),
];

/// What a body that resolves an alert holds.
const RESOLUTION: &[Input] = &[
    Input::new("state", Kind::Text).required(),
    Input::new("resolution", Kind::TextOrNull),
    Input::new("resolution_comment", Kind::TextOrNull),
];

/// A kind of alert: its table, the index of a repository, and how it is written.
struct Of {
    table: TableId,
    index: usize,
    write: fn(&Root, &Row, bool, &mut Writer),
}

const CODE: Of = Of {
    table: CODE_ALERTS,
    index: CODE_ALERTS_BY_REPO,
    write: render::code,
};
const SECRET: Of = Of {
    table: SECRET_ALERTS,
    index: SECRET_ALERTS_BY_REPO,
    write: render::secret,
};
const DEPENDABOT: Of = Of {
    table: DEPENDABOT_ALERTS,
    index: DEPENDABOT_ALERTS_BY_REPO,
    write: render::dependabot,
};
const QUALITY: Of = Of {
    table: FINDINGS,
    index: FINDINGS_BY_REPO,
    write: render::finding,
};

fn rows<'r>(call: &'r Call<'_>, of: &Of) -> Result<Vec<&'r Arc<Row>>, Refusal> {
    let repo = access::repo_name(call)?;
    let group = call.root().group(of.table, of.index, &Key::folded(&repo));
    Ok(group.into_iter().flat_map(|rows| rows.values()).collect())
}

/// Keeps the rows whose column is one of those that the query names with commas.
fn keep(call: &Call<'_>, rows: &mut Vec<&Arc<Row>>, name: &str, of: impl Fn(&Row) -> String) {
    if let Some(asked) = call.query(name) {
        let asked: Vec<&str> = asked.split(',').map(str::trim).collect();
        rows.retain(|row| asked.iter().any(|one| same(one, &of(row))));
    }
}

/// The newest first, or the order that the query names. `times` are the columns of `created` and
/// `updated`.
fn sort(call: &Call<'_>, rows: &mut [&Arc<Row>], (created, updated): (usize, usize)) {
    let column = match call.query("sort") {
        Some("updated") => updated,
        _ => created,
    };
    rows.sort_by_key(|row| (row.seconds(column), row.int(1)));
    if call.query("direction") != Some("asc") {
        rows.reverse();
    }
}

fn one_of(call: &Call<'_>, name: &str, choices: &[&str]) -> Result<(), Refusal> {
    let asked = call.query(name).unwrap_or_default();
    let strange = asked
        .split(',')
        .map(str::trim)
        .find(|one| !one.is_empty() && !choices.contains(one));
    match strange {
        Some(strange) => Err(invalid_in_words(name, strange)),
        None => Ok(()),
    }
}

fn found(call: &Call<'_>, of: &Of, param: &str) -> Result<Arc<Row>, Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number(param))]);
    let row = call.root().get(of.table, &key).cloned();
    row.ok_or_else(not_found)
}

fn one(call: &Call<'_>, of: &Of, row: &Row) -> Reply {
    let root = call.root();
    lists::one(call, 200, row, |row, out| (of.write)(root, row, true, out))
}

/// `GET …/code-scanning/alerts`.
pub(super) fn list_code(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one_of(call, "state", &["open", "closed", "dismissed", "fixed"])?;
    let mut rows = rows(call, &CODE)?;
    if call.query("state") == Some("closed") {
        rows.retain(|row| row.text(code_alert::STATE) != "open");
    } else {
        keep(call, &mut rows, "state", |row| {
            row.text(code_alert::STATE).to_owned()
        });
    }
    keep(call, &mut rows, "tool_name", |row| {
        row.text(code_alert::TOOL).to_owned()
    });
    keep(call, &mut rows, "ref", |row| {
        row.text(code_alert::REF).to_owned()
    });
    let severity = |row: &Row| {
        let security = row.text_or_null(code_alert::SECURITY_SEVERITY);
        security
            .unwrap_or(row.text(code_alert::SEVERITY))
            .to_owned()
    };
    keep(call, &mut rows, "severity", severity);
    sort(
        call,
        &mut rows,
        (code_alert::CREATED_AT, code_alert::UPDATED_AT),
    );
    let root = call.root();
    Ok(lists::plain(call, &rows, |row, out| {
        render::code(root, row, false, out)
    }))
}

/// `GET …/code-scanning/alerts/{alert_number}`.
pub(super) fn get_code(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &CODE, "alert_number")?;
    Ok(one(call, &CODE, &row))
}

/// `GET …/code-scanning/alerts/{alert_number}/instances`.
pub(super) fn code_instances(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &CODE, "alert_number")?;
    Ok(lists::items(call, row.version(), &[&row], |row, out| {
        render::instance(row, out);
    }))
}

/// The columns of a dismissal, in order: state, at, by, reason, comment, updated.
type Dismissal = [usize; 6];

fn dismiss(
    call: &mut Call<'_>,
    of: &Of,
    columns: Dismissal,
    reasons: &[&str],
) -> Result<Reply, Refusal> {
    let inputs = read(call, DISMISSAL, call.root().pack())?;
    let old = found(call, of, "alert_number")?;
    let [state, at, by, reason, comment, updated] = columns;
    let mut draft = old.draft();
    match inputs.text("state") {
        Some("dismissed") => {
            let given = chosen(&inputs, "dismissed_reason", reasons)?;
            if old.text(state) == "fixed" {
                return Err(Refusal::new(422, "A fixed alert cannot be dismissed."));
            }
            draft.set(state, text("dismissed"));
            draft.set(at, ViewValue::Time(call.now));
            draft.set(by, text(access::login(call)?));
            draft.set(reason, text(given));
            let said = inputs.text("dismissed_comment");
            draft.set(comment, said.map_or(ViewValue::Null, text));
        }
        Some("open") => {
            draft.set(state, text("open"));
            for column in [at, by, reason, comment] {
                draft.set(column, ViewValue::Null);
            }
        }
        other => return Err(invalid_in_words("state", other.unwrap_or_default())),
    }
    draft.set(updated, ViewValue::Time(call.now));
    let row = call.transaction.put(of.table, draft);
    Ok(one(call, of, &row))
}

/// A reason, which must be one of these.
fn chosen(inputs: &Inputs, name: &str, choices: &[&str]) -> Result<String, Refusal> {
    match inputs.text(name) {
        Some(given) if choices.contains(&given) => Ok(given.to_owned()),
        Some(other) => Err(invalid_in_words(name, other)),
        None => Err(Refusal::new(422, "Validation Failed")
            .with(vec![Value::from(format!("{name} wasn't supplied"))])),
    }
}

/// `PATCH …/code-scanning/alerts/{alert_number}`.
pub(super) fn update_code(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let columns = [
        code_alert::STATE,
        code_alert::DISMISSED_AT,
        code_alert::DISMISSED_BY,
        code_alert::DISMISSED_REASON,
        code_alert::DISMISSED_COMMENT,
        code_alert::UPDATED_AT,
    ];
    let reasons = ["false positive", "won't fix", "used in tests", "mitigated"];
    dismiss(call, &CODE, columns, &reasons)
}

/// `GET …/secret-scanning/alerts`.
pub(super) fn list_secret(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one_of(call, "state", &["open", "resolved"])?;
    let mut rows = rows(call, &SECRET)?;
    for (name, column) in [
        ("state", secret_alert::STATE),
        ("secret_type", secret_alert::TYPE),
        ("resolution", secret_alert::RESOLUTION),
        ("validity", secret_alert::VALIDITY),
    ] {
        keep(call, &mut rows, name, |row| row.text(column).to_owned());
    }
    sort(
        call,
        &mut rows,
        (secret_alert::CREATED_AT, secret_alert::UPDATED_AT),
    );
    let root = call.root();
    let hides = call.query("hide_secret") == Some("true");
    Ok(lists::plain(call, &rows, |row, out| {
        render::secret(root, row, !hides, out)
    }))
}

/// `GET …/secret-scanning/alerts/{alert_number}`.
pub(super) fn get_secret(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &SECRET, "alert_number")?;
    let root = call.root();
    let hides = call.query("hide_secret") == Some("true");
    Ok(lists::one(call, 200, &row, |row, out| {
        render::secret(root, row, !hides, out)
    }))
}

/// `GET …/secret-scanning/alerts/{alert_number}/locations`.
pub(super) fn secret_locations(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &SECRET, "alert_number")?;
    Ok(lists::items(call, row.version(), &[&row], |row, out| {
        out.raw("{").key("type").text("commit").key("details");
        render::secret_location(row, out);
        out.raw("}");
    }))
}

/// `PATCH …/secret-scanning/alerts/{alert_number}`.
pub(super) fn update_secret(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, RESOLUTION, call.root().pack())?;
    let old = found(call, &SECRET, "alert_number")?;
    let mut draft = old.draft();
    match inputs.text("state") {
        Some("resolved") => {
            let choices = ["false_positive", "wont_fix", "revoked", "used_in_tests"];
            let resolution = chosen(&inputs, "resolution", &choices)?;
            draft.set(secret_alert::STATE, text("resolved"));
            draft.set(secret_alert::RESOLUTION, text(resolution));
            draft.set(secret_alert::RESOLVED_AT, ViewValue::Time(call.now));
            draft.set(secret_alert::RESOLVED_BY, text(access::login(call)?));
            let said = inputs.text("resolution_comment");
            let said = said.map_or(ViewValue::Null, text);
            draft.set(secret_alert::RESOLUTION_COMMENT, said);
        }
        Some("open") => {
            draft.set(secret_alert::STATE, text("open"));
            for column in [
                secret_alert::RESOLUTION,
                secret_alert::RESOLVED_AT,
                secret_alert::RESOLVED_BY,
                secret_alert::RESOLUTION_COMMENT,
            ] {
                draft.set(column, ViewValue::Null);
            }
        }
        other => return Err(invalid_in_words("state", other.unwrap_or_default())),
    }
    draft.set(secret_alert::UPDATED_AT, ViewValue::Time(call.now));
    let row = call.transaction.put(SECRET_ALERTS, draft);
    Ok(one(call, &SECRET, &row))
}

/// `GET …/dependabot/alerts`.
pub(super) fn list_dependabot(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let states = ["auto_dismissed", "dismissed", "fixed", "open"];
    one_of(call, "state", &states)?;
    one_of(call, "severity", &["critical", "high", "low", "medium"])?;
    let mut rows = rows(call, &DEPENDABOT)?;
    for (name, column) in [
        ("state", dependabot_alert::STATE),
        ("manifest", dependabot_alert::MANIFEST),
        ("scope", dependabot_alert::SCOPE),
    ] {
        keep(call, &mut rows, name, |row| row.text(column).to_owned());
    }
    let root = call.root();
    for (name, column) in [
        ("severity", advisory::SEVERITY),
        ("ecosystem", advisory::ECOSYSTEM),
        ("package", advisory::PACKAGE),
    ] {
        keep(call, &mut rows, name, |row| {
            let of = root.named(ADVISORIES, row.text(dependabot_alert::ADVISORY));
            of.map_or("", |of| of.text(column)).to_owned()
        });
    }
    let times = (dependabot_alert::CREATED_AT, dependabot_alert::UPDATED_AT);
    sort(call, &mut rows, times);
    let id = |row: &Row| row.int(dependabot_alert::NUMBER).to_string();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::dependabot(root, row, false, out);
    }))
}

/// `GET …/dependabot/alerts/{alert_number}`.
pub(super) fn get_dependabot(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &DEPENDABOT, "alert_number")?;
    Ok(one(call, &DEPENDABOT, &row))
}

/// `PATCH …/dependabot/alerts/{alert_number}`.
pub(super) fn update_dependabot(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let columns = [
        dependabot_alert::STATE,
        dependabot_alert::DISMISSED_AT,
        dependabot_alert::DISMISSED_BY,
        dependabot_alert::DISMISSED_REASON,
        dependabot_alert::DISMISSED_COMMENT,
        dependabot_alert::UPDATED_AT,
    ];
    let reasons = [
        "fix_started",
        "inaccurate",
        "no_bandwidth",
        "not_used",
        "tolerable_risk",
    ];
    dismiss(call, &DEPENDABOT, columns, &reasons)
}

/// `GET …/code-quality/findings`.
pub(super) fn list_findings(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one_of(call, "state", &["open", "dismissed"])?;
    let mut rows = rows(call, &QUALITY)?;
    keep(call, &mut rows, "state", |row| {
        row.text(finding::STATE).to_owned()
    });
    sort(call, &mut rows, (finding::CREATED_AT, finding::UPDATED_AT));
    let root = call.root();
    let id = |row: &Row| row.int(finding::NUMBER).to_string();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::finding(root, row, false, out);
    }))
}

/// `GET …/code-quality/findings/{finding_number}`.
pub(super) fn get_finding(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = found(call, &QUALITY, "finding_number")?;
    Ok(one(call, &QUALITY, &row))
}
