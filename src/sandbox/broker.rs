//! Connections into a running child's network, made by its helper when they are asked for.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// How long the helper may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

type Ask = dyn Fn(u64, u16) -> io::Result<()> + Send + Sync;

/// Reaches what a child listens on inside its own network. Clones share the child.
#[derive(Clone)]
pub struct Broker {
    ask: Arc<Ask>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    is_over: bool,
    answers: HashMap<u64, mpsc::Sender<io::Result<OwnedFd>>>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

impl Broker {
    /// One that sends its questions, a number and a port, with `ask`.
    pub(crate) fn new(ask: impl Fn(u64, u16) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self {
            ask: Arc::new(ask),
            waiting: Arc::default(),
        }
    }

    /// A connection to a port of the child's own loopback; blocks for as long as the helper takes.
    ///
    /// # Errors
    ///
    /// When nobody listens there, or the child has ended.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let (answer, answered) = mpsc::channel();
        let number = {
            let mut waiting = self.waiting();
            if waiting.is_over {
                return Err(ended());
            }
            waiting.last += 1;
            let number = waiting.last;
            waiting.answers.insert(number, answer);
            number
        };
        let asked = (self.ask)(number, port);
        let answered = asked.and_then(|()| {
            answered
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|why| match why {
                    mpsc::RecvTimeoutError::Timeout => Err(io::ErrorKind::TimedOut.into()),
                    mpsc::RecvTimeoutError::Disconnected => Err(ended()),
                })
        });
        self.waiting().answers.remove(&number);
        answered.map(TcpStream::from)
    }

    /// Takes the helper's answer to a question.
    pub(crate) fn answer(&self, number: u64, answer: io::Result<OwnedFd>) {
        if let Some(asker) = self.waiting().answers.remove(&number) {
            // Whoever asked may have given up.
            asker.send(answer).ok();
        }
    }

    /// The child has ended: nobody is answered any more.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.is_over = true;
        waiting.answers.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Every change is a single step, so what a panic left is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the child has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn each_asker_gets_its_own_answer_and_none_after_the_end() {
        let asked: Arc<Mutex<Vec<(u64, u16)>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let (told, tell) = mpsc::channel();
        let broker = Broker::new(move |number, port| {
            seen.lock().expect("whole").push((number, port));
            told.send(number).map_err(io::Error::other)
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answering = broker.clone();
        let answers = std::thread::spawn(move || {
            let number = tell.recv().expect("asked");
            let refused = io::ErrorKind::ConnectionRefused;
            answering.answer(number + 100, Err(refused.into()));
            let stream = TcpStream::connect(address).expect("connected");
            answering.answer(number, Ok(stream.into()));
            let number = tell.recv().expect("asked");
            answering.answer(number, Err(refused.into()));
        });
        let stream = broker.connect(8080).expect("a connection");
        assert_eq!(stream.peer_addr().expect("an address"), address);
        let refused = broker.connect(8081).expect_err("nobody there");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        answers.join().expect("answered");
        broker.close();
        let over = broker.connect(8080).expect_err("ended");
        assert_eq!(over.kind(), io::ErrorKind::NotConnected);
        assert_eq!(*asked.lock().expect("whole"), [(1, 8080), (2, 8081)]);
    }
}
