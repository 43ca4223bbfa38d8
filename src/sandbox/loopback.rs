//! Bringing up the loopback of a new network namespace, and its sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWROUTE: u16 = 24;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const IFF_UP: u32 = 1;
/// The loopback is the first interface of every network namespace.
const LOOPBACK_INDEX: u32 = 1;
const AF_INET: u8 = 2;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_HOST: u8 = 254;
const RTN_LOCAL: u8 = 2;
const RTA_OIF: u16 = 4;

/// Brings the loopback up and makes every IPv4 address local, so that a connection to any
/// address ends at archal's own listeners or is refused at once.
pub(super) fn up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // Protocol 0 of this family is NETLINK_ROUTE.
        None,
    )?;
    request(&socket, RTM_NEWLINK, 0, &link_up())?;
    request(&socket, RTM_NEWROUTE, NLM_F_CREATE, &everything_is_local())
}

/// Listeners, then datagram sockets on 127.0.0.1.
pub(super) fn sockets(tcp: &[SocketAddr], udp: &[u16]) -> io::Result<Vec<OwnedFd>> {
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for address in tcp {
        sockets.push(TcpListener::bind(address)?.into());
    }
    for port in udp {
        sockets.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, *port))?.into());
    }
    Ok(sockets)
}

/// A `struct ifinfomsg` that sets the loopback's flag `IFF_UP`.
fn link_up() -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(LOOPBACK_INDEX.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body
}

/// A `struct rtmsg` for the route `local default dev lo`.
fn everything_is_local() -> Vec<u8> {
    let mut body = vec![
        AF_INET,
        0,
        0,
        0,
        RT_TABLE_LOCAL,
        RTPROT_BOOT,
        RT_SCOPE_HOST,
        RTN_LOCAL,
    ];
    body.extend(0_u32.to_ne_bytes());
    body.extend(8_u16.to_ne_bytes());
    body.extend(RTA_OIF.to_ne_bytes());
    body.extend(LOOPBACK_INDEX.to_ne_bytes());
    body
}

/// Sends one request and reads the kernel's acknowledgement.
fn request(socket: &OwnedFd, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let length = 16 + body.len();
    let mut message = Vec::with_capacity(length);
    message.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    rustix::net::sendto(
        socket,
        &message,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 512];
    let (received, _) = rustix::net::recv(socket, &mut answer, RecvFlags::empty())?;
    // The header of 16 bytes is followed by the error number, negative, or zero.
    let error = answer
        .get(16..20)
        .filter(|_| received >= 20)
        .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
        .map(i32::from_ne_bytes)
        .ok_or_else(|| io::Error::other("the kernel's answer is too short"))?;
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(-error))
    }
}
