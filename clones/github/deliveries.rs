//! What became of the deliveries of a webhook, as the service tells it; and the same once more.

use std::sync::Arc;

use archal_core::clone::{Attempt, Missed, Stamp};
use serde_json::{Map, Value};

use super::access::not_found;
use super::tables::{HOOKS, REPOS, hook, repo};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::page::Page;
use crate::engine::writer::Writer;

/// `GET …/hooks/{hook_id}/deliveries`: newest first. Where the next page begins is named by the last
/// delivery of the one before.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let is_wanted = |attempt: &Attempt| match call.query("status") {
        Some("success") => is_success(attempt),
        Some("failure") => !is_success(attempt),
        _ => true,
    };
    let own = own(call)?;
    let mut rows = own
        .into_iter()
        .filter(|(_, attempt)| is_wanted(attempt))
        .peekable();
    if let Some(cursor) = call.query("cursor") {
        let last = cursor.strip_prefix("v1_").and_then(|id| id.parse().ok());
        let last: i64 = last.ok_or_else(|| Refusal::new(422, "Invalid cursor"))?;
        while rows.next_if(|(id, _)| *id != last).is_some() {}
        if rows.next().is_none() {
            return Err(Refusal::new(422, "Invalid cursor"));
        }
    }
    let size = Page::asked(call, 30, 100, 0).take();
    let mut writer = Writer::new(call.root());
    writer.raw("[");
    let mut last = 0;
    for (id, attempt) in rows.by_ref().take(size) {
        writer.item().raw("{");
        summary(id, &attempt, &mut writer);
        writer.raw("}");
        last = id;
    }
    writer.raw("]");
    let mut reply = Reply::new(200, writer.finish());
    if rows.peek().is_some() {
        let (host, path) = (&call.request.host, &call.request.path);
        reply.link = Some(format!(
            "<https://{host}{path}?per_page={size}&cursor=v1_{last}>; rel=\"next\""
        ));
    }
    Ok(reply)
}

/// `GET …/deliveries/{delivery_id}`: with what was sent and what was answered.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (id, attempt) = named(call)?;
    let mut writer = Writer::new(call.root());
    writer.raw("{");
    summary(id, &attempt, &mut writer);
    writer.key("url").text(&attempt.delivery.url);
    writer.key("request");
    sent(&attempt, &mut writer);
    writer.key("response");
    answered(&attempt, &mut writer);
    writer.raw("}");
    Ok(Reply::new(200, writer.finish()))
}

/// `POST …/deliveries/{delivery_id}/attempts`: the same id and body; GitHub answers before it delivers.
pub(super) fn again(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (_, attempt) = named(call)?;
    let mut delivery = attempt.delivery.as_ref().clone();
    delivery.again = true;
    call.again.push(delivery);
    let mut writer = Writer::new(call.root());
    writer.raw("{}");
    Ok(Reply::new(202, writer.finish()))
}

/// The attempts of the path's webhook, newest first. They name it by its number and by that of its
/// repository, which stay what they are when one of them gets another name.
fn own(call: &Call<'_>) -> Result<Vec<(i64, Arc<Attempt>)>, Refusal> {
    let number = call.row(HOOKS)?.int(hook::ID).to_string();
    let repo = call.row(REPOS)?.int(repo::ID).to_string();
    let is_own = |(_, attempt): &(i64, &Arc<Attempt>)| {
        header(attempt, "x-github-hook-id") == Some(&number)
            && header(attempt, "x-github-hook-installation-target-id") == Some(&repo)
    };
    let own = call.attempts.newest().filter(is_own);
    Ok(own.map(|(id, attempt)| (id, Arc::clone(attempt))).collect())
}

fn named(call: &Call<'_>) -> Result<(i64, Arc<Attempt>), Refusal> {
    let wanted = call.number("delivery_id");
    let mut own = own(call)?.into_iter();
    own.find(|(id, _)| *id == wanted).ok_or_else(not_found)
}

fn header<'a>(attempt: &'a Attempt, name: &str) -> Option<&'a str> {
    let mut headers = attempt.delivery.headers.iter();
    let found = headers.find(|(key, _)| *key == name);
    found.map(|(_, value)| value.as_str())
}

