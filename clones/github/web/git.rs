//! Clone, fetch and push over HTTP, protocols 0, 1 and 2.
//!
//! git's own programs talk to the client; what a push did becomes one transaction. The bytes that
//! go over the wire follow the clock and the client, so evidence has what they stand for.

use std::sync::Arc;

use archal_core::clone::{Done, Rendered, Work};
use bytes::Bytes;

use super::rules::{self, Declined};
use crate::engine::git::packet::{Packet, Push, Report, packets};
use crate::engine::git::serve::{Given, Sent, Service, Shown};
use crate::engine::git::{GitFailure, Oid};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::{Permission, reaches, sees};
use crate::github::refs::{self, HEADS, Pushed};
use crate::github::tables::{REPOS, repo, user};

/// What GitHub calls its git.
const AGENT: &str = "git/github-3f0a6cbf0d1d";
/// Refs that GitHub keeps itself.
const HIDDEN: &[&str] = &["refs/pull"];
/// Most bytes of the start of a request that are read for what it asks.
const ASKED: u64 = 4 * 1024 * 1024;

/// Most bytes of git's report of a push.
const REPORTED: u64 = 64 * 1024 * 1024;

/// What the work of a request came to.
struct Came {
    given: Result<Given, GitFailure>,
    /// What the client asked, from the start of its request.
    asked: Vec<u8>,
}

/// Guard: the path names a repository that the caller may fetch from.
pub(in crate::github) fn may_fetch(call: &mut Call<'_>) -> Result<(), Refusal> {
    let asked = call.param("repo");
    let asked = asked.strip_suffix(".git").unwrap_or(asked);
    let name = format!("{}/{asked}", call.param("owner"));
    let row = call.root().named(REPOS, &name).cloned();
    let permission = row.as_ref().and_then(|row| sees(call, row));
    match (row, permission) {
        (Some(row), Some(_)) => {
            if !reaches(call, &row, "contents", "read") {
                return Err(Refusal::new(403, "Write access to repository not granted."));
            }
            call.found.push((REPOS, row));
            Ok(())
        }
        // Who may be somebody is asked who they are before they learn what is there.
        _ if call.caller.is_none() => Err(Refusal::new(401, "Repository not found.")),
        _ => Err(Refusal::new(404, "Repository not found.")),
    }
}

/// Guard: the caller may push to the repository.
pub(in crate::github) fn may_push(call: &mut Call<'_>) -> Result<(), Refusal> {
    let Some(caller) = call.caller.clone() else {
        return Err(Refusal::new(401, "No anonymous write access."));
    };
    let row = call.row(REPOS)?;
    if sees(call, &row).is_none_or(|permission| permission < Permission::Push) {
        let (name, login) = (row.text(repo::FULL_NAME), caller.text(user::LOGIN));
        let message = format!("Permission to {name}.git denied to {login}.");
        return Err(Refusal::new(403, message));
    }
    if !reaches(call, &row, "contents", "write") {
        return Err(Refusal::new(403, "Write access to repository not granted."));
    }
    if row.bool(repo::ARCHIVED) {
        let message = "This repository was archived so it is read-only.";
        return Err(Refusal::new(403, message));
    }
    Ok(())
}

/// The service that a client of `…/info/refs` asks for.
fn service(call: &Call<'_>) -> Result<Service, Refusal> {
    call.query("service").and_then(Service::named).ok_or_else(|| {
        Refusal::new(
            403,
            "Please upgrade your git client.\nGitHub.com no longer supports git over dumb-http: \
             https://github.com/blog/809-git-dumb-http-transport-to-be-turned-off-in-90-days\n",
        )
    })
}

fn shown(root: &Root, row: &Row, service: Service) -> Shown {
    let name = row.text(repo::FULL_NAME);
    // Packed refs are in order of name.
    let refs = refs::below(root, name, "refs/");
    Shown {
        refs: refs.map(|(name, oid)| (name.to_owned(), oid)).collect(),
        head: format!("{HEADS}{}", row.text(repo::DEFAULT_BRANCH)),
        hidden: match service {
            Service::UploadPack => &[],
            Service::ReceivePack => HIDDEN,
        },
        agent: AGENT,
    }
}

/// `GET /{owner}/{repo}/info/refs`: what is there, and what a client may ask for.
pub(in crate::github) fn advertise(call: &mut Call<'_>) -> Result<Work, Refusal> {
    let service = service(call)?;
    if service == Service::ReceivePack {
        may_push(call)?;
    }
    let row = call.row(REPOS)?;
    let shown = shown(call.root(), &row, service);
    let objects = Arc::clone(call.root().objects());
    let protocol = call.request.header("git-protocol").map(str::to_owned);
    Ok(Work::new(move || Came {
        given: objects.advertise(&shown, service, protocol.as_deref()),
        asked: Vec::new(),
    }))
}

