//! Running a child on the machine's own network, held to the session's ports where it is confined.

use std::net::SocketAddr;

use super::egress;
use super::open::Session;
use crate::sandbox::child::{ChildEnd, ChildSpec};
use crate::sandbox::confine::Network;
use crate::sandbox::hold::{self, Hold};

impl Session {
    /// Runs it, and lets one that is confined connect to archal's ports and to what is allowed on this
    /// machine, and to nothing else.
    pub(super) fn run_outside(&self, mut child: ChildSpec, hold: &Hold<'_>) -> ChildEnd {
        if let Some(confine) = &mut child.confine
            && let Network::Held { ports } = &mut confine.network
        {
            ports.extend(self.doors.iter().map(|(address, _)| address.port()));
            ports.extend(self.shared.egress.loopback().map(|address| address.port()));
            let told = egress::model_servers(&child.environment);
            ports.extend(told.iter().map(SocketAddr::port));
        }
        hold::run(&child, hold)
    }
}
