//! What runs leave behind: artifacts and logs, and the hosts that hand them out.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use archal_core::clock::rfc3339_seconds;
use archal_core::clone::{Rendered, ViewValue};
use jiff::Timestamp;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::access::{self, not_found};
use super::lists;
use super::render::actions as render;
use super::runs::{jobs_of, latest_jobs};
use super::tables::{
    ARTIFACTS, ARTIFACTS_BY_REPO, ARTIFACTS_BY_RUN, JOBS, WORKFLOW_RUNS, artifact, job, run,
    run_key, run_name,
};
use crate::engine::fingerprint;
use crate::engine::git::Oid;
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// The host that hands out logs and artifacts.
pub(super) const HOST: &str = "pipelines.actions.githubusercontent.com";

/// The commit of a run; null where the repository does not have it.
pub(super) fn head_commit(root: &Root, sha: &str, out: &mut Writer) {
    let oid = sha.parse::<Oid>().ok();
    let Some((oid, commit)) = oid.and_then(|oid| Some((oid, root.objects().commit(&oid)?))) else {
        out.raw("null");
        return;
    };
    out.raw("{").key("id").oid(&oid);
    out.key("tree_id").oid(&commit.tree);
    out.key("message").text(&commit.message);
    let at = Timestamp::from_second(commit.committer.seconds).unwrap_or(root.base());
    let wire = rfc3339_seconds(at);
    let evidence = root.times().rewrite(&wire, root.base());
    out.key("timestamp")
        .both(&wire, evidence.as_deref().unwrap_or(&wire));
    for (name, who) in [("author", &commit.author), ("committer", &commit.committer)] {
        out.key(name).raw("{").key("name").text(&who.name);
        out.key("email").text(&who.email).raw("}");
    }
    out.raw("}");
}

/// Guard: the path names an artifact of the repository.
pub(super) fn known_artifact(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("artifact_id"))]);
    let row = call.root().get(ARTIFACTS, &key).cloned();
    call.found.push((ARTIFACTS, row.ok_or_else(not_found)?));
    Ok(())
}

/// `GET …/actions/artifacts` and `GET …/runs/{run_id}/artifacts`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let root = call.root();
    let group = match call.row(WORKFLOW_RUNS) {
        Ok(of) => {
            let name = run_name(of.text(run::WORKFLOW), of.int(run::ID));
            run_key(&name).and_then(|key| root.group(ARTIFACTS, ARTIFACTS_BY_RUN, &key))
        }
        Err(_) => root.group(ARTIFACTS, ARTIFACTS_BY_REPO, &Key::folded(&repo)),
    };
    let named = call.query("name");
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let mut rows: Vec<&Arc<Row>> = rows
        .filter(|row| named.is_none_or(|name| row.text(artifact::NAME) == name))
        .collect();
    if call.query("direction") != Some("asc") {
        rows.reverse();
    }
    Ok(lists::counted(call, "artifacts", &rows, |row, out| {
        render::artifact(root, row, out);
    }))
}

/// `GET …/actions/artifacts/{artifact_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ARTIFACTS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::artifact(root, row, out);
    }))
}

/// What an address for a while ends with, so that nobody guesses it.
fn signature(root: &Root, path: &str) -> String {
    let print = fingerprint::bytes(root.ids(), path.as_bytes());
    format!("{print:016x}{:016x}", fingerprint::mix(print, root.ids()))
}

fn sent_to(call: &Call<'_>, path: &str) -> Reply {
    let signature = signature(call.root(), path);
    Reply {
        status: 302,
        location: Some(format!("https://{HOST}{path}?sig={signature}")),
        ..Reply::default()
    }
}

/// `GET …/artifacts/{artifact_id}/{archive_format}`.
pub(super) fn download(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ARTIFACTS)?;
    access::login(call)?;
    if call.param("archive_format") != "zip" {
        return Err(not_found());
    }
    if row.bool(artifact::EXPIRED) {
        return Err(Refusal::new(410, "Artifact has expired"));
    }
    let repo = access::repo_name(call)?;
    let path = format!("/artifacts/{repo}/{}", row.int(artifact::ID));
    Ok(sent_to(call, &path))
}

/// `GET …/runs/{run_id}/logs` and those of an attempt.
pub(super) fn run_logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    access::login(call)?;
    let attempt = call.param("attempt_number").to_owned();
    let known = attempt.is_empty()
        || attempt
            .parse()
            .is_ok_and(|at: i64| (1..=row.int(run::ATTEMPT)).contains(&at));
    if !known || row.bool(run::LOGS_DELETED) || row.text(run::STATUS) == "queued" {
        return Err(not_found());
    }
    let repo = access::repo_name(call)?;
    let id = row.int(run::ID);
    let path = if attempt.is_empty() {
        format!("/logs/{repo}/{id}")
    } else {
        format!("/logs/{repo}/{id}/{attempt}")
    };
    Ok(sent_to(call, &path))
}

/// `DELETE …/runs/{run_id}/logs`.
pub(super) fn delete_logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    if row.text(run::STATUS) != "completed" {
        return Err(Refusal::new(
            403,
            "Could not delete the logs of a run that is not completed.",
        ));
    }
    if row.bool(run::LOGS_DELETED) {
        return Err(not_found());
    }
    let mut draft = row.draft();
    draft.set(run::LOGS_DELETED, ViewValue::Bool(true));
    call.transaction.put(WORKFLOW_RUNS, draft);
    Ok(Reply::empty())
}

