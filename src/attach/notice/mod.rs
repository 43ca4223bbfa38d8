//! Telling a person of failures: notices out of the outbox, to a command or a webhook.
//!
//! Notices are rows ([`super::state::notices`]); [`Courier::deliver`] is the step that takes those
//! that are due. Each is delivered at least once, under an id that stays the same, and no job ever
//! waits for one.
//!
//! - `command`: to a program of the user's.
//! - `webhook`: to a URL.

mod command;
pub(super) mod webhook;

use std::path::Path;
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::environment::Environment;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::config::notice::{Channel, channel};
use crate::config::schema::{NoticeEvent, Notify};
use crate::run::scrub::Scrubber;
use crate::sandbox::{Hold, StopToken};
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::state::State;
use super::state::failures::{self, Failure};
use super::state::notices::{self, Outcome, StoredNotice};

/// How long a webhook may take to answer.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a notify command may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// The most notices of one step.
pub const AT_ONCE: usize = 32;
/// Minutes from one try to the next; when they are used up, the notice is given up.
const PAUSES: &[u64] = &[1, 5, 15, 60, 240, 720, 1440];
/// The longest anyone may ask to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3_600);
/// The longest text of a trace in a notice, and of an error in a row.
const LONGEST_TEXT: usize = 500;

/// Writes down that something happened to a group, to be told at once; call it in the
/// transaction that changes the group or its job. None where it was told already or is muted.
///
/// `reason` is one sentence with secrets already taken out.
///
/// # Errors
///
/// When the database refuses.
pub fn note(
    change: &Connection,
    repo: &Path,
    group: &str,
    event: NoticeEvent,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let Some(failure) = failures::get(change, group)? else {
        return Ok(None);
    };
    let body = body(&failure, event, reason, repo);
    notices::add(change, group, event, &body, now)
}

/// What is told of a group. Of this machine it names the repository's folder and nothing else.
pub fn body(failure: &Failure, event: NoticeEvent, reason: &str, repo: &Path) -> Value {
    let title = short(&failure.title);
    let reason = short(reason);
    let repo = repo.file_name().unwrap_or_default().to_string_lossy();
    let what = match event {
        NoticeEvent::New => "a new failure",
        NoticeEvent::Reproduced => "a failure shows on HEAD",
        NoticeEvent::Blocked => "work on a failure is blocked",
        NoticeEvent::FixFailed => "no proven patch for a failure",
        NoticeEvent::Fixed => "there is a proven patch for a failure",
        NoticeEvent::Reopened => "a failure shows again",
    };
    let mut text = format!("archal: {what} in {repo}: {title}");
    if !reason.is_empty() {
        text.push_str(&format!(" ({reason})"));
    }
    json!({
        "schema": "archal.notice",
        "version": 1,
        "event": event,
        "repo": repo,
        "group": failure.name,
        "title": title,
        "reason": reason,
        "traces": failure.traces,
        "firstSeen": failure.first_seen,
        "lastSeen": failure.last_seen,
        "next": format!("archal issue show {}", failure.name),
        "text": text,
    })
}

/// One line, without what could steer a terminal, of bearable length.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = line.chars().filter(|c| !c.is_control()).collect();
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// How one try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It was taken.
    Taken,
    /// Another try may go better, at the earliest so much later.
    Later {
        reason: String,
        after: Option<Duration>,
    },
    /// No other try would go better.
    Never { outcome: Outcome, reason: String },
    /// It was not tried: archal is to stop.
    Stopped,
}

/// Who delivers notices, and what it may use for that.
pub struct Courier<'a> {
    /// The settings.
    pub settings: &'a Notify,
    /// Whether commands that are not the harness may run.
    pub may_run_commands: bool,
    /// The caller's variables: the webhook's, proxies, what the command is given of them.
    pub environment: &'a Environment,
    /// How the command is held, and what stops it.
    pub hold: Hold<'a>,
    /// Where notices are put for the command.
    pub layout: &'a Layout,
    /// The repository, in which the command runs.
    pub repo: &'a Path,
    /// What must not reach a row.
    pub scrubber: &'a Scrubber,
    /// The time.
    pub clock: &'a dyn Clock,
    /// How long a webhook may take: [`WEBHOOK_TIMEOUT`].
    pub webhook_timeout: Duration,
    /// How long the command may take: [`COMMAND_TIMEOUT`].
    pub command_timeout: Duration,
}

/// What a step of delivery came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Notices that were taken.
    pub sent: usize,
    /// Notices that are tried again.
    pub put_off: usize,
    /// Notices that cannot be delivered, with the group and the reason.
    pub failed: Vec<(String, String)>,
    /// When the next one is due.
    pub next_due: Option<Timestamp>,
}

