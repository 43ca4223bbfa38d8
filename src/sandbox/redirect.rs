//! Leading every connection of a child's network to one listener, whatever address and port it
//! was made to, so that it can be named before it is refused.
//!
//! An nftables table of the child's own network namespace, written as netlink messages: a child
//! needs no program for it, and the host's rules are untouched. A kernel without nftables refuses;
//! such a connection is then refused by the kernel, which tells nobody.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::hold::Redirect;

const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;
const NLMSG_ERROR: u16 = 2;
const NESTED: u16 = 0x8000;
const IPV4: u8 = 2;
/// Packets that the child itself sends.
const HOOK_OUTPUT: u32 = 3;
/// Where destinations are changed.
const PRIORITY: i32 = -100;
const REGISTER: u32 = 1;
const VERDICT: u32 = 0;
const ACCEPT: u32 = 1;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const META_L4PROTO: u32 = 16;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DNS: u16 = 53;
const NAME: &[u8] = b"archal\0";
const ANSWER: Duration = Duration::from_secs(2);

/// Writes the rules into the network namespace of this process.
pub(super) fn install(redirect: &Redirect) -> io::Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::NETFILTER),
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER))?;
    let rules = rules(redirect);
    let mut batch = Batch::default();
    batch.message(BATCH_BEGIN, 0, &generic(0, SUBSYSTEM));
    batch.change(NEW_TABLE, 0, &attribute(1, NAME));
    let hook = [number(1, HOOK_OUTPUT), number(2, PRIORITY.cast_unsigned())].concat();
    let chain = [
        attribute(1, NAME),
        attribute(3, NAME),
        attribute(4 | NESTED, &hook),
        attribute(7, b"nat\0"),
    ];
    batch.change(NEW_CHAIN, 0, &chain.concat());
    for expressions in &rules {
        let rule = [
            attribute(1, NAME),
            attribute(2, NAME),
            attribute(4 | NESTED, expressions),
        ];
        batch.change(NEW_RULE, NLM_F_APPEND, &rule.concat());
    }
    batch.message(BATCH_END, 0, &generic(0, SUBSYSTEM));
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &batch.bytes, SendFlags::empty(), &kernel)?;
    acknowledged(&socket, batch.changes)
}

/// The first that fits decides.
fn rules(redirect: &Redirect) -> Vec<Vec<u8>> {
    let loopback = [payload(NETWORK_HEADER, 16, 1), equals(&[127]), accept()];
    let mut rules = vec![loopback.concat()];
    for protocol in [UDP, TCP] {
        let names = [carries(protocol), to_port(DNS), lead(redirect.names)];
        rules.push(names.concat());
    }
    for port in &redirect.except {
        rules.push([carries(TCP), to_port(*port), accept()].concat());
    }
    rules.push([carries(TCP), lead(redirect.to)].concat());
    rules
}

/// That a packet carries a protocol.
fn carries(protocol: u8) -> Vec<u8> {
    let meta = [number(1, REGISTER), number(2, META_L4PROTO)].concat();
    [expression(b"meta\0", &meta), equals(&[protocol])].concat()
}

fn to_port(port: u16) -> Vec<u8> {
    [payload(TRANSPORT_HEADER, 2, 2), equals(&port.to_be_bytes())].concat()
}

fn payload(header: u32, offset: u32, length: u32) -> Vec<u8> {
    let parts = [
        number(1, REGISTER),
        number(2, header),
        number(3, offset),
        number(4, length),
    ];
    expression(b"payload\0", &parts.concat())
}

fn equals(value: &[u8]) -> Vec<u8> {
    let data = attribute(3 | NESTED, &attribute(1, value));
    expression(
        b"cmp\0",
        &[number(1, REGISTER), number(2, 0), data].concat(),
    )
}

fn accept() -> Vec<u8> {
    let verdict = attribute(2 | NESTED, &number(1, ACCEPT));
    let parts = [number(1, VERDICT), attribute(2 | NESTED, &verdict)];
    expression(b"immediate\0", &parts.concat())
}

fn lead(port: u16) -> Vec<u8> {
    let data = attribute(2 | NESTED, &attribute(1, &port.to_be_bytes()));
    let load = expression(b"immediate\0", &[number(1, REGISTER), data].concat());
    [load, expression(b"redir\0", &number(1, REGISTER))].concat()
}

/// An element of a rule's list of expressions.
fn expression(name: &[u8], data: &[u8]) -> Vec<u8> {
    let parts = [attribute(1, name), attribute(2 | NESTED, data)].concat();
    attribute(1 | NESTED, &parts)
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

/// A `struct nlattr` and its value, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(4 + value.len() + 3);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A `struct nfgenmsg`.
fn generic(family: u8, resource: u16) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    vec![family, 0, high, low]
}

/// Messages that take effect together or not at all.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    sequence: u32,
    changes: usize,
}

impl Batch {
    fn change(&mut self, kind: u16, flags: u16, attributes: &[u8]) {
        self.changes += 1;
        let body = [&generic(IPV4, 0), attributes].concat();
        self.message(kind, NLM_F_ACK | NLM_F_CREATE | flags, &body);
    }

    fn message(&mut self, kind: u16, flags: u16, body: &[u8]) {
        self.sequence += 1;
        let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.sequence.to_ne_bytes());
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(body);
    }
}

/// Reads the kernel's answers to that many changes; the first that is an error is the answer.
fn acknowledged(socket: &OwnedFd, changes: usize) -> io::Result<()> {
    let mut left = changes;
    let mut buffer = [0; 8192];
    while left > 0 {
        let (received, _) = rustix::net::recv(socket, &mut buffer, RecvFlags::empty())?;
        let mut rest = buffer.get(..received).unwrap_or_default();
        while let Some((kind, error, next)) = message(rest) {
            if kind == NLMSG_ERROR {
                if error != 0 {
                    return Err(io::Error::from_raw_os_error(-error));
                }
                left = left.saturating_sub(1);
            }
            rest = next;
        }
        if !rest.is_empty() || received == 0 {
            return Err(io::Error::other("the kernel's answer is not understood"));
        }
    }
    Ok(())
}

/// The kind of the first message, the error number in it, and what comes behind it.
fn message(bytes: &[u8]) -> Option<(u16, i32, &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length >= 20)?;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?);
    let padded = length.next_multiple_of(4).min(bytes.len());
    (length <= bytes.len()).then_some((kind, error, &bytes[padded..]))
}
