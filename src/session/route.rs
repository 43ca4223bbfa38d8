//! How an agent's traffic reaches the clones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::RouteMode;
use crate::sandbox::hold::Probe;

/// The route in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteLevel {
    /// The child has a network of its own that leads to the clones and nowhere else.
    Isolated,
    /// Proxy variables point to archal; a client that does not heed them reaches the real network.
    Proxy,
}

/// The route in use and why; part of every report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteReport {
    /// The route.
    pub level: RouteLevel,
    /// Why it is not `isolated`, where nobody asked for less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Chooses the route; the error says why the one asked for is not to be had.
pub fn choose(choice: RouteMode, probe: &Probe) -> Result<RouteReport, String> {
    match (choice, &probe.namespaces) {
        (RouteMode::Auto | RouteMode::Isolated, Ok(())) => Ok(RouteReport {
            level: RouteLevel::Isolated,
            reason: None,
        }),
        (RouteMode::Auto, Err(reason)) => Ok(RouteReport {
            level: RouteLevel::Proxy,
            reason: Some(reason.clone()),
        }),
        (RouteMode::Isolated, Err(reason)) => Err(reason.clone()),
        (RouteMode::Proxy, _) => Ok(RouteReport {
            level: RouteLevel::Proxy,
            reason: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_isolated_always_has_a_reason_or_was_asked_for() {
        let works = Probe { namespaces: Ok(()) };
        let fails = Probe {
            namespaces: Err("no".to_owned()),
        };
        let level = |choice, probe| choose(choice, probe).map(|route| (route.level, route.reason));
        assert_eq!(
            level(RouteMode::Auto, &works),
            Ok((RouteLevel::Isolated, None))
        );
        assert_eq!(
            level(RouteMode::Auto, &fails),
            Ok((RouteLevel::Proxy, Some("no".to_owned())))
        );
        assert_eq!(level(RouteMode::Isolated, &fails), Err("no".to_owned()));
        assert_eq!(
            level(RouteMode::Proxy, &works),
            Ok((RouteLevel::Proxy, None))
        );
    }
}