fn is_success(attempt: &Attempt) -> bool {
    let receipt = attempt.outcome.as_ref();
    receipt.is_ok_and(|receipt| (200..400).contains(&receipt.status))
}

fn summary(id: i64, attempt: &Attempt, out: &mut Writer) {
    let delivery = &attempt.delivery;
    out.key("id").int(id);
    out.key("guid").text(&delivery.id);
    out.key("delivered_at").time(Some(Stamp {
        at: attempt.at,
        by_call: true,
    }));
    out.key("redelivery").bool(delivery.again);
    // Hundredths of a second, which evidence leaves out.
    let took = attempt.took.as_millis() / 10;
    let took = format!("{}.{:02}", took / 100, took % 100);
    out.key("duration").both_raw(&took, "0.0");
    let (status, code) = match &attempt.outcome {
        Ok(receipt) if receipt.status < 400 => ("OK".to_owned(), receipt.status),
        Ok(receipt) => {
            let status = receipt.status;
            (format!("Invalid HTTP Response: {status}"), status)
        }
        Err(Missed::Unreachable) => ("failed to connect to host".to_owned(), 0),
        Err(Missed::TimedOut) => ("timed out".to_owned(), 0),
    };
    out.key("status").text(&status);
    out.key("status_code").int(code.into());
    let (event, action) = match delivery.event.split_once('.') {
        Some((event, action)) => (event, Some(action)),
        None => (delivery.event.as_str(), None),
    };
    out.key("event").text(event);
    out.key("action").text_or_null(action);
    out.key("installation_id").raw("null");
    let repo = header(attempt, "x-github-hook-installation-target-id");
    out.key("repository_id").raw(repo.unwrap_or("null"));
    out.key("throttled_at").raw("null");
}

/// The request as it was sent. Signatures follow the clock, so evidence is without them.
fn sent(attempt: &Attempt, out: &mut Writer) {
    let delivery = &attempt.delivery;
    let shown = |headers: &[(&'static str, String)]| -> Map<String, Value> {
        let shown = headers.iter();
        shown
            .map(|(name, value)| (as_written(name), value.clone().into()))
            .collect()
    };
    let stable = shown(&delivery.headers);
    let mut all = stable.clone();
    all.extend(shown(&delivery.volatile_headers));
    let text = |headers| Value::Object(headers).to_string();
    out.raw("{")
        .key("headers")
        .both_raw(&text(all), &text(stable));
    let payload = |bytes: &[u8]| {
        if !bytes.starts_with(b"payload=") {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        // The payload is the one field of a form.
        let field = form_urlencoded::parse(bytes).next();
        field.map_or_else(String::new, |(_, text)| text.into_owned())
    };
    out.key("payload").both_raw(
        &payload(&delivery.body.wire),
        &payload(&delivery.body.evidence),
    );
    out.raw("}");
}

/// What the receiver answered; evidence is without its clock.
fn answered(attempt: &Attempt, out: &mut Writer) {
    out.raw("{").key("headers");
    let Ok(receipt) = &attempt.outcome else {
        out.raw("null").key("payload").raw("null}");
        return;
    };
    let mut headers = Map::new();
    for (name, value) in &receipt.headers {
        headers.insert(as_written(name), value.clone().into());
    }
    let wire = Value::Object(headers.clone()).to_string();
    headers.remove("Date");
    let evidence = Value::Object(headers).to_string();
    out.both_raw(&wire, &evidence);
    let body = String::from_utf8_lossy(&receipt.body);
    out.key("payload").text(&body).raw("}");
}

/// A header's name as GitHub shows it.
fn as_written(name: &str) -> String {
    match name {
        "content-type" => name.to_owned(),
        "x-github-hook-id" => "X-GitHub-Hook-ID".to_owned(),
        "x-github-hook-installation-target-id" => "X-GitHub-Hook-Installation-Target-ID".to_owned(),
        _ => {
            let part = |part: &str| match part {
                "github" => "GitHub".to_owned(),
                _ => {
                    let mut letters = part.chars();
                    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                    first.into_iter().chain(letters).collect()
                }
            };
            let parts: Vec<String> = name.split('-').map(part).collect();
            parts.join("-")
        }
    }
}
