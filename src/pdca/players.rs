//! Who can play the roles of a run: agents that may commit and nothing else, and commands.

use crate::driver::run::Driver;
use crate::driver::table;
use crate::fix::choice::FixerChoice;

use super::settings::Config;

/// Agents whose Maker can commit, and the arguments that let it.
const COMMITS: &[(&str, &[&str])] = &[
    (
        "claude",
        &[
            "--allowedTools",
            "Bash(git add:*),Bash(git commit:*),Bash(git status:*)",
        ],
    ),
    ("codex", &[]),
];

/// Those agents, for people.
pub fn committing() -> String {
    let names: Vec<&str> = COMMITS.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The arguments that let an agent commit; none where it cannot.
pub fn commits(agent: &str) -> Option<&'static [&'static str]> {
    let found = COMMITS.iter().find(|(name, _)| *name == agent)?;
    Some(found.1)
}

/// Who plays the role that writes, by who plays the others: whoever only reads need not be able to
/// commit.
pub fn committer(choice: &FixerChoice) -> FixerChoice {
    let mut maker = choice.clone();
    if let Driver::Agent(agent) = choice.driver {
        let given = commits(agent.name).unwrap_or_default();
        maker
            .arguments
            .extend(given.iter().map(ToString::to_string));
    }
    maker
}

/// Who plays the roles where the run is a fixer: what the settings of runs name as their driver, with the
/// model, key and hosts that the fixer is configured with.
///
/// # Errors
///
/// Why nobody can, with what to do about it.
pub fn of_fixer(config: &Config, fixer: &FixerChoice) -> Result<FixerChoice, String> {
    let name = config.driver.as_deref().ok_or(
        "no driver plays the roles: `driver` in .archeflow/config.yaml names one (archal pdca init)",
    )?;
    let driver = match (config.drivers.get(name), table::named(name)) {
        (Some(own), _) => Driver::Command(own.command.clone()),
        (None, Some(agent)) if commits(agent.name).is_some() => Driver::Agent(agent),
        (None, _) => {
            return Err(format!(
                "{name} cannot play the roles of a run: there are {}, and `drivers` in .archeflow/config.yaml",
                committing()
            ));
        }
    };
    Ok(FixerChoice {
        driver,
        is_cycles: false,
        ..fixer.clone()
    })
}
