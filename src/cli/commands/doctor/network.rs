//! Every host the present configuration could contact, and why.

use serde::Serialize;

use crate::cli::context::CommandContext;
use crate::config::Config;
use crate::config::schema::{ExecutionPolicy, RouteMode};

/// Someone who could be contacted.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Contact {
    /// Which program would do it.
    by: &'static str,
    /// Which hosts.
    hosts: &'static str,
    /// Why it could.
    why: String,
}

#[derive(Serialize)]
struct Document {
    contacts: Vec<Contact>,
}

/// Prints the contacts. archal itself has none: no judge, hosted source or pull-request target
/// can be configured in this version.
pub(super) fn print(config: &Config, cx: &CommandContext) {
    let contacts = contacts(config);
    cx.printer.line("archal itself: no host");
    for contact in &contacts {
        cx.printer.line(format!(
            "{}: {}, {}",
            contact.by, contact.hosts, contact.why
        ));
    }
    cx.printer
        .document("archal.doctor-network", 1, &Document { contacts });
}

fn contacts(config: &Config) -> Vec<Contact> {
    let mut contacts = Vec::new();
    match config.route.mode {
        // In `isolated` the harness has no network but the clones.
        RouteMode::Isolated => {}
        RouteMode::Auto => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host",
            why: "where user namespaces do not work, a client that ignores the proxy variables is not held (route `auto`)".to_owned(),
        }),
        RouteMode::Proxy => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host",
            why: "a client that ignores the proxy variables is not held (route `proxy`)".to_owned(),
        }),
    }
    if let Some(setup) = &config.workspace.setup {
        contacts.push(Contact {
            by: "the workspace's setup command",
            hosts: "any host",
            why: format!("`{setup}` runs with network"),
        });
    }
    if let Some(command) = &config.attach.fix_command
        && config.attach.allow_external_execution
        && config.attach.policy == ExecutionPolicy::Fix
    {
        contacts.push(Contact {
            by: "the fix command",
            hosts: "any host",
            why: format!("`{command}` runs with network"),
        });
    }
    contacts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_children_outside_the_namespace_reach_out() {
        let mut config = Config::default();
        config.route.mode = RouteMode::Isolated;
        assert_eq!(contacts(&config), []);
        config.attach.fix_command = Some("./fix".to_owned());
        assert_eq!(contacts(&config), [], "the command has no permission");
        config.attach.allow_external_execution = true;
        config.attach.policy = ExecutionPolicy::Fix;
        assert_eq!(contacts(&config).len(), 1);
    }
}
