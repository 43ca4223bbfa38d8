//! What is old goes, when a watcher starts and once a day, beside all other work.

use std::sync::Weak;
use std::time::Duration;

use crate::config::schema::Retention;
use crate::sandbox::stop::StopToken;

use super::desk::{Desk, Told};
use super::engine::{Attached, Engine};
use super::reproducing::chain;
use super::retention::Pruner;
use super::telling::all;

/// Between two rounds.
const DAY: Duration = Duration::from_secs(86_400);

/// Removes what is old, once a day, until `stop`.
pub(super) fn keep_tidy(engine: &Engine, desk: &Weak<Desk>, told: &Told, stop: &StopToken) {
    loop {
        let attached = all(desk);
        if attached.is_empty() {
            return;
        }
        prune(engine, &attached, told, stop);
        if stop.wait(DAY) {
            return;
        }
    }
}

fn prune(engine: &Engine, attached: &[Attached], told: &Told, stop: &StopToken) {
    let mut settings: Option<Retention> = None;
    for attached in attached {
        // Nothing goes that one of them keeps.
        match engine.ready(attached, false) {
            Ok(ready) => {
                let own = &ready.settings.retention;
                settings = Some(settings.map_or_else(|| own.clone(), |all| all.longest(own)));
            }
            Err(error) => return told(&format!("nothing is pruned: {}", chain(&error))),
        }
    }
    let Some(settings) = settings else { return };
    let pruner = Pruner {
        layout: &engine.surround.layout,
        repo: &engine.surround.repo,
        settings: &settings,
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