/// The answer to `…/info/refs`.
pub(in crate::github) fn advertised(call: &mut Call<'_>, done: Done) -> Result<Reply, Refusal> {
    let service = service(call)?;
    let Came { given, .. } = came(done)?;
    let row = call.row(REPOS)?;
    let mut said = format!("{}\n", service.name());
    for (name, oid) in shown(call.root(), &row, service).refs {
        said.push_str(&format!("{oid} {name}\n"));
    }
    let name = service.name();
    let mut reply = reply(call.root(), given, said, &format!("{name}-advertisement"))?;
    let is_second = call
        .request
        .header("git-protocol")
        .is_some_and(|protocol| protocol.split(':').any(|one| one == "version=2"));
    if let Some(body) = &mut reply.body
        && !(is_second && service == Service::UploadPack)
    {
        let mut whole = Vec::new();
        crate::engine::git::packet::write(&mut whole, format!("# service={name}\n").as_bytes());
        whole.extend_from_slice(b"0000");
        whole.extend_from_slice(&body.wire);
        body.wire = whole.into();
    }
    Ok(reply)
}

/// `POST /{owner}/{repo}/git-upload-pack`.
pub(in crate::github) fn fetch(call: &mut Call<'_>) -> Result<Work, Refusal> {
    serve(call, Service::UploadPack)
}

/// `POST /{owner}/{repo}/git-receive-pack`.
pub(in crate::github) fn push(call: &mut Call<'_>) -> Result<Work, Refusal> {
    serve(call, Service::ReceivePack)
}

fn serve(call: &Call<'_>, service: Service) -> Result<Work, Refusal> {
    let request = call.request;
    let expected = format!("application/x-{}-request", service.name());
    if request.header("content-type") != Some(&expected) {
        return Err(Refusal::new(415, "Unsupported Media Type"));
    }
    let row = call.row(REPOS)?;
    let shown = shown(call.root(), &row, service);
    let objects = Arc::clone(call.root().objects());
    let protocol = request.header("git-protocol").map(str::to_owned);
    let is_packed = matches!(request.header("content-encoding"), Some("gzip" | "x-gzip"));
    let sent = match &request.spool {
        Some(spool) => Sent::File(spool.clone()),
        None => Sent::Bytes(request.body.clone()),
    };
    Ok(Work::new(move || {
        let answer = || {
            let sent = sent.unpacked(is_packed)?;
            let asked = sent.beginning(ASKED)?;
            // Before git takes what nobody could then write to the refs.
            if service == Service::ReceivePack
                && asked.len() as u64 == ASKED
                && !Push::is_whole(&asked)
            {
                return Err(GitFailure::Failed {
                    what: service.name().to_owned(),
                    stderr: format!("the commands of a push end within {ASKED} bytes"),
                });
            }
            let mut given = objects.answer(&shown, service, protocol.as_deref(), &sent)?;
            if service == Service::ReceivePack {
                given = given.in_memory(REPORTED)?;
            }
            Ok((given, asked))
        };
        match answer() {
            Ok((given, asked)) => Came {
                given: Ok(given),
                asked,
            },
            Err(failure) => Came {
                given: Err(failure),
                asked: Vec::new(),
            },
        }
    }))
}

fn came(done: Done) -> Result<Came, Refusal> {
    done.take()
        .ok_or_else(|| Refusal::new(500, "Internal Server Error"))
}

fn reply(
    root: &Root,
    given: Result<Given, GitFailure>,
    said: String,
    kind: &str,
) -> Result<Reply, Refusal> {
    let (wire, spool) = match given {
        Ok(Given::Bytes(bytes)) => (bytes, None),
        Ok(Given::File(spool)) => (Bytes::new(), Some(spool)),
        Err(GitFailure::Failed { stderr, .. }) => {
            return Err(Refusal::new(400, format!("{stderr}\n")));
        }
        Err(failure) => return Err(refs::failed(&failure)),
    };
    let evidence = root.said(&said).unwrap_or(said);
    Ok(Reply {
        status: 200,
        body: Some(Rendered {
            wire,
            evidence: evidence.into(),
        }),
        content_type: Some(format!("application/x-{kind}").into()),
        headers: vec![(
            "cache-control",
            "no-cache, max-age=0, must-revalidate".to_owned(),
        )],
        spool,
        ..Reply::default()
    })
}

