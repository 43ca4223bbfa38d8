//! Which route a run would have, what was tried for it, what stands in the way, and the command
//! that mends it.

use std::fs;
use std::path::Path;

use super::checks::{Check, Status};
use crate::cli::context::CommandContext;
use crate::config::Config;
use crate::config::allow;
use crate::sandbox::hold::{self, Probe};
use crate::session::{Egress, RouteLevel, route};

/// What this machine says of itself that bears on namespaces.
#[derive(Debug, Clone, Default)]
struct Machine {
    is_linux: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1.
    apparmor_restricts: bool,
    /// `kernel.unprivileged_userns_clone` is 0.
    clone_is_off: bool,
    /// `user.max_user_namespaces` is 0.
    none_allowed: bool,
    /// This is a container.
    is_container: bool,
    /// A filter of system calls is on.
    has_seccomp: bool,
}

impl Machine {
    fn here() -> Self {
        let is = |setting: &str, value: &str| {
            fs::read_to_string(format!("/proc/sys/{setting}"))
                .is_ok_and(|found| found.trim() == value)
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            is_linux: cfg!(target_os = "linux"),
            apparmor_restricts: is("kernel/apparmor_restrict_unprivileged_userns", "1"),
            clone_is_off: is("kernel/unprivileged_userns_clone", "0"),
            none_allowed: is("user/max_user_namespaces", "0"),
            is_container: ["/.dockerenv", "/run/.containerenv"]
                .iter()
                .any(|mark| Path::new(mark).exists()),
            has_seccomp: status.lines().any(|line| {
                let value = line.strip_prefix("Seccomp:").map(str::trim);
                value == Some("2")
            }),
        }
    }

