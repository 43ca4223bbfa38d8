//! What a person can do after an agent's run that did not repair.

use super::outcome::Outcome;
use super::run::Driver;
use super::table::Agent;

/// What to do after a run with that outcome; none where nothing is wrong. `key` is the variable that
/// its key is taken from by configuration.
pub fn of(driver: &Driver, outcome: Outcome, key: Option<&str>) -> Option<String> {
    let agent = match driver {
        Driver::Agent(agent) => Some(*agent),
        Driver::Command(_) => None,
    };
    let text = match outcome {
        Outcome::Changed | Outcome::Stopped => return None,
        Outcome::NotStarted => match agent {
            Some(agent) => format!("install it: {}", agent.install),
            None => "see that the command is in PATH: it runs in a private copy of the repository"
                .to_owned(),
        },
        Outcome::Auth => agent.map_or_else(
            || "give it its key: `workspace.env` names the variables it gets".to_owned(),
            |agent| key_hint(agent, key),
        ),
        Outcome::Quota => {
            "wait, or see at its model's provider what the account may use".to_owned()
        }
        Outcome::LimitTurns => {
            "allow it more turns by `fixer.args`, or name a stronger model in `fixer.model`"
                .to_owned()
        }
        Outcome::LimitBudget => {
            "raise `budget.perTraceUsd`: it may spend a quarter of that".to_owned()
        }
        Outcome::Denied => {
            "its last words name the tool it was refused: `fixer.args` can allow that one"
                .to_owned()
        }
        Outcome::Timeout => {
            "raise `attach.fixTimeout` or `fixer.idleTimeout`, and see that it reaches its model: \
             agents wait for a network in silence"
                .to_owned()
        }
        Outcome::NoChange => match agent {
            Some(_) => "it changed nothing: name a stronger model in `fixer.model`".to_owned(),
            None => "it changed nothing: $ARCHAL_FIX_TASK names the file that says what to do"
                .to_owned(),
        },
        Outcome::NoResult | Outcome::Killed | Outcome::ToolError => {
            "run its command line by hand, with an empty HOME: its last words say where it ended"
                .to_owned()
        }
    };
    Some(text)
}

/// How an agent gets its key.
fn key_hint(agent: &Agent, key: Option<&str>) -> String {
    let home = "a login that is kept in your home is not seen";
    match (key, agent.keys.first()) {
        (Some(key), _) => format!("the key in {key} is not taken by its model's provider"),
        (None, Some(own)) => {
            format!("set {own}, or name the variable that holds its key in `fixer.keyEnv`; {home}")
        }
        (None, None) => format!(
            "name the variable that holds the key of its model's provider in `fixer.keyEnv`; {home}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[test]
    fn there_is_advice_for_all_that_can_go_wrong() {
        for agent in table::ALL {
            let driver = Driver::Agent(agent);
            for outcome in [
                Outcome::NotStarted,
                Outcome::Auth,
                Outcome::Quota,
                Outcome::NoResult,
            ] {
                assert!(of(&driver, outcome, None).is_some_and(|text| !text.contains("{}")));
            }
            assert_eq!(of(&driver, Outcome::Changed, None), None);
            let named = of(&driver, Outcome::Auth, Some("MY_KEY")).expect("advice");
            assert!(named.contains("MY_KEY"), "{named}");
        }
        let command = Driver::Command("true".to_owned());
        let idle = of(&command, Outcome::NoChange, None).expect("advice");
        assert!(!idle.contains("model"), "{idle}");
    }
}
