//! One plugin while it runs: it is greeted, asked, and ended.

use std::time::Duration;

use archal_core::diagnostic::nearest;
use archal_core::program::{Patience, Programs, Silence, Talk};
use archal_core::pull::{PullError, PullErrorKind};
use archal_plugin::message::{
    Description, Error, ErrorKind, Needed, PROTOCOL, Request, RequestLine,
};
use serde_json::Value;

use super::line::{self, Line};
use super::said::Plugin;
use crate::normalise::shown;

/// Lines that are no replies, after which nothing of it is believed.
const MOST_BAD: u32 = 100;
/// What a plugin gets to come to an end when nothing more is wanted.
const LEAVE: Duration = Duration::from_secs(2);

/// A plugin that runs.
pub(super) struct Session {
    talk: Box<dyn Talk>,
    last: u64,
    bad: u32,
    pub(super) description: Description,
}

/// A line that was heard.
pub(super) enum Heard<'a> {
    /// A reply to what was asked last.
    Reply(Line<'a>),
    /// A reply to what was asked before.
    Late,
    /// No reply, and why.
    Bad(String),
}

impl Session {
    /// Starts a plugin and finds out what it is.
    pub(super) fn start(programs: &dyn Programs, plugin: &Plugin) -> Result<Self, PullError> {
        let talk = programs.start(&plugin.program).map_err(|error| {
            let failed = PullError::new(PullErrorKind::Options, error.reason);
            match error.advice {
                Some(advice) => failed.advice(advice),
                None => failed,
            }
        })?;
        let mut session = Self {
            talk,
            last: 0,
            bad: 0,
            description: Description::default(),
        };
        let greeting = Request::Describe { protocol: PROTOCOL };
        session.ask(greeting, plugin.greeting())?;
        let description = session.until(|heard| match heard {
            Heard::Reply(Line::Description(description)) => Some(Ok(description)),
            Heard::Reply(Line::Error(error)) => Some(Err(told(error))),
            Heard::Reply(_) => Some(Err(PullError::new(
                PullErrorKind::Answer,
                "the plugin does not say what it is",
            ))),
            Heard::Late | Heard::Bad(_) => None,
        })?;
        session.description = description?;
        fits(&session.description, plugin)?;
        Ok(session)
    }

    /// Asks something.
    pub(super) fn ask(&mut self, request: Request, patience: Patience) -> Result<(), PullError> {
        self.last += 1;
        self.talk.begin(patience);
        self.say(request)
    }

    /// Gives it the whole time again: a part of what it was asked for is taken.
    pub(super) fn go_on(&mut self, patience: Patience) {
        self.talk.begin(patience);
    }

    fn say(&mut self, request: Request) -> Result<(), PullError> {
        let line = RequestLine {
            id: self.last,
            request,
        };
        let line = serde_json::to_string(&line).map_err(|error| {
            let message = format!("the request cannot be written: {error}");
            PullError::new(PullErrorKind::Answer, message)
        })?;
        self.talk.say(&line).map_err(|silence| self.silent(silence))
    }

