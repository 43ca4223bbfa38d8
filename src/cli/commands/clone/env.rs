//! `archal clone env`: the variables that lead clients to a session.

use std::collections::BTreeMap;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::Named;
use crate::session::service::desk::{Request, Way};
use crate::session::service::entrance;

/// Print the variables that lead clients to a session, for a shell to read
///
/// They name the base URLs, the MCP URLs and the tokens that the clones know:
/// `eval "$(archal clone env)"`. Clients that take no base URL need `archal clone exec`, or
/// `--routed` and a shell that does nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    #[command(flatten)]
    session: Named,

    /// Whose words are written
    #[arg(long, value_enum, value_name = "SHELL", default_value_t = Shell::Sh)]
    shell: Shell,

    /// Also lead all HTTP of the shell through the session, and make it trust its authority
    #[arg(long)]
    routed: bool,

    /// Take the variables back instead
    #[arg(long, conflicts_with = "json")]
    unset: bool,

    #[command(flatten)]
    output: JsonOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// sh, bash, zsh and their like.
    Sh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// What leads clients to a session: `archal clone env --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneEnvironment {
    /// Each variable with its value.
    variables: BTreeMap<String, String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let way: Way = args.session.ask(
        &Request::Way {
            directory: None,
            variables: BTreeMap::new(),
        },
        cx,
    )?;
    let mut variables = way.told;
    if args.routed {
        // Of variables that hold several things the shell keeps its own part.
        let mut joined = cx.environment.variables.clone();
        entrance::lead(&mut joined, false, &way.routed);
        let names = way.routed.into_keys();
        variables.extend(names.filter_map(|name| joined.remove_entry(&name)));
    }
    for (name, value) in &variables {
        cx.printer.line(if args.unset {
            args.shell.unset(name)
        } else {
            args.shell.set(name, value)
        });
    }
    cx.printer
        .document("archal.clone-env", 1, &CloneEnvironment { variables });
    Ok(Exit::Fine)
}

impl Shell {
    fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("export {name}='{}'", value.replace('\'', "'\\''")),
            Self::Fish => {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                format!("set -gx {name} '{value}'")
            }
            Self::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Powershell => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_word_for_each_shell() {
        let value = r"it's \ $HOME";
        assert_eq!(Shell::Sh.set("A", value), r"export A='it'\''s \ $HOME'");
        assert_eq!(Shell::Fish.set("A", value), r"set -gx A 'it\'s \\ $HOME'");
        assert_eq!(
            Shell::Powershell.set("A", value),
            r"$env:A = 'it''s \ $HOME'"
        );
    }
}
