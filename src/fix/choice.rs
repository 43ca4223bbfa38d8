//! Who repairs, by configuration and options.

use std::collections::BTreeMap;
use std::time::Duration;

use archal_core::environment::Environment;

use crate::config::Config;
use crate::config::allow::Allowed;
use crate::config::fixer::FixerName;
use crate::driver::run::{self, Driver};
use crate::driver::table;

use super::{cycles, hosts};

/// An agent may be silent for this long: it is while a tool it called works.
const IDLE: Duration = Duration::from_secs(600);

/// Who repairs, and how it is called.
#[derive(Debug, Clone)]
pub struct FixerChoice {
    /// The agent or command.
    pub driver: Driver,
    /// Whether it is cycles of agents: who plays their roles is said elsewhere, and the driver is a name.
    pub is_cycles: bool,
    /// The model it is told to use.
    pub model: Option<String>,
    /// The variable that holds its key, where that is not its own.
    pub key: Option<String>,
    /// Further arguments of an agent.
    pub arguments: Vec<String>,
    /// How long it may be silent, where that is limited.
    pub idle: Option<Duration>,
    /// What it may reach beside the clones.
    pub hosts: Vec<Allowed>,
}

impl FixerChoice {
    /// The configured one; none where nothing is configured. A named agent takes the place of a
    /// command, unless the command was asked for just now.
    pub fn of(config: &Config, is_command_asked: bool) -> Option<Self> {
        let fixer = &config.fixer;
        let named = fixer.name.filter(|_| !is_command_asked);
        let agent = named.and_then(|name| table::named(name.name()));
        let is_cycles = named == Some(FixerName::Pdca);
        let driver = match agent {
            Some(agent) => Driver::Agent(agent),
            None if is_cycles => Driver::Command(cycles::NAME.to_owned()),
            None => Driver::Command(config.attach.fix_command.clone()?),
        };
        let asked = fixer
            .idle_timeout
            .map(|seconds| Duration::from_secs(seconds.into()));
        Some(Self {
            // A command may work in silence.
            idle: asked.or(agent.map(|_| IDLE)),
            hosts: match &fixer.hosts {
                Some(named) => named.iter().filter_map(|host| host.parse().ok()).collect(),
                None => hosts::of(driver.name()),
            },
            driver,
            is_cycles,
            model: fixer.model.clone(),
            key: fixer.key_env.clone(),
            arguments: fixer.args.clone(),
        })
    }

    /// The variables of the caller that are for it alone. `withheld` are somebody else's keys.
    pub fn variables(&self, caller: &Environment, withheld: &[String]) -> BTreeMap<String, String> {
        match self.driver {
            Driver::Agent(agent) => run::variables(agent, caller, self.key.as_deref(), withheld),
            Driver::Command(_) => BTreeMap::new(),
        }
    }

    /// Its name in records.
    pub fn name(&self) -> &'static str {
        match self.is_cycles {
            true => cycles::NAME,
            false => self.driver.name(),
        }
    }

    /// For people: its name, or the command in quotes.
    pub fn shown(&self) -> String {
        match &self.driver {
            _ if self.is_cycles => cycles::NAME.to_owned(),
            Driver::Agent(agent) => agent.name.to_owned(),
            Driver::Command(command) => format!("`{command}`"),
        }
    }
}
