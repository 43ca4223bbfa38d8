//! What archal and its helper say to each other over the control socket.
//!
//! A frame is a length and JSON; sockets travel beside the length. The end of the stream means
//! that the other side is gone.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use archal_core::confined::{Confined, Refusal};

use super::child::Bind;
use super::confine::Confine;
use super::hold::Redirect;

/// Most bytes of a frame: an environment may hold two megabytes.
const FRAME_LIMIT: u32 = 16 * 1024 * 1024;
/// Most sockets beside a frame.
const SOCKET_LIMIT: usize = 64;

/// From archal to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Prepare and start the child; always the first frame.
    Start(Box<Start>),
    /// Connect to a port of the child's own loopback.
    Connect {
        /// The question's number, which is the answer's.
        number: u64,
        /// The port.
        port: u16,
    },
    /// Ask all of it to stop (SIGTERM).
    Terminate,
    /// End all of it (SIGKILL).
    Kill,
    /// Send the program itself this signal.
    Signal(i32),
}

/// Everything the helper needs to start the child. Where it is to read something, that travels beside
/// the frame.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    /// Program and arguments.
    pub(super) command: Vec<String>,
    /// The working directory.
    pub(super) directory: PathBuf,
    /// The whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// Mounts that must succeed.
    pub(super) binds: Vec<Bind>,
    /// Mounts that are left out where source or target is missing.
    pub(super) optional_binds: Vec<Bind>,
    /// Most processes and threads.
    pub(super) process_limit: Option<u64>,
    /// The folder of the cgroup that enforces it for those who have joined it.
    pub(super) cgroup: Option<PathBuf>,
    /// Whether the child has a network of its own.
    pub(super) own_network: bool,
    /// Where to listen for connections.
    pub(super) tcp: Vec<SocketAddr>,
    /// UDP ports to receive on.
    pub(super) udp: Vec<u16>,
    /// Where connections to any other address are led.
    pub(super) redirect: Option<Redirect>,
    /// Sockets of the host's programs, which lead out of the network.
    pub(super) hidden: Vec<PathBuf>,
    /// Which of them cannot be hidden, for a person.
    pub(super) not_hidden: Vec<String>,
    /// To what it is confined.
    pub(super) confine: Option<Confine>,
    /// Whether the cgroup limits its memory, too.
    pub(super) is_memory_limited: bool,
}

/// From the helper to archal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// Everything is prepared; the sockets asked for travel beside it.
    Ready {
        /// How the process limit is enforced.
        process_limit: String,
        /// Why connections to other addresses could not be led as asked for.
        not_led: Option<String>,
        /// How far the child is confined.
        confined: Option<Confined>,
    },
    /// The answer to [`Order::Connect`]; the connection travels beside it.
    Connected {
        /// The question's number.
        number: u64,
        /// The system's number of the error, where there is none.
        error: Option<i32>,
    },
    /// The child cannot start; the last frame.
    NotStarted {
        /// Why, for a person.
        reason: String,
    },
    /// The child ended; the last frame.
    Ended {
        /// Its status, where it exited.
        code: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
        /// What a confined child was seen to be refused.
        refused: Vec<Refusal>,
    },
}

/// Sends a frame.
pub(super) fn send(
    mut socket: &UnixStream,
    frame: &impl Serialize,
    sockets: &[OwnedFd],
) -> io::Result<()> {
    let body = serde_json::to_vec(frame)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length <= FRAME_LIMIT)
        .ok_or_else(|| io::Error::other("the frame is too long"))?
        .to_le_bytes();
    let mut sent = 0;
    if !sockets.is_empty() {
        let borrowed: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKET_LIMIT))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !beside.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(io::Error::other("too many sockets for a frame"));
        }
        sent = rustix::net::sendmsg(
            socket,
            &[IoSlice::new(&length)],
            &mut beside,
            SendFlags::NOSIGNAL,
        )?;
    }
    socket.write_all(&length[sent..])?;
    socket.write_all(&body)
}

/// Receives a frame and the sockets beside it; none at the end of the stream.
pub(super) fn receive<T: DeserializeOwned>(
    mut socket: &UnixStream,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKET_LIMIT))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut length)],
            &mut beside,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Ok(message) => break message.bytes,
            Err(rustix::io::Errno::INTR) => {}
            // The peer died with frames of ours unread: as gone as after a clean end.
            Err(rustix::io::Errno::CONNRESET) => break 0,
            Err(error) => return Err(error.into()),
        }
    };
    let mut sockets = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    if received == 0 {
        return Ok(None);
    }
    socket.read_exact(&mut length[received..])?;
    let length = u32::from_le_bytes(length);
    if length > FRAME_LIMIT {
        return Err(io::Error::other("the frame is too long"));
    }
    let mut body = vec![0; length as usize];
    socket.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, sockets)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn frames_carry_sockets_and_the_end_is_seen() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ready = Report::Ready {
            process_limit: "rlimit".to_owned(),
            not_led: None,
            confined: None,
        };
        send(&here, &ready, &[listener.into()]).expect("sent");
        send(
            &here,
            &Report::Ended {
                code: Some(3),
                signal: None,
                refused: Vec::new(),
            },
            &[],
        )
        .expect("sent");
        drop(here);
        let (report, mut sockets) = receive::<Report>(&there)
            .expect("received")
            .expect("a frame");
        assert!(matches!(report, Report::Ready { .. }), "{report:?}");
        let listener = TcpListener::from(sockets.pop().expect("a socket"));
        assert_eq!(listener.local_addr().expect("an address"), address);
        let (report, sockets) = receive::<Report>(&there)
            .expect("received")
            .expect("a frame");
        assert!(
            matches!(report, Report::Ended { code: Some(3), .. }),
            "{report:?}"
        );
        assert!(sockets.is_empty());
        assert!(receive::<Report>(&there).expect("received").is_none());
    }

    #[test]
    fn a_frame_of_absurd_length_is_refused_before_it_is_read() {
        let (mut here, there) = UnixStream::pair().expect("a pair");
        here.write_all(&u32::MAX.to_le_bytes()).expect("written");
        assert!(receive::<Report>(&there).is_err());
    }
}
