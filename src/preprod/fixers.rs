//! Who mends: a named coding agent, or a shell command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use archal_core::fixer::Fixer;
use archal_core::hash;

use crate::budget::prices::Prices;
use crate::config::Config;
use crate::config::sandbox::SandboxMode;
use crate::driver::run::Driver;
use crate::fix::choice::FixerChoice;
use crate::fix::confinement::Confinement;
use crate::fix::cycles::{self, Cycles, CyclesFixer, Ground};
use crate::fix::driven::DrivenFixer;
use crate::reproduce::workplace::{Workplace, WorkspaceOptions};
use crate::run::attempt::Bench;
use crate::run::seeds::StartState;
use crate::sandbox::StopToken;
use crate::sandbox::child::Bind;

use super::mending::Shop;

/// The fixer that is chosen for the loop; none where nothing is. A named agent takes the place of a
/// command, unless the command was asked for just now.
pub fn chosen(config: &Config, is_command_asked: bool) -> Option<FixerChoice> {
    let mut own = config.clone();
    own.attach
        .fix_command
        .clone_from(&config.preprod.fix_command);
    FixerChoice::of(&own, is_command_asked)
}

/// Whether a fixer is given anything that it could pay with: a key, or for a command any variable of
/// the caller's beside those that every program gets.
pub fn has_key(
    choice: &FixerChoice,
    caller: &Environment,
    withheld: &[String],
    variables: &[String],
) -> bool {
    match choice.driver {
        _ if choice.is_cycles => true,
        // An agent may have logged in by other ways than a variable.
        Driver::Agent(_) => true,
        Driver::Command(_) => variables
            .iter()
            .any(|name| !withheld.contains(name) && caller.get(name).is_some()),
    }
}

/// Everything about a choice that decides what its fixer does, as one text.
pub fn identity(choice: &FixerChoice, mode: SandboxMode, variables: &[String]) -> String {
    let hosts: Vec<String> = choice
        .hosts
        .iter()
        .map(|host| format!("{host:?}"))
        .collect();
    hash::of_json(&(
        (
            choice.shown(),
            &choice.model,
            &choice.key,
            &choice.arguments,
        ),
        (choice.idle, hosts, mode.name(), variables),
    ))
}

/// Fixers of one choice.
pub struct ChosenShop<'a> {
    /// The agent or command.
    pub choice: &'a FixerChoice,
    /// Makes cycles of agents, where they are the choice.
    pub cycles: &'a dyn Cycles,
    /// The user's repository.
    pub repo: &'a Path,
    /// What private copies have.
    pub options: &'a WorkspaceOptions,
    /// The same for people.
    pub shown: &'a str,
    /// Variables that are somebody else's keys.
    pub withheld: &'a [String],
    /// What models cost.
    pub prices: &'a Prices,
    /// Environment, containment; its token ends them.
    pub bench: &'a Bench<'a>,
    /// The starting states of the clones that it may reach.
    pub states: &'a BTreeMap<String, StartState>,
    /// Variables of the caller that every program in a private copy gets.
    pub variables: &'a [String],
    /// How far it is confined.
    pub mode: SandboxMode,
}

impl Shop for ChosenShop<'_> {
    fn name(&self) -> &str {
        self.shown
    }

    fn identity(&self) -> String {
        identity(self.choice, self.mode, self.variables)
    }

    fn confinement(&self) -> Confinement<'_> {
        Confinement::on(self.bench, self.states, self.mode, &self.choice.hosts)
    }

    fn fixer<'p>(
        &'p self,
        place: &'p Workplace,
        binds: &'p [Bind],
        confinement: &'p Confinement<'p>,
        variables: BTreeMap<String, String>,
        (transcript, stop): (PathBuf, &'p StopToken),
    ) -> Box<dyn Fixer + 'p> {
        if self.choice.is_cycles {
            return Box::new(CyclesFixer {
                cycles: self.cycles,
                ground: Ground {
                    choice: self.choice,
                    repo: self.repo,
                    options: self.options,
                    bench: self.bench,
                    mode: self.mode,
                    prices: self.prices,
                    folder: transcript.with_file_name(cycles::NAME),
                    transcript,
                    stop,
                },
            });
        }
        let caller = self.bench.environment;
        let mut environment = place.environment(caller);
        environment.extend(self.choice.variables(caller, self.withheld));
        environment.extend(variables);
        Box::new(DrivenFixer {
            driver: self.choice.driver.clone(),
            model: self.choice.model.clone(),
            arguments: self.choice.arguments.clone(),
            idle: self.choice.idle,
            environment,
            prices: self.prices,
            binary: self.bench.binary,
            containment: self.bench.probe.containment(),
            binds,
            confinement: Some(confinement),
            scrubber: self.bench.scrubber,
            transcript,
            stop: Some(stop),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(config: &str) -> FixerChoice {
        let config: Config = serde_json::from_str(config).expect("a configuration");
        chosen(&config, false).expect("a fixer")
    }

    #[test]
    fn another_model_or_argument_is_another_fixer() {
        let none: Vec<String> = Vec::new();
        let of = |config: &str| identity(&choice(config), SandboxMode::BestEffort, &none);
        let plain = of(r#"{"fixer": {"name": "claude"}}"#);
        assert_eq!(of(r#"{"fixer": {"name": "claude"}}"#), plain);
        for other in [
            r#"{"fixer": {"name": "codex"}}"#,
            r#"{"fixer": {"name": "claude", "model": "m"}}"#,
            r#"{"fixer": {"name": "claude", "args": ["--verbose"]}}"#,
            r#"{"fixer": {"name": "claude", "hosts": ["example.com"]}}"#,
            r#"{"preprod": {"fixCommand": "x"}}"#,
        ] {
            assert_ne!(of(other), plain, "{other}");
        }
        let one = choice(r#"{"fixer": {"name": "claude"}}"#);
        assert_ne!(identity(&one, SandboxMode::Off, &none), plain);
    }

    #[test]
    fn a_command_that_is_given_no_variable_has_nothing_to_pay_with() {
        let environment = |names: &[&str]| Environment {
            variables: names
                .iter()
                .map(|name| ((*name).to_owned(), "x".to_owned()))
                .collect(),
            directory: PathBuf::new(),
        };
        let named = ["FIX_KEY".to_owned()];
        let command = choice(r#"{"preprod": {"fixCommand": "x"}}"#);
        let there = environment(&["FIX_KEY"]);
        assert!(has_key(&command, &there, &[], &named));
        assert!(!has_key(&command, &there, &named, &named));
        assert!(!has_key(&command, &there, &[], &[]));
        assert!(!has_key(&command, &environment(&[]), &[], &named));
        let agent = choice(r#"{"fixer": {"name": "claude"}}"#);
        assert!(has_key(&agent, &environment(&[]), &[], &[]));
    }
}
