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
    /// Node and Python are led to archal from within, others by proxy variables; a client that is
    /// neither and does not heed them reaches the real network.
    Shim,
    /// Proxy variables point to archal; a client that does not heed them reaches the real network.
    Proxy,
    /// The child is told base URLs; nothing is intercepted.
    Direct,
}

impl RouteLevel {
    /// What it does not hold.
    pub fn leak(self) -> &'static str {
        match self {
            Self::Isolated => "nothing but the clones is reached",
            Self::Shim => {
                "a client that is neither Node nor Python and does not heed proxy variables reaches the real service"
            }
            Self::Proxy => "a client that does not heed proxy variables reaches the real service",
            Self::Direct => {
                "nothing is intercepted: the agent has to take the base URLs it is told"
            }
        }
    }

    /// Its name in configurations and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Shim => "shim",
            Self::Proxy => "proxy",
            Self::Direct => "direct",
        }
    }
}

/// The route in use and why; part of every report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteReport {
    /// The route.
    pub level: RouteLevel,
    /// Why it is not `isolated`, where nobody asked for less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the agent may have reached beside the clones: the entries of `route.allow`, and servers of models
    /// on this machine that it was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

/// Chooses the route; the error says why the one asked for is not to be had. `probe` is asked only where
/// the choice depends on it.
pub fn choose<'p>(
    choice: RouteMode,
    probe: impl FnOnce() -> &'p Probe,
) -> Result<RouteReport, String> {
    let (level, reason) = match choice {
        RouteMode::Auto | RouteMode::Isolated => match &probe().namespaces {
            Ok(()) => (RouteLevel::Isolated, None),
            Err(reason) if choice == RouteMode::Isolated => return Err(reason.clone()),
            Err(reason) => (RouteLevel::Shim, Some(reason.clone())),
        },
        RouteMode::Shim => (RouteLevel::Shim, None),
        RouteMode::Proxy => (RouteLevel::Proxy, None),
        RouteMode::Direct => (RouteLevel::Direct, None),
    };
    Ok(RouteReport {
        level,
        reason,
        allowed: Vec::new(),
    })
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
        let level =
            |choice, probe| choose(choice, || probe).map(|route| (route.level, route.reason));
        assert_eq!(
            level(RouteMode::Auto, &works),
            Ok((RouteLevel::Isolated, None))
        );
        assert_eq!(
            level(RouteMode::Auto, &fails),
            Ok((RouteLevel::Shim, Some("no".to_owned())))
        );
        assert_eq!(level(RouteMode::Isolated, &fails), Err("no".to_owned()));
        for (asked, had) in [
            (RouteMode::Shim, RouteLevel::Shim),
            (RouteMode::Proxy, RouteLevel::Proxy),
            (RouteMode::Direct, RouteLevel::Direct),
        ] {
            assert_eq!(level(asked, &works), Ok((had, None)));
        }
    }
}