impl Courier<'_> {
    /// Delivers what is due, at most a few dozen. The database is not held meanwhile.
    ///
    /// # Errors
    ///
    /// When the database refuses. A notice that cannot be delivered is no error.
    pub fn deliver(&self, state: &State) -> Result<Delivery, DatabaseError> {
        let due = state.read(|rows| notices::due(rows, self.clock.now(), AT_ONCE))?;
        self.deliver_these(state, due)
    }

    /// [`Self::deliver`] for notices that were found to be due.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn deliver_these(
        &self,
        state: &State,
        due: Vec<StoredNotice>,
    ) -> Result<Delivery, DatabaseError> {
        let mut delivery = Delivery::default();
        for notice in due {
            let told = self.tell(&notice);
            // Not the time of before: a try takes seconds.
            let now = self.clock.now();
            match told {
                Told::Stopped => break,
                Told::Taken => {
                    state
                        .write(|rows| notices::close(rows, notice.id, Outcome::Sent, None, now))?;
                    delivery.sent += 1;
                }
                Told::Later { reason, after } => {
                    let reason = self.clean(&reason);
                    match next_try(notice.tries, after, now) {
                        Some(due) => {
                            state.write(|rows| notices::put_off(rows, notice.id, &reason, due))?;
                            delivery.put_off += 1;
                        }
                        None => {
                            let end = (Outcome::GivenUp, reason.as_str());
                            self.end(state, &notice, end, &mut delivery)?;
                        }
                    }
                }
                Told::Never { outcome, reason } => {
                    let reason = self.clean(&reason);
                    self.end(state, &notice, (outcome, &reason), &mut delivery)?;
                }
            }
        }
        delivery.next_due = state.read(|rows| notices::next_due(rows, self.clock.now()))?;
        Ok(delivery)
    }

    fn end(
        &self,
        state: &State,
        notice: &StoredNotice,
        (outcome, reason): (Outcome, &str),
        delivery: &mut Delivery,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        state.write(|rows| notices::close(rows, notice.id, outcome, Some(reason), now))?;
        if outcome != Outcome::Unwanted {
            delivery
                .failed
                .push((notice.failure.clone(), reason.to_owned()));
        }
        Ok(())
    }

    fn clean(&self, text: &str) -> String {
        short(&self.scrubber.text(text))
    }

    /// Whether somebody is to be told and can be.
    pub fn can_tell(&self) -> bool {
        channel(self.settings).is_some() && self.blocked().is_none()
    }

    /// Why nothing can be told at present although somebody is to be told; none where it can.
    pub fn blocked(&self) -> Option<String> {
        match channel(self.settings)? {
            Channel::Command(_) if !self.may_run_commands => Some(
                "the notify command may not run; \
                 set attach.allowExternalExecution or --allow-external-execution"
                    .to_owned(),
            ),
            Channel::WebhookEnv(name) => match self.environment.get(&name) {
                None => Some(format!(
                    "the variable {name}, which attach.notify.webhookEnv names, is not set"
                )),
                Some(url) => webhook::unusable(url),
            },
            Channel::Webhook(url) => webhook::unusable(&url),
            Channel::Command(_) => None,
        }
    }

    fn tell(&self, notice: &StoredNotice) -> Told {
        if self.hold.stop.is_some_and(StopToken::is_stopped) {
            return Told::Stopped;
        }
        let unwanted = |reason: &str| Told::Never {
            outcome: Outcome::Unwanted,
            reason: reason.to_owned(),
        };
        let Some(channel) = channel(self.settings) else {
            return unwanted("attach.notify names nobody");
        };
        let is_wanted = notice
            .event
            .is_some_and(|event| self.settings.on.contains(&event));
        if !is_wanted {
            return unwanted("attach.notify.on does not name it");
        }
        if let Some(reason) = self.blocked() {
            return Told::Never {
                outcome: Outcome::Blocked,
                reason,
            };
        }
        let mut body = notice.body.clone();
        if let Some(object) = body.as_object_mut() {
            object.insert("notice".to_owned(), json!(notice.key));
        }
        match channel {
            Channel::Command(command) => command::tell(self, &command, &notice.key, &body),
            Channel::Webhook(url) => webhook::tell(self, &url, &notice.key, &body),
            Channel::WebhookEnv(name) => {
                let url = self.environment.get(&name).unwrap_or_default();
                webhook::tell(self, url, &notice.key, &body)
            }
        }
    }
}

/// When to try again after so many tries before this one; none when it was the last.
pub(super) fn next_try(tries: u32, asked: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    let minutes = PAUSES.get(usize::try_from(tries).unwrap_or(usize::MAX))?;
    let pause = match asked {
        // Nobody makes archal ask in a circle, or never again.
        Some(asked) => asked.clamp(Duration::from_secs(1), LONGEST_PAUSE),
        None => Duration::from_secs(minutes * 60),
    };
    Some(now.checked_add(pause).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_come_to_an_end_and_are_set_by_who_is_asked() {
        let now = Timestamp::UNIX_EPOCH;
        let pause = |tries, asked: Option<u64>| {
            next_try(tries, asked.map(Duration::from_secs), now).map(|due| due.as_second())
        };
        assert_eq!(pause(0, None), Some(60));
        assert_eq!(pause(6, None), Some(86_400));
        assert_eq!(pause(7, None), None);
        assert_eq!(pause(0, Some(7)), Some(7));
        assert_eq!(pause(0, Some(0)), Some(1));
        assert_eq!(pause(0, Some(u64::MAX)), Some(86_400));
        assert_eq!(pause(7, Some(7)), None);
    }

    #[test]
    fn a_notice_is_one_line_and_names_no_place() {
        let failure = Failure {
            name: "g-1".to_owned(),
            identity: Value::Null,
            title: format!("a\u{1b}[2J\nb {}", "x".repeat(600)),
            status: failures::FailureStatus::Open,
            note: None,
            leader: None,
            base: None,
            first_seen: "1".to_owned(),
            last_seen: "2".to_owned(),
            traces: 3,
        };
        let body = body(
            &failure,
            NoticeEvent::New,
            "why",
            Path::new("/srv/agents/mine"),
        );
        let text = body["text"].as_str().expect("text");
        assert!(
            text.starts_with("archal: a new failure in mine: a[2J b xxx"),
            "{text}"
        );
        assert!(text.ends_with("… (why)") && !text.contains('\n'), "{text}");
        assert!(!body.to_string().contains("/srv"), "{body}");
    }
}
