//! Every host the present configuration could contact, and why.

use std::path::Path;

use archal_core::environment::Environment;
use archal_core::pull::SEND_SCORES;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::context::CommandContext;
use crate::cli::state::Place;
use crate::config::fixer::FixerName;
use crate::config::notice::{self, Channel};
use crate::config::schema::{ExecutionPolicy, RouteMode};
use crate::config::{Config, Loaded};
use crate::driver::table;
use crate::ingest::pull::asking;
use crate::ingest::registry::{Places, Registry};
use crate::judge::settings::Settings;

/// Someone who could be contacted.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Contact {
    /// Which program would do it.
    by: &'static str,
    /// Which hosts.
    hosts: String,
    /// Why it could.
    why: String,
}

/// Who could be contacted: `archal doctor --network --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Contacts {
    /// Each.
    contacts: Vec<Contact>,
}

/// Who contacts what a webhook names.
const ITSELF: &str = "archal itself";

/// Prints the contacts. archal itself has none but the judge, a webhook and sources that are asked.
/// Publishing is by git, `gh` or REST and told as such.
pub(super) fn print(loaded: &Loaded, cx: &CommandContext) {
    let judge = judge(loaded, &cx.environment);
    let contacts: Vec<Contact> = judge
        .into_iter()
        .chain(contacts(&loaded.config, &cx.environment))
        .chain(sources(cx))
        .collect();
    if contacts.iter().all(|contact| contact.by != ITSELF) {
        cx.printer.line(format!("{ITSELF}: no host"));
    }
    for contact in &contacts {
        cx.printer.line(format!(
            "{}: {}, {}",
            contact.by, contact.hosts, contact.why
        ));
    }
    cx.printer
        .document("archal.doctor-network", 1, &Contacts { contacts });
}

fn contacts(config: &Config, environment: &Environment) -> Vec<Contact> {
    let mut contacts: Vec<Contact> = notices(config, environment).into_iter().collect();
    contacts.extend(results(config));
    match config.route.mode {
        // In `isolated` the harness has no network but the clones.
        RouteMode::Isolated => {}
        RouteMode::Auto => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host".to_owned(),
            why: "where user namespaces do not work, a client that is neither Node nor Python and ignores the proxy variables is not held (route `auto`)".to_owned(),
        }),
        RouteMode::Shim => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host".to_owned(),
            why: "a client that is neither Node nor Python and ignores the proxy variables is not held (route `shim`)".to_owned(),
        }),
        RouteMode::Proxy => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host".to_owned(),
            why: "a client that ignores the proxy variables is not held (route `proxy`)".to_owned(),
        }),
        RouteMode::Direct => contacts.push(Contact {
            by: "the agent's harness",
            hosts: "any host".to_owned(),
            why: "nothing is intercepted (route `direct`)".to_owned(),
        }),
    }
    if config.route.mode != RouteMode::Direct {
        contacts.extend(config.route.allow.iter().map(|entry| Contact {
            by: "the agent's harness",
            hosts: entry.clone(),
            why: "it is let through (`route.allow`)".to_owned(),
        }));
    }
    if let Some(setup) = &config.workspace.setup {
        contacts.push(Contact {
            by: "the workspace's setup command",
            hosts: "any host".to_owned(),
            why: format!("`{setup}` runs with network"),
        });
    }
    if let Some(name) = config.fixer.name
        && let Some(agent) = table::named(name.name())
        && config.attach.allow_external_execution
        && config.attach.policy == ExecutionPolicy::Fix
    {
        contacts.push(Contact {
            by: "the fixer",
            hosts: "any host".to_owned(),
            why: format!(
                "{} runs with network; by itself it talks to {}",
                agent.name, agent.hosts
            ),
        });
    } else if config.fixer.name == Some(FixerName::Pdca)
        && config.attach.allow_external_execution
        && config.attach.policy == ExecutionPolicy::Fix
    {
        contacts.push(Contact {
            by: "the fixer",
            hosts: "any host".to_owned(),
            why: "who plays the roles of its runs (`driver` in .archeflow/config.yaml) runs with network"
                .to_owned(),
        });
    } else if let Some(command) = &config.attach.fix_command
        && config.attach.allow_external_execution
        && config.attach.policy == ExecutionPolicy::Fix
    {
        contacts.push(Contact {
            by: "the fix command",
            hosts: "any host".to_owned(),
            why: format!("`{command}` runs with network"),
        });
        if config.attach.open_pr {
            contacts.push(Contact {
                by: "git and gh",
                hosts: format!("the host of the remote {}", config.attach.publish.remote),
                why: "a proven fix is pushed and opened as a draft there (`attach.openPr`)"
                    .to_owned(),
            });
        }
    }
    contacts
}

