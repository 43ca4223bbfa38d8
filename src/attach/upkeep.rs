//! What is old goes, when a watcher starts and once a day, beside all other work.

use std::sync::Weak;
use std::time::Duration;

use crate::sandbox::stop::StopToken;

use super::desk::{Desk, Told};
use super::engine::{Attached, Engine};
use super::reproducing::chain;
use super::retention::Pruner;
use super::telling::first;

/// Between two rounds.
const DAY: Duration = Duration::from_secs(86_400);

/// Removes what is old, once a day, until `stop`.
pub(super) fn keep_tidy(engine: &Engine, desk: &Weak<Desk>, told: &Told, stop: &StopToken) {
    while let Some(attached) = first(desk) {
        prune(engine, &attached, told, stop);
        if stop.wait(DAY) {
            return;
        }
    }
}

fn prune(engine: &Engine, attached: &Attached, told: &Told, stop: &StopToken) {
    let ready = match engine.ready(attached, false) {
        Ok(ready) => ready,
        Err(error) => return told(&format!("nothing is pruned: {}", chain(&error))),
    };
    let pruner = Pruner {
        layout: &engine.surround.layout,
        repo: &engine.surround.repo,
        settings: &ready.settings.retention,
        clock: engine.surround.clock.as_ref(),
        stop: Some(stop),
    };
    match pruner.prune_in_numbers(&engine.state) {
        Err(error) => told(&format!("nothing is pruned: {}", chain(&error))),
        Ok(report) => {
            if report.removed > 0 {
                told(&format!(
                    "pruned what is old of {}: {} bytes of {}",
                    report.removed, report.bytes_removed, report.bytes_before
                ));
            }
            for finding in &report.diagnostics {
                let place = finding
                    .file
                    .as_ref()
                    .map_or_else(String::new, |file| format!("{}: ", file.display()));
                told(&format!("{place}{}", finding.message));
            }
        }
    }
}