/// `GET …/jobs/{job_id}/logs`.
pub(super) fn job_logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(JOBS)?;
    access::login(call)?;
    let of = call.root().named(WORKFLOW_RUNS, row.text(job::RUN));
    let deleted = of.is_none_or(|run| run.bool(run::LOGS_DELETED));
    if deleted || row.text(job::STATUS) == "queued" {
        return Err(not_found());
    }
    let repo = access::repo_name(call)?;
    let path = format!("/job-logs/{repo}/{}", row.int(job::ID));
    Ok(sent_to(call, &path))
}

/// Guard of what is handed out: the address is one that the API gave.
fn checked(call: &Call<'_>) -> Result<(), Refusal> {
    let expected = signature(call.root(), call.request.path.trim_end_matches('/'));
    let given = call.query("sig");
    (given == Some(&expected))
        .then_some(())
        .ok_or_else(|| Refusal::new(403, "Server failed to authenticate the request."))
}

fn handed(body: Rendered, kind: &'static str) -> Reply {
    let mut reply = Reply::new(200, body);
    reply.content_type = Some(kind.into());
    reply
}

fn repo_and(call: &Call<'_>, number: &str) -> Key {
    let name = format!("{}/{}", call.param("owner"), call.param("repo"));
    Key::new([folded(&name), Part::Int(call.number(number))])
}

/// An artifact as a zip file.
pub(super) fn hand_out_artifact(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    checked(call)?;
    let row = call.root().get(ARTIFACTS, &repo_and(call, "artifact_id"));
    let row = row.filter(|row| !row.bool(artifact::EXPIRED));
    let row = row.ok_or_else(not_found)?;
    let file = row.text(artifact::FILE).to_owned();
    let whole = |content: &str| zipped(&[(file.clone(), content.to_owned())]);
    let body = Rendered {
        wire: whole(row.text(artifact::CONTENT))?.into(),
        evidence: whole(row.said(artifact::CONTENT))?.into(),
    };
    Ok(handed(body, "application/zip"))
}

/// The log of a job as text.
pub(super) fn hand_out_job_log(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    checked(call)?;
    let root = call.root();
    let row = root.get(JOBS, &repo_and(call, "job_id"));
    let (wire, evidence) = log(root, row.ok_or_else(not_found)?);
    let body = Rendered {
        wire: wire.into(),
        evidence: evidence.into(),
    };
    Ok(handed(body, "text/plain; charset=utf-8"))
}

/// The logs of a run as a zip file: one text for each job.
pub(super) fn hand_out_run_logs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    checked(call)?;
    let root = call.root();
    let row = root.get(WORKFLOW_RUNS, &repo_and(call, "run_id")).cloned();
    let row = row.filter(|row| !row.bool(run::LOGS_DELETED));
    let row = row.ok_or_else(not_found)?;
    let jobs = match call.param("attempt_number").parse::<i64>() {
        Ok(attempt) => {
            let mut jobs = jobs_of(call, &row);
            jobs.retain(|job| job.int(job::ATTEMPT) == attempt);
            jobs
        }
        Err(_) => latest_jobs(call, &row),
    };
    let mut files = (Vec::new(), Vec::new());
    for (at, job) in jobs.iter().enumerate() {
        let name = job.text(job::NAME).replace('/', "_");
        let name = format!("{at}_{name}.txt");
        let (wire, evidence) = log(root, job);
        files.0.push((name.clone(), wire));
        files.1.push((name, evidence));
    }
    let body = Rendered {
        wire: zipped(&files.0)?.into(),
        evidence: zipped(&files.1)?.into(),
    };
    Ok(handed(body, "application/zip"))
}

/// The log of a job, each line with the time that the job began.
fn log(root: &Root, row: &Row) -> (String, String) {
    let stamp = row.time(job::STARTED_AT);
    let (exact, relative) = stamp.map_or_else(Default::default, |stamp| {
        let exact = rfc3339_seconds(stamp.at);
        let exact = format!("{}.0000000Z", exact.trim_end_matches('Z'));
        (exact, stamp.evidence(root.base()))
    });
    let with = |time: &str, text: &str| {
        let lines = text.lines().map(|line| format!("{time} {line}\n"));
        lines.collect::<String>()
    };
    (
        with(&exact, row.text(job::LOG)),
        with(&relative, row.said(job::LOG)),
    )
}

/// Files as a zip file, without times of its own.
fn zipped(files: &[(String, String)]) -> Result<Vec<u8>, Refusal> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let failed = |error: zip::result::ZipError| Refusal::new(500, error.to_string());
    for (name, text) in files {
        writer.start_file(name.as_str(), plain).map_err(failed)?;
        let written = writer.write_all(text.as_bytes());
        written.map_err(|error| Refusal::new(500, error.to_string()))?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner())
}

/// `DELETE …/actions/artifacts/{artifact_id}`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ARTIFACTS)?;
    let key = call.root().key(ARTIFACTS, &row);
    call.transaction.remove(ARTIFACTS, &key);
    Ok(Reply::empty())
}