/// Sources of this repository that are enabled and asked. A registry that cannot be read asks nobody.
fn sources(cx: &CommandContext) -> Vec<Contact> {
    let Ok(place) = Place::of(Path::new("."), cx) else {
        return Vec::new();
    };
    let places = Places::of(&place.repo, &place.layout, &cx.environment);
    let Ok(registry) = Registry::read(&places, cx.sources) else {
        return Vec::new();
    };
    let mut contacts = Vec::new();
    for source in registry.sources().iter().filter(|one| one.is_enabled) {
        let Some((known, pull)) = source
            .descriptor(cx.sources)
            .and_then(|known| Some((known, known.pull?)))
        else {
            continue;
        };
        // A host may stand in a connection string; what is not set cannot be asked.
        let said = [Some(&cx.environment), None]
            .iter()
            .find_map(|from| asking::said(&source.options, known.options, *from).ok());
        let said = said.unwrap_or_default();
        let hosts = (pull.hosts)(&said);
        if !hosts.is_empty() {
            let takes = pull.scores.is_some() && source.options.switch(SEND_SCORES.name);
            let sent = if takes {
                ", and sent the verdicts on them"
            } else {
                ""
            };
            let allowed = match source.is_allowed() {
                true => String::new(),
                false => format!(
                    ", but not before you allow it: archal trace-source allow {}",
                    source.name
                ),
            };
            contacts.push(Contact {
                by: ITSELF,
                hosts: hosts.join(", "),
                why: format!(
                    "the trace source `{}` ({}) is asked for traces{sent}{allowed}",
                    source.name, source.provider
                ),
            });
        }
    }
    contacts
}

/// Who is asked about `[P]` criteria. One that is configured half cannot be contacted.
fn judge(loaded: &Loaded, environment: &Environment) -> Option<Contact> {
    let settings = Settings::of(loaded, false).ok()??;
    let variable = &settings.key_variable;
    let key = if settings.has_key(environment) {
        format!("with the key in ${variable}")
    } else if settings.judge.needs_key {
        format!("but not before ${variable} is set, which holds its key")
    } else {
        format!("without a key (${variable} is not set)")
    };
    Some(Contact {
        by: ITSELF,
        hosts: settings.host(),
        why: format!(
            "`archal run` asks {} there about `[P]` criteria (`judge`){} and shows it what the agent said and did, {key}",
            settings.judge.model,
            match loaded.config.grade.judge {
                true => ", `archal attach` and `archal grade` about traces (`grade.judge`)",
                false => "",
            }
        ),
    })
}

/// Who is told of verdicts.
fn results(config: &Config) -> Option<Contact> {
    let url = config.grade.results.url()?;
    Some(Contact {
        by: ITSELF,
        hosts: notice::host(&url)?,
        why: "verdicts on traces are posted there as OTLP (`grade.results`)".to_owned(),
    })
}

/// Who is told of failures.
fn notices(config: &Config, environment: &Environment) -> Option<Contact> {
    let to_webhook = |hosts: String, key: &str| Contact {
        by: ITSELF,
        hosts,
        why: format!("notices of failures are posted there (`attach.notify.{key}`)"),
    };
    match notice::channel(&config.attach.notify)? {
        Channel::Webhook(url) => Some(to_webhook(notice::host(&url)?, "webhook")),
        Channel::WebhookEnv(name) => {
            let host = environment.get(&name).and_then(notice::host);
            let host = host.unwrap_or_else(|| format!("the host of ${name}, which holds no URL"));
            Some(to_webhook(host, "webhookEnv"))
        }
        Channel::Command(command) => config.attach.allow_external_execution.then(|| Contact {
            by: "the notify command",
            hosts: "any host".to_owned(),
            why: format!("`{command}` runs with network"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_children_outside_the_namespace_reach_out() {
        let contacts = |config: &Config| contacts(config, &Environment::default());
        let mut config = Config::default();
        config.route.mode = RouteMode::Isolated;
        assert_eq!(contacts(&config), []);
        config.attach.fix_command = Some("./fix".to_owned());
        assert_eq!(contacts(&config), [], "the command has no permission");
        config.attach.allow_external_execution = true;
        config.attach.policy = ExecutionPolicy::Fix;
        assert_eq!(contacts(&config).len(), 1);
    }

    #[test]
    fn the_host_of_a_webhook_is_told_and_never_more_of_it() {
        let environment = Environment {
            variables: [(
                "HOOK".to_owned(),
                "https://chat.example.com/t/abc".to_owned(),
            )]
            .into(),
            ..Environment::default()
        };
        let mut config = Config::default();
        config.route.mode = RouteMode::Isolated;
        let hosts = |config: &Config| {
            let contacts = contacts(config, &environment);
            contacts
                .into_iter()
                .map(|contact| contact.hosts)
                .collect::<Vec<_>>()
        };
        config.attach.notify.webhook_env = Some("HOOK".to_owned());
        assert_eq!(hosts(&config), ["chat.example.com"]);
        config.attach.notify.webhook_env = Some("NONE".to_owned());
        assert_eq!(hosts(&config), ["the host of $NONE, which holds no URL"]);
        config.attach.notify.webhook_env = None;
        config.attach.notify.command = Some("mail".to_owned());
        assert_eq!(hosts(&config), [""; 0], "the command has no permission");
        config.attach.allow_external_execution = true;
        assert_eq!(hosts(&config), ["any host"]);
    }
}