    /// The next line, and its length in bytes.
    pub(super) fn next<T>(
        &mut self,
        take: impl FnOnce(Heard<'_>, u64) -> T,
    ) -> Result<T, PullError> {
        let asked = self.last;
        let heard = match self.talk.hear() {
            Ok(bytes) => {
                let size = bytes.len() as u64 + 1;
                let (heard, is_bad) = match line::read(bytes) {
                    Ok((id, reply)) if id == asked => (Heard::Reply(reply), false),
                    Ok(_) => (Heard::Late, false),
                    Err(reason) => (Heard::Bad(reason), true),
                };
                Ok((take(heard, size), is_bad))
            }
            Err(silence) => Err(silence),
        };
        match heard {
            Ok((taken, is_bad)) => {
                self.bad += u32::from(is_bad);
                if self.bad <= MOST_BAD {
                    return Ok(taken);
                }
                let message = format!(
                    "more than {MOST_BAD} lines of the plugin are no replies: its stdout is for replies alone, its stderr for everything else"
                );
                Err(PullError::new(PullErrorKind::Answer, message))
            }
            Err(silence) => Err(self.silent(silence)),
        }
    }

    /// Hears lines until one is what is waited for.
    pub(super) fn until<T>(
        &mut self,
        mut take: impl FnMut(Heard<'_>) -> Option<T>,
    ) -> Result<T, PullError> {
        loop {
            if let Some(taken) = self.next(|heard, _| take(heard))? {
                return Ok(taken);
            }
        }
    }

    /// Says that nothing more is wanted, and waits a moment for the end.
    pub(super) fn cancel(mut self, patience: Patience) {
        self.talk.begin(Patience {
            time: LEAVE,
            silence: LEAVE,
            ..patience
        });
        let ended = self.say(Request::Cancel).and_then(|()| {
            self.until(|heard| match heard {
                Heard::Reply(Line::End { .. } | Line::Error(_)) => Some(()),
                _ => None,
            })
        });
        // Whether it came to an end by itself or is ended now, nothing of it is wanted.
        drop(ended);
        self.end();
    }

    /// Ends it, when its answer is complete.
    pub(super) fn end(mut self) {
        self.talk.end();
    }

    /// Why it is silent, with its last words.
    fn silent(&mut self, silence: Silence) -> PullError {
        let kind = match silence {
            Silence::Stopped => return PullError::new(PullErrorKind::Stopped, silence.to_string()),
            Silence::Silent(_) | Silence::Late(_) => PullErrorKind::Unreachable,
            Silence::Ended | Silence::Long(_) | Silence::Flood(_) => PullErrorKind::Answer,
        };
        let farewell = self.talk.end();
        let mut message = match (silence, farewell.trouble) {
            (Silence::Ended, Some(trouble)) => {
                format!("the plugin ended before it had answered: {trouble}")
            }
            (silence, _) => format!("the plugin failed: {silence}"),
        };
        if !farewell.said.is_empty() {
            message.push_str("; it said: ");
            message.push_str(&farewell.said);
        }
        let error = PullError::new(kind, message);
        match silence {
            Silence::Late(_) => error
                .advice("--option timeout=<longer>, or a plugin that gives a cursor more often"),
            Silence::Silent(_) => error.advice("--option silence=<longer>"),
            Silence::Long(_) => error.advice("--option maxLine=<larger>"),
            Silence::Flood(_) => error
                .advice("a plugin that gives a cursor more often, or --option maxBytes=<larger>"),
            Silence::Ended | Silence::Stopped => error,
        }
    }
}

/// What a plugin itself says is the trouble.
pub(super) fn told(error: Error) -> PullError {
    let kind = match error.kind {
        ErrorKind::Options => PullErrorKind::Options,
        ErrorKind::Denied => PullErrorKind::Denied,
        ErrorKind::Missing => PullErrorKind::Missing,
        ErrorKind::Unreachable => PullErrorKind::Unreachable,
        ErrorKind::Limited => PullErrorKind::Limited {
            after: error.retry_after.map(Duration::from_secs),
        },
        ErrorKind::Answer => PullErrorKind::Answer,
    };
    let failed = PullError::new(kind, error.message);
    match error.advice {
        Some(advice) => failed.advice(advice),
        None => failed,
    }
}

/// Whether a plugin can be talked with, and was told what it needs.
fn fits(description: &Description, plugin: &Plugin) -> Result<(), PullError> {
    let name = shown(&description.name);
    if description.protocol != PROTOCOL {
        let message = format!(
            "the plugin `{name}` speaks protocol {}, and this archal speaks {PROTOCOL}",
            description.protocol
        );
        let advice = if description.protocol > PROTOCOL {
            "update archal"
        } else {
            "update the plugin"
        };
        return Err(PullError::new(PullErrorKind::Answer, message).advice(advice));
    }
    let wrong = |message: String| PullError::new(PullErrorKind::Options, message);
    let known = |needed: &[Needed], name: &str| needed.iter().any(|one| one.name == name);
    let said = plugin.config.as_object().into_iter().flatten();
    let options = &description.options;
    for (option, _) in said.filter(|_| !options.is_empty()) {
        if !known(options, option) {
            let error = wrong(format!("`{name}` knows no `{}`", shown(option)));
            let names = options.iter().map(|one| one.name.as_str());
            return Err(match nearest(option, names) {
                Some(near) => error.advice(format!("did you mean `{}`?", shown(near))),
                None => error,
            });
        }
    }
    let missing = |value: Option<&Value>| value.is_none_or(Value::is_null);
    for needed in options.iter().filter(|one| one.required) {
        if missing(plugin.config.get(&needed.name)) {
            let (option, about) = (shown(&needed.name), shown(&needed.about));
            return Err(wrong(format!("`{name}` is not told `{option}`: {about}"))
                .advice(format!("--option 'config={{\"{option}\":…}}'")));
        }
    }
    for needed in description.variables.iter().filter(|one| one.required) {
        if !plugin.program.variables.contains(&needed.name) {
            let (variable, about) = (shown(&needed.name), shown(&needed.about));
            let mut all = plugin.program.variables.clone();
            all.push(variable.clone());
            return Err(wrong(format!("`{name}` is not given {variable}: {about}"))
                .advice(format!("--option variables={}", all.join(","))));
        }
    }
    Ok(())
}
