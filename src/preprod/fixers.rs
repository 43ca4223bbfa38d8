//! Who mends: a named coding agent, or a shell command.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archal_core::fixer::Fixer;

use crate::budget::prices::Prices;
use crate::config::Config;
use crate::config::sandbox::SandboxMode;
use crate::fix::choice::FixerChoice;
use crate::fix::confinement::Confinement;
use crate::fix::driven::DrivenFixer;
use crate::reproduce::workplace::Workplace;
use crate::run::attempt::Bench;
use crate::run::seeds::StartState;
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

/// Fixers of one choice.
pub struct ChosenShop<'a> {
    /// The agent or command.
    pub choice: &'a FixerChoice,
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
    /// How far it is confined.
    pub mode: SandboxMode,
}

impl Shop for ChosenShop<'_> {
    fn name(&self) -> &str {
        self.shown
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
        transcript: PathBuf,
    ) -> Box<dyn Fixer + 'p> {
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
            stop: self.bench.stop,
        })
    }
}
