//! Exporters of OpenTelemetry's own SDKs, unmodified, push to the built archal: Python's and Node's,
//! over each protocol they know. Nothing is converted: attach grades what came.

use super::desk::{Desk, MODES, packages};
use super::{python, script};
use crate::push::binary::Serving;

/// The protocols of the Python SDK's exporters.
const PYTHON: [&str; 2] = ["http", "grpc"];
/// The same of Node's: two of them are HTTP.
const NODE: [&str; 3] = ["json", "proto", "grpc"];

#[test]
fn what_the_published_exporters_push_to_serve_is_graded_as_the_agents_worked() {
    let desk = Desk::new();
    let serving = Serving::start(&desk.world);
    let grpc = serving.grpc.expect("it listens on gRPC");
    let at = |protocol| {
        if protocol == "grpc" {
            grpc
        } else {
            serving.http
        }
    };
    let (python, packages) = (python(), packages());
    let (agent, agent_js) = (script("exporters/agent.py"), script("exporters/agent.mjs"));
    for mode in MODES {
        for protocol in PYTHON {
            let command = [python.as_str(), &agent, protocol, mode];
            let name = format!("python-{protocol}");
            desk.works(&name, mode, &command, at(protocol));
        }
        for protocol in NODE {
            let command = ["node", &agent_js, &packages, protocol, mode];
            let name = format!("node-{protocol}");
            desk.works(&name, mode, &command, at(protocol));
        }
    }
    let runs = MODES.len() * (PYTHON.len() + NODE.len());
    for job in &desk.graded(runs) {
        let (exporter, _, kinds) = desk.is_right(job);
        assert_eq!(kinds.get("agent"), Some(&1), "{exporter}: {kinds:?}");
    }
    assert_eq!(serving.interrupt(), Some(130));
}
