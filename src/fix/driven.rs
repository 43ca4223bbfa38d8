//! The fixer that is a coding agent or any command, run in the fix workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::confined::Confined;
use archal_core::fixer::{FixRecord, FixTask, FixUsage, Fixer};

use crate::budget::prices::Prices;
use crate::driver::run::{self, Done, Driver, Work};
use crate::reproduce::metering;
use crate::run::scrub::Scrubber;
use crate::sandbox::child::{Bind, ChildOutcome, Containment};
use crate::sandbox::confine::{self, Demand};
use crate::sandbox::{self, Hold, StopToken};
use crate::store::atomic::{self, Durability};

use super::confinement::Confinement;

/// A fixer that a driver runs.
#[derive(Clone)]
pub struct DrivenFixer<'a> {
    /// The agent or command.
    pub driver: Driver,
    /// The model it is told to use.
    pub model: Option<String>,
    /// Further arguments of an agent.
    pub arguments: Vec<String>,
    /// How long it may be silent, where that is limited.
    pub idle: Option<Duration>,
    /// Its environment but for the home: `PATH`, locale, what the configuration names, and its key.
    pub environment: BTreeMap<String, String>,
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// How children can be held here.
    pub containment: Containment,
    /// What it sees of the disk, beside what is installed in its workspace.
    pub binds: &'a [Bind],
    /// How it is confined; none leaves it what the user may do.
    pub confinement: Option<&'a Confinement<'a>>,
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// What models cost.
    pub prices: &'a Prices,
    /// Where its output is kept.
    pub transcript: PathBuf,
    /// Ends it; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

impl Fixer for DrivenFixer<'_> {
    fn name(&self) -> &str {
        self.driver.name()
    }

    fn fix(&self, task: &FixTask<'_>) -> FixRecord {
        let mut binds = self.binds.to_vec();
        binds.extend(task.installed.iter().map(|(source, target)| Bind {
            source: source.clone(),
            target: target.clone(),
            read_only: true,
        }));
        let demand = self.demand(task);
        let done = run::run(
            &self.driver,
            &Work {
                prompt: &task.brief.join("task.md"),
                directory: task.workspace,
                home: task.home,
                environment: self.environment_of(task),
                model: self.model.as_deref(),
                arguments: &self.arguments,
                budget_usd: task.budget_usd,
                timeout: task.timeout,
                idle: self.idle,
                binds: &binds,
                is_walled: demand == Demand::Walls,
            },
            &Hold {
                helper: self.binary,
                containment: self.containment,
                stop: self.stop,
            },
            task.changed,
            &|spec, hold| match self.confinement {
                Some(confinement) => confinement.run(spec, task, demand),
                None => sandbox::run(&spec, hold),
            },
        );
        let confined = done.end.confined.clone();
        let confined = confined.map(|confined| self.without_secrets(confined));
        let (cost_usd, usage) = self.spent(&done, task.usage);
        let shown = match &self.driver {
            Driver::Command(line) => line.clone(),
            Driver::Agent(_) => done.command.join(" "),
        };
        FixRecord {
            fixer: self.name().to_owned(),
            command: self.scrubber.text(&shown),
            end: done.outcome,
            detail: done.detail.as_deref().map(|why| self.scrubber.text(why)),
            exit_code: match done.end.outcome {
                ChildOutcome::Exited { code } => Some(code),
                _ => None,
            },
            duration_ms: u64::try_from(done.end.duration.as_millis()).unwrap_or(u64::MAX),
            containment: match done.end.containment {
                Containment::Namespaces => "namespaces",
                Containment::Pgroup => "pgroup",
            }
            .to_owned(),
            sandbox: confined
                .as_ref()
                .map_or_else(|| "off".to_owned(), Confined::in_one_line),
            confined,
            cost_usd,
            usage,
            transcript: self.keep(&done),
        }
    }
}

impl DrivenFixer<'_> {
    /// What must hold for it to be started. An agent's own sandbox cannot start within archal's, which refuses
    /// namespaces, so the agent leaves it off: only where archal's was tried and holds as much, and then
    /// it must.
    fn demand(&self, task: &FixTask<'_>) -> Demand {
        let has_own = matches!(&self.driver, Driver::Agent(agent) if agent.own_sandbox.is_some());
        let tried = || self.confinement?.tried(&[task.workspace, task.home]);
        match has_own && tried().as_ref().is_some_and(confine::is_walled) {
            true => Demand::Walls,
            false => Demand::Nothing,
        }
    }

    fn environment_of(&self, task: &FixTask<'_>) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        let text = |path: &Path| path.display().to_string();
        environment.insert("HOME".to_owned(), text(task.home));
        environment.insert("TMPDIR".to_owned(), text(task.home));
        environment.insert(
            "ARCHAL_FIX_TASK".to_owned(),
            text(&task.brief.join("task.md")),
        );
        environment.insert("ARCHAL_FIX_BRIEF".to_owned(), text(task.brief));
        environment.insert("ARCHAL_USAGE_FILE".to_owned(), text(task.usage));
        if let Some(budget) = task.budget_usd {
            environment.insert("ARCHAL_BUDGET_USD".to_owned(), format!("{budget:.6}"));
        }
        environment
    }

    /// What it was refused holds lines of its output.
    fn without_secrets(&self, mut confined: Confined) -> Confined {
        for refusal in &mut confined.refused {
            refusal.what = self.scrubber.text(&refusal.what);
        }
        confined
    }

    /// Cost and usage: what the agent's records say, or else the file in which a command may.
    fn spent(&self, done: &Done, file: &Path) -> (Option<f64>, Option<FixUsage>) {
        let said = &done.reading.usage;
        let Some(tokens) = said.tokens() else {
            let spent = metering::read(file, self.scrubber);
            return (spent.usd(), spent.usage());
        };
        let asked = self.model.as_deref();
        let usage = FixUsage {
            input_tokens: Some(tokens.input),
            output_tokens: Some(tokens.output),
            model: said.model().or(asked).map(ToOwned::to_owned),
            ..FixUsage::default()
        };
        (said.cost(self.prices, asked), Some(usage))
    }

    /// Keeps both streams without secrets, stdout first. The transcript is for the reader; the proof
    /// does not depend on it.
    fn keep(&self, done: &Done) -> PathBuf {
        let mut said = done.end.stdout.clone();
        let dropped = done.end.stdout_dropped - done.end.stdout_tail.len() as u64;
        if dropped > 0 {
            said.extend_from_slice(format!("\n[{dropped} bytes are left out]\n").as_bytes());
        }
        said.extend_from_slice(&done.end.stdout_tail);
        said.extend_from_slice(&done.end.stderr);
        let said = self.scrubber.bytes(&said);
        match atomic::write(&self.transcript, &said, Durability::Synced) {
            Ok(()) => self.transcript.clone(),
            Err(_) => PathBuf::new(),
        }
    }
}
