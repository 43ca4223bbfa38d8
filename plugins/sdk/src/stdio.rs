//! The protocol over two streams: requests are read on a thread of their own, so that one under
//! way can be cancelled, and answered one after the other.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use serde_json::Value;

use crate::message::{Error, ErrorKind, PROTOCOL, Pull, Reply, Request, RequestLine};
use crate::plugin::{Failure, Output, Plugin};

/// The longest request.
const MOST_REQUEST: u64 = 16 << 20;
/// Requests that wait.
const MOST_WAITING: usize = 16;

/// Something that answers requests.
pub trait Answers {
    /// Says what it is.
    ///
    /// # Errors
    ///
    /// When it cannot.
    fn describe(&mut self, out: &mut Output<'_>) -> Result<(), Failure>;

    /// Says whether it could pull.
    ///
    /// # Errors
    ///
    /// When it could not.
    fn check(&mut self, config: &Value, out: &mut Output<'_>) -> Result<(), Failure>;

    /// Gives out what there is; whether there is more already.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<bool, Failure>;
}

/// Serves a plugin as a program: `serve::<Mine>(io::stdin(), io::stdout())` is all of its `main`.
///
/// # Errors
///
/// When nobody listens any more.
pub fn serve<P: Plugin>(
    input: impl io::Read + Send + 'static,
    output: impl Write,
) -> io::Result<()> {
    answer(&mut Opened::<P>(None), input, output)
}

struct Opened<P>(Option<P>);

impl<P: Plugin> Answers for Opened<P> {
    fn describe(&mut self, out: &mut Output<'_>) -> Result<(), Failure> {
        Ok(out.reply(&Reply::Description(P::describe()))?)
    }

    fn check(&mut self, config: &Value, out: &mut Output<'_>) -> Result<(), Failure> {
        P::open(config)?.check(out)
    }

    fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<bool, Failure> {
        let plugin = match &mut self.0 {
            Some(plugin) => plugin,
            none => none.insert(P::open(&pull.config)?),
        };
        plugin.pull(pull, out).map(|()| false)
    }
}

/// Answers requests until there are no more.
///
/// # Errors
///
/// When nobody listens any more.
pub fn answer(
    plugin: &mut dyn Answers,
    input: impl io::Read + Send + 'static,
    mut output: impl Write,
) -> io::Result<()> {
    let cancelled = Arc::new(AtomicU64::new(0));
    let (requests, waiting) = mpsc::sync_channel(MOST_WAITING);
    let cancels = Arc::clone(&cancelled);
    thread::Builder::new()
        .name("requests".to_owned())
        .spawn(move || read(input, &cancels, &requests))?;
    for line in waiting {
        let line: RequestLine = line;
        let is_wanted = || cancelled.load(Ordering::Relaxed) < line.id;
        let mut broken = None;
        let mut push = |reply: &[u8]| {
            let written = write(&mut output, line.id, reply);
            let is_written = written.is_ok();
            broken = written.err();
            is_written && is_wanted()
        };
        let mut out = Output::new(&mut push);
        let done = match &line.request {
            Request::Describe { protocol } if *protocol != PROTOCOL => Err(Failure::new(
                ErrorKind::Answer,
                format!("this plugin speaks protocol {PROTOCOL}, and was asked for {protocol}"),
            )),
            Request::Describe { .. } => plugin.describe(&mut out).map(|()| None),
            Request::Check { config } => plugin.check(config, &mut out).map(|()| Some(false)),
            Request::Pull(pull) => plugin.pull(pull, &mut out).map(Some),
            Request::Cancel => continue,
        };
        let last = match done {
            Ok(Some(more)) => Some(Reply::End { more }),
            Ok(None) => None,
            Err(failure) => match (failure.error, &line.request) {
                (Some(error), _) => Some(Reply::Error(error)),
                // Nothing more was wanted.
                (None, Request::Describe { .. }) => None,
                (None, _) => Some(Reply::End { more: false }),
            },
        };
        if let Some(error) = broken {
            return Err(error);
        }
        if let Some(last) = last {
            write(&mut output, line.id, &serde_json::to_vec(&last)?)?;
        }
        output.flush()?;
    }
    Ok(())
}

/// Reads requests until they end, which cancels everything.
fn read(input: impl io::Read, cancelled: &AtomicU64, requests: &mpsc::SyncSender<RequestLine>) {
    let mut input = io::BufReader::new(input);
    loop {
        let mut line = Vec::new();
        let read = io::Read::take(&mut input, MOST_REQUEST).read_until(b'\n', &mut line);
        if !matches!(read, Ok(count) if count > 0) {
            break;
        }
        // What is no request of this protocol is passed over, as a later one may have others.
        let Ok(request) = serde_json::from_slice::<RequestLine>(&line) else {
            continue;
        };
        if request.request == Request::Cancel {
            cancelled.fetch_max(request.id, Ordering::Relaxed);
        } else if requests.send(request).is_err() {
            break;
        }
    }
    cancelled.store(u64::MAX, Ordering::Relaxed);
}

/// Writes a reply with the id of its request, on one line.
fn write(output: &mut impl Write, id: u64, reply: &[u8]) -> io::Result<()> {
    let line = one_line(reply);
    let reply = line.as_deref().unwrap_or(reply);
    let Some(fields) = reply.strip_prefix(b"{") else {
        let error = Reply::Error(Error {
            kind: ErrorKind::Answer,
            message: "the plugin pushed something that is no object of JSON".to_owned(),
            advice: None,
            retry_after: None,
        });
        return write(output, id, &serde_json::to_vec(&error)?);
    };
    write!(output, "{{\"id\":{id}")?;
    if !fields.starts_with(b"}") {
        output.write_all(b",")?;
    }
    output.write_all(fields)?;
    output.write_all(b"\n")
}

/// A reply as one line that begins with its object; none where it is that already.
fn one_line(reply: &[u8]) -> Option<Vec<u8>> {
    if reply.starts_with(b"{") && !reply.contains(&b'\n') {
        return None;
    }
    let value: Value = serde_json::from_slice(reply).ok()?;
    serde_json::to_vec(&value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::{Description, Severity};

    struct Counter;

    impl Plugin for Counter {
        fn describe() -> Description {
            Description::new("counter", "1")
        }

        fn open(config: &Value) -> Result<Self, Failure> {
            if config["broken"] == true {
                return Err(Failure::new(ErrorKind::Missing, "broken").advice("mend it"));
            }
            Ok(Self)
        }

        fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<(), Failure> {
            let from = pull.cursor.as_u64().unwrap_or(0);
            for number in from.. {
                out.trace(json!({"id": number}))?;
                out.cursor(json!(number + 1))?;
                if number == 2 && pull.most == 1 {
                    out.diagnostic(Severity::Note, "enough")?;
                    break;
                }
            }
            Ok(())
        }
    }

    fn said(requests: &str) -> Vec<Value> {
        let mut output = Vec::new();
        serve::<Counter>(io::Cursor::new(requests.to_owned()), &mut output).expect("written");
        let lines = output.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect()
    }

    #[test]
    fn requests_are_answered_with_their_ids_until_they_end() {
        let replies = said(
            "{\"id\":1,\"request\":\"describe\",\"protocol\":1}\nnonsense\n{\"id\":2,\"request\":\"later\"}\n{\"id\":3,\"request\":\"check\",\"config\":{\"broken\":true}}\n",
        );
        let told: Vec<(u64, &str)> = replies
            .iter()
            .map(|reply| {
                (
                    reply["id"].as_u64().expect("a number"),
                    reply["reply"].as_str().expect("text"),
                )
            })
            .collect();
        assert_eq!(told, [(1, "description"), (3, "error")]);
        let refused = said("{\"id\":1,\"request\":\"describe\",\"protocol\":2}\n");
        assert_eq!(refused[0]["reply"], "error");
    }

    #[test]
    fn the_end_of_the_requests_cancels_an_answer_that_has_none() {
        // The plugin would go on for ever.
        let replies =
            said("{\"id\":1,\"request\":\"pull\",\"config\":{},\"cursor\":null,\"most\":9}\n");
        let last = replies.last().expect("an end");
        assert_eq!(
            (last["reply"].as_str(), last["id"].as_u64()),
            (Some("end"), Some(1))
        );
    }

    #[test]
    fn a_reply_is_one_line_whatever_was_pushed() {
        let written = |reply: &str| {
            let mut output = Vec::new();
            write(&mut output, 7, reply.as_bytes()).expect("written");
            String::from_utf8(output).expect("UTF-8")
        };
        assert_eq!(written("{}"), "{\"id\":7}\n");
        assert_eq!(
            written(" {\n \"reply\": \"end\"}"),
            "{\"id\":7,\"reply\":\"end\"}\n"
        );
        assert!(written("[1]").contains("no object of JSON"));
        assert!(written("nonsense\n").contains("no object of JSON"));
        assert!(written("nonsense\n").ends_with("}\n"));
    }
}
