//! Tools on notifications.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::plain::{self, get, paging, write};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_text, segment, text};
use crate::github::issue_lists::time;

/// The notifications of a repository where one is named, else all.
fn inbox(arguments: &Arguments) -> Result<String, Failure> {
    let (owner, repo) = (text(arguments, "owner")?, text(arguments, "repo")?);
    Ok(if owner.is_empty() || repo.is_empty() {
        "/notifications".to_owned()
    } else {
        format!("{}/notifications", plain::repo(arguments)?)
    })
}

/// A time that may be absent.
fn moment(arguments: &Arguments, name: &str) -> Result<String, Failure> {
    let given = text(arguments, name)?;
    if !given.is_empty() && (time(given).is_none() || !given.contains('T')) {
        return Err(Failure::Refused(format!(
            "invalid {name} time format, should be RFC3339/ISO8601: parsing time {given:?} as \"2006-01-02T15:04:05Z07:00\""
        )));
    }
    Ok(given.to_owned())
}

/// `list_notifications`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let filter = text(arguments, "filter")?;
    let path = inbox(arguments)?;
    let is = |value: &str| (filter == value).to_string();
    let mut query = vec![
        ("all", is("include_read_notifications")),
        ("participating", is("only_participating")),
        ("since", moment(arguments, "since")?),
        ("before", moment(arguments, "before")?),
    ];
    query.extend(paging(arguments)?);
    let mut listed = get(asker, &path, &query, "failed to list notifications")?;
    shapes::without_empty(&mut listed);
    Ok(shapes::text(&listed))
}

/// `get_notification_details`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "notificationID")?;
    let path = format!("/notifications/threads/{}", segment(id));
    let what = format!("failed to get notification details for ID '{id}'");
    let mut thread = get(asker, &path, &[], &what)?;
    shapes::without_empty(&mut thread);
    Ok(shapes::text(&thread))
}

/// `dismiss_notification`.
pub(super) fn dismiss(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "threadID")?;
    let state = required_text(arguments, "state")?;
    let path = format!("/notifications/threads/{}", segment(id));
    let answered = match state {
        "done" => asker.delete(&path),
        "read" => asker.write("PATCH", &path, &Value::Null),
        _ => {
            let text = "Invalid state. Must be one of: read, done.";
            return Err(Failure::Refused(text.to_owned()));
        }
    };
    plain::succeeded(answered, &format!("failed to mark notification as {state}"))?;
    Ok(format!("Notification marked as {state}"))
}

/// `mark_all_notifications_read`. Without a time it is all until now, which is what GitHub takes
/// where it is told none.
pub(super) fn read_all(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let until = moment(arguments, "lastReadAt")?;
    let path = inbox(arguments)?;
    let body = match until.as_str() {
        "" => json!({}),
        until => json!({"last_read_at": until}),
    };
    let what = "failed to mark all notifications as read";
    write(asker, "PUT", &path, &body, what)?;
    Ok("All notifications marked as read".to_owned())
}

fn subscription(
    asker: &mut Asker<'_>,
    path: &str,
    action: &str,
    (what, deleted): (&str, &str),
) -> Outcome {
    let answered = match action {
        "ignore" => asker.write("PUT", path, &json!({"ignored": true})),
        "watch" => asker.write("PUT", path, &json!({"ignored": false, "subscribed": true})),
        "delete" => asker.delete(path),
        _ => {
            let text = "Invalid action. Must be one of: ignore, watch, delete.";
            return Err(Failure::Refused(text.to_owned()));
        }
    };
    let mut made = plain::succeeded(answered, &format!("failed to {action} {what}"))?;
    if action == "delete" {
        return Ok(deleted.to_owned());
    }
    shapes::without_empty(&mut made);
    Ok(shapes::text(&made))
}

/// `manage_notification_subscription`.
pub(super) fn subscribe(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "notificationID")?;
    let action = required_text(arguments, "action")?;
    let path = format!("/notifications/threads/{}/subscription", segment(id));
    let words = (
        "notification subscription",
        "Notification subscription deleted",
    );
    subscription(asker, &path, action, words)
}

/// `manage_repository_notification_subscription`.
pub(super) fn watch(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/subscription", plain::repo(arguments)?);
    let action = required_text(arguments, "action")?;
    let words = ("repository subscription", "Repository subscription deleted");
    subscription(asker, &path, action, words)
}