    /// What most likely stands in the way, and the command that mends it.
    fn obstacle(&self, binary: &Path) -> (&'static str, Option<String>) {
        if !self.is_linux {
            return ("they are Linux's", None);
        }
        if self.none_allowed {
            return (
                "user.max_user_namespaces is 0",
                Some("sudo sysctl -w user.max_user_namespaces=15000".to_owned()),
            );
        }
        if self.clone_is_off {
            return (
                "kernel.unprivileged_userns_clone is 0",
                Some("sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned()),
            );
        }
        if self.is_container {
            let why = match self.has_seccomp {
                true => "this container's filter of system calls (seccomp) refuses them",
                false => "this container may not make them",
            };
            let hint = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …";
            return (why, Some(hint.to_owned()));
        }
        if self.apparmor_restricts {
            let profile = format!(
                "abi <abi/4.0>,\\nprofile archal \"{}\" flags=(unconfined) {{ userns, }}\\n",
                binary.display()
            );
            let hint = format!(
                "printf '{profile}' | sudo tee /etc/apparmor.d/archal && sudo apparmor_parser -r /etc/apparmor.d/archal"
            );
            return (
                "AppArmor restricts them to programs with a profile (kernel.apparmor_restrict_unprivileged_userns is 1)",
                Some(hint),
            );
        }
        if self.has_seccomp {
            return ("a filter of system calls (seccomp) is on", None);
        }
        ("no setting that archal knows says why", None)
    }
}

/// Route, containment and what is let through.
pub(super) fn all(config: Option<&Config>, cx: &CommandContext) -> Vec<Check> {
    let probe = hold::probe(&cx.binary);
    let mode = config.map(|config| config.route.mode).unwrap_or_default();
    let mut checks = vec![match route::choose(mode, || &probe) {
        Err(_) => missing(&probe, cx),
        Ok(report) if report.level == RouteLevel::Isolated => isolated(cx),
        Ok(report) => less(report.level, &probe, cx),
    }];
    checks.push(match &probe.namespaces {
        Ok(()) => Check::new("containment", Status::Ready, "namespaces"),
        Err(_) => Check::new("containment", Status::Limited, "process group"),
    });
    if let Some(config) = config {
        let allowed = allow::entries(&config.route);
        let egress = Egress::of(&allowed, &cx.environment);
        checks.extend(egress.ways().into_iter().map(|(entry, way)| match way {
            Ok(way) => Check::new("allowed", Status::Ready, format!("{entry}: {way}")),
            Err(why) => Check::new("allowed", Status::Limited, format!("{entry}: {why}")),
        }));
    }
    checks
}

fn isolated(cx: &CommandContext) -> Check {
    match hold::probe_redirect(&cx.binary) {
        Ok(()) => Check::new(
            "route",
            Status::Ready,
            "isolated: agents see only the clones",
        ),
        Err(why) => Check::new(
            "route",
            Status::Ready,
            format!(
                "isolated: agents see only the clones; refused connections are named on the ports 443 and 80 alone (nftables: {why})"
            ),
        )
        .hint("sudo modprobe nf_tables nft_chain_nat nft_redir"),
    }
}

/// A route that holds less, by choice or for want of namespaces.
fn less(level: RouteLevel, probe: &Probe, cx: &CommandContext) -> Check {
    let Err(reason) = &probe.namespaces else {
        let detail = format!(
            "{}, as configured: {}; isolated works here",
            level.name(),
            level.leak()
        );
        return Check::new("route", Status::Limited, detail)
            .hint("\"route\": {\"mode\": \"isolated\"}");
    };
    let (why, hint) = Machine::here().obstacle(&cx.binary);
    let detail = format!(
        "{}: {}. Namespaces were tried: {reason}; {why}",
        level.name(),
        level.leak()
    );
    with(Check::new("route", Status::Limited, detail), hint)
}

/// `isolated` is asked for and not to be had.
fn missing(probe: &Probe, cx: &CommandContext) -> Check {
    let reason = probe.namespaces.as_ref().err();
    let (why, hint) = Machine::here().obstacle(&cx.binary);
    let detail = format!(
        "isolated is configured. Namespaces were tried: {}; {why}",
        reason.map_or("", String::as_str)
    );
    with(Check::new("route", Status::Missing, detail), hint)
}

fn with(check: Check, hint: Option<String>) -> Check {
    match hint {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_has_the_command_that_mends_it() {
        let linux = Machine {
            is_linux: true,
            ..Machine::default()
        };
        let machines = [
            Machine::default(),
            linux.clone(),
            Machine {
                none_allowed: true,
                apparmor_restricts: true,
                ..linux.clone()
            },
            Machine {
                clone_is_off: true,
                ..linux.clone()
            },
            Machine {
                apparmor_restricts: true,
                ..linux.clone()
            },
            Machine {
                is_container: true,
                has_seccomp: true,
                apparmor_restricts: true,
                ..linux.clone()
            },
            Machine {
                is_container: true,
                ..linux.clone()
            },
            Machine {
                has_seccomp: true,
                ..linux
            },
        ];
        let told: Vec<String> = machines
            .iter()
            .map(|machine| {
                let (why, hint) = machine.obstacle(Path::new("/opt/my tools/archal"));
                format!("{why}\n  {}", hint.as_deref().unwrap_or("-"))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        they are Linux's
          -
        no setting that archal knows says why
          -
        user.max_user_namespaces is 0
          sudo sysctl -w user.max_user_namespaces=15000
        kernel.unprivileged_userns_clone is 0
          sudo sysctl -w kernel.unprivileged_userns_clone=1
        AppArmor restricts them to programs with a profile (kernel.apparmor_restrict_unprivileged_userns is 1)
          printf 'abi <abi/4.0>,\nprofile archal "/opt/my tools/archal" flags=(unconfined) { userns, }\n' | sudo tee /etc/apparmor.d/archal && sudo apparmor_parser -r /etc/apparmor.d/archal
        this container's filter of system calls (seccomp) refuses them
          docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …
        this container may not make them
          docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …
        a filter of system calls (seccomp) is on
          -
        "#);
    }
}