/// The answer to a fetch.
pub(in crate::github) fn fetched(call: &mut Call<'_>, done: Done) -> Result<Reply, Refusal> {
    let Came { given, asked } = came(done)?;
    let root = call.root();
    let mut wants: Vec<String> = Vec::new();
    let mut command = "fetch".to_owned();
    for packet in packets(&asked) {
        let Packet::Data(line) = packet else { continue };
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if let Some(name) = text.strip_prefix("command=") {
            command = name.to_owned();
        } else if let Some(oid) = text.strip_prefix("want ").and_then(|rest| rest.get(..40)) {
            let want = format!("want {oid}");
            wants.push(root.said(&want).unwrap_or(want));
        }
    }
    // The order of ids follows the clock as they do.
    wants.sort_unstable();
    wants.dedup();
    let mut said = format!("{command}\n");
    for want in wants {
        said.push_str(&want);
        said.push('\n');
    }
    let answered = match command.as_str() {
        "ls-refs" => "refs\n",
        _ => "pack\n",
    };
    let kind = format!("{}-result", Service::UploadPack.name());
    let mut reply = reply(root, given, answered.to_owned(), &kind)?;
    reply.request_said = Some(said);
    Ok(reply)
}

/// The answer to a push, and what it changes.
pub(in crate::github) fn pushed(call: &mut Call<'_>, done: Done) -> Result<Reply, Refusal> {
    let Came { given, asked } = came(done)?;
    let row = call.row(REPOS)?;
    let repo_name = row.text(repo::FULL_NAME).to_owned();
    let push = Push::read(&asked);
    let reports = push.can("report-status") || push.can("report-status-v2");
    let is_banded = push.can("side-band-64k") || push.can("side-band");
    let mut report = match &given {
        Ok(Given::Bytes(bytes)) => Report::read(bytes, is_banded),
        _ => Report::default(),
    };
    let whole = given.is_ok() && report.lines.first().is_some_and(|line| line == "unpack ok");
    let mut notes = Vec::new();
    if whole {
        decide(call, &row, &push, &mut report, &mut notes);
    }
    let mut told = String::new();
    for command in &push.commands {
        told.push_str(&format!(
            "{} {} {}\n",
            command.before, command.after, command.name
        ));
        if whole && report.took(&command.name) {
            let after = (!command.after.is_zero()).then_some(command.after);
            refs::set(call, &repo_name, &command.name, after);
        }
    }
    let root = call.root();
    let mut said = report.lines.join("\n");
    said.push('\n');
    let given = match given {
        Ok(Given::Bytes(_)) if whole && reports => {
            let notes = notes.concat();
            report.said.extend_from_slice(notes.as_bytes());
            said.push_str(&notes);
            Ok(Given::Bytes(report.write(is_banded).into()))
        }
        given => given,
    };
    let kind = format!("{}-result", Service::ReceivePack.name());
    let told = root.said(&told).unwrap_or(told);
    let mut reply = reply(root, given, said, &kind)?;
    reply.request_said = Some(told);
    Ok(reply)
}

/// Refuses what the rules of GitHub and of the repository refuse, and what is no longer so.
fn decide(call: &Call<'_>, row: &Row, push: &Push, report: &mut Report, notes: &mut Vec<String>) {
    let root = call.root();
    let repo_name = row.text(repo::FULL_NAME);
    let mut refused = false;
    for command in &push.commands {
        if !report.took(&command.name) {
            refused = true;
            continue;
        }
        let some = |oid: Oid| (!oid.is_zero()).then_some(oid);
        let wanted = Pushed {
            repo: repo_name.to_owned(),
            name: command.name.clone(),
            before: some(command.before),
            after: some(command.after),
        };
        let now = refs::get(root, repo_name, &command.name);
        let declined = if now != wanted.before {
            // Another push came first while this one was read.
            Some(Declined::plain("failed to update ref"))
        } else if wanted.after.is_some_and(|oid| !root.objects().has(&oid)) {
            Some(Declined::plain("missing necessary objects"))
        } else {
            rules::decline(call, row, &wanted)
        };
        match declined {
            Some(declined) => {
                refused = true;
                report.refuse(&command.name, &declined.reason);
                notes.extend(declined.notes);
            }
            None => notes.extend(rules::invitation(root, row, &wanted)),
        }
    }
    if refused && push.can("atomic") {
        for command in &push.commands {
            report.refuse(&command.name, "atomic push failure");
        }
    }
}
