//! What can be said of projects of Braintrust.

use std::num::NonZeroU32;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Asking, INTERVAL, KEEP, PullError, PullErrorKind, SETTLE};
use archal_core::reach::{self, Reach};
use archal_core::source::{OptionInfo, OptionKind};

use crate::client::{self, Address, Advice, Client, Rate};

/// Where it is where nobody says.
pub(super) const HOST: &str = "https://api.braintrust.dev";
/// Queries a minute on one project: 20 are allowed, and the pages for browsers ask, too.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(15).expect("not zero");
/// What a write may be late by.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

pub(super) const OPTIONS: &[OptionInfo] = &[
    OptionInfo {
        name: "apiKeyEnv",
        about: "the variable with an API key that may read the project's logs",
        kind: OptionKind::Variable,
        default: Some("BRAINTRUST_API_KEY"),
        is_required: false,
    },
    OptionInfo {
        name: "host",
        about: "the data plane; https://api-eu.braintrust.dev for the EU, your own URL where it is self-hosted",
        kind: OptionKind::Text,
        default: Some(HOST),
        is_required: false,
    },
    INTERVAL,
    KEEP,
    OptionInfo {
        name: "organisation",
        about: "the organisation's name, where the key belongs to several",
        kind: OptionKind::Text,
        default: None,
        is_required: false,
    },
    OptionInfo {
        name: "overlap",
        about: "how far below the highest write that was seen the next pass begins",
        kind: OptionKind::Duration,
        default: Some("5m"),
        is_required: false,
    },
    OptionInfo {
        name: "perMinute",
        about: "queries a minute on one project",
        kind: OptionKind::Number {
            least: 1,
            most: 10_000,
        },
        default: Some("15"),
        is_required: false,
    },
    OptionInfo {
        name: "project",
        about: "names or ids of projects, between commas",
        kind: OptionKind::Text,
        default: None,
        is_required: true,
    },
    SETTLE,
];

/// Braintrust's own servers with a key that is there for them are asked without a step.
pub(super) const REACH: Reach = Reach {
    options: &["apiKeyEnv", "host"],
    is_usual: |named| {
        let host = Address::of("host", reach::text(named, "host"));
        host.is_ok_and(|host| host.is_of("braintrust.dev"))
            && reach::text(named, "apiKeyEnv").starts_with("BRAINTRUST_")
    },
    told: |named| {
        let (key, host) = (reach::text(named, "apiKeyEnv"), reach::text(named, "host"));
        format!("sends {key} to {host}")
    },
};

/// What was said, read.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) projects: Vec<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) overlap: Duration,
    pub(super) per_minute: NonZeroU32,
}

impl Settings {
    pub(super) fn read(asking: &Asking) -> Result<(Self, Client), PullError> {
        let said = &asking.options;
        let address = Address::of("host", said.text("host").unwrap_or(HOST))?;
        let missing = |message: &str, advice: &str| {
            PullError::new(PullErrorKind::Options, message).advice(advice)
        };
        let key = said.secret("apiKeyEnv").map(str::trim);
        let key = key.filter(|key| !key.is_empty()).ok_or_else(|| {
            missing(
                "the variable of option `apiKeyEnv` is not set",
                "export BRAINTRUST_API_KEY=…, or name another with apiKeyEnv=NAME",
            )
        })?;
        let mut projects: Vec<String> = said
            .text("project")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        projects.retain(|name| seen.insert(name.clone()));
        if projects.is_empty() {
            let advice = "say project=NAME, several between commas";
            return Err(missing("option `project` names none", advice));
        }
        let mut headers = vec![("authorization", format!("Bearer {key}"))];
        if let Some(name) = said.text("organisation") {
            headers.push(("x-bt-org-name", name.to_owned()));
        }
        let per_minute = said
            .number("perMinute")
            .and_then(|number| u32::try_from(number).ok());
        let settings = Self {
            host: address.host(),
            projects,
            since: asking.since,
            overlap: said.duration("overlap").unwrap_or(OVERLAP),
            per_minute: per_minute.and_then(NonZeroU32::new).unwrap_or(PER_MINUTE),
        };
        let client = client::Settings {
            service: "Braintrust",
            address,
            headers,
            secrets: vec![key],
            hold: Duration::from_secs(60),
            advice: ADVICE,
        };
        Ok((settings, Client::new(client, asking)?))
    }

    /// The limit is one of the project that is asked.
    pub(super) fn rate(&self, project: &str) -> Rate {
        Rate {
            bucket: format!("braintrust {} {project}", self.host),
            per_minute: self.per_minute,
        }
    }
}

const ADVICE: Advice = Advice {
    denied: "take an API key from Settings, API keys, of somebody who may read this project; say organisation=NAME where it belongs to several",
    missing: "see whether `host` is the data plane of your organisation (Settings, Data plane) and `project` exists there",
    unreachable: "see whether `host` is right and Braintrust is up, then run the same command again",
    limited: "wait a while, or ask less often with perMinute=N; the pages for browsers count, too",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_braintrust_is_sent_its_own_key_without_a_step() {
        for (key, host, expected) in [
            ("BRAINTRUST_API_KEY", HOST, true),
            ("BRAINTRUST_EU_KEY", "https://api-eu.braintrust.dev", true),
            ("AWS_SECRET_ACCESS_KEY", HOST, false),
            (
                "BRAINTRUST_API_KEY",
                "https://braintrust.dev.evil.example",
                false,
            ),
            ("BRAINTRUST_API_KEY", "http://localhost:8000", false),
        ] {
            let named =
                reach::Named::from([("apiKeyEnv", key.to_owned()), ("host", host.to_owned())]);
            assert_eq!((REACH.is_usual)(&named), expected, "{key} {host}");
            assert_eq!((REACH.told)(&named), format!("sends {key} to {host}"));
        }
    }

    #[test]
    fn options_are_sorted() {
        assert!(OPTIONS.is_sorted_by_key(|option| option.name));
    }
}
