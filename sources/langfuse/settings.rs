//! What can be said of a project of Langfuse.

use std::num::NonZeroU32;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Asking, INTERVAL, KEEP, PullError, PullErrorKind, SEND_SCORES, SETTLE};
use archal_core::reach::{self, Reach};
use archal_core::source::{OptionInfo, OptionKind};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::client::{self, Address, Advice, Client, Rate};

/// The shortest overlap: some of what Langfuse is sent is shown after a quarter of an hour.
const LEAST_OVERLAP: Duration = Duration::from_secs(30 * 60);
/// How far a look for what changed goes back.
const RECHECK: Duration = Duration::from_secs(48 * 3600);
/// Requests a minute of the smallest plan of Langfuse Cloud.
const CLOUD: u64 = 30;
/// Requests a minute to a server of one's own, which has no limit.
const OWN: u64 = 1_000;

pub(super) const OPTIONS: &[OptionInfo] = &[
    OptionInfo {
        name: "environment",
        about: "the deployment environments to read, between commas; all where nobody says",
        kind: OptionKind::Text,
        default: None,
        is_required: false,
    },
    OptionInfo {
        name: "host",
        about: "the region or server: https://cloud.langfuse.com, https://us.cloud.langfuse.com",
        kind: OptionKind::Text,
        default: None,
        is_required: true,
    },
    INTERVAL,
    KEEP,
    OptionInfo {
        name: "organisation",
        about: "a name that all sources of one Langfuse organisation share, and with it its rate limit",
        kind: OptionKind::Text,
        default: None,
        is_required: false,
    },
    OptionInfo {
        name: "overlap",
        about: "how far a pass begins before the last one, at least 30m",
        kind: OptionKind::Duration,
        default: Some("30m"),
        is_required: false,
    },
    OptionInfo {
        name: "perMinute",
        about: "requests a minute that the plan allows; 30 for Langfuse Cloud, 1000 elsewhere",
        kind: OptionKind::Number {
            least: 2,
            most: 100_000,
        },
        default: None,
        is_required: false,
    },
    OptionInfo {
        name: "publicKeyEnv",
        about: "the variable with the project's public key, `pk-lf-…`",
        kind: OptionKind::Variable,
        default: Some("LANGFUSE_PUBLIC_KEY"),
        is_required: false,
    },
    OptionInfo {
        name: "recheck",
        about: "how far a look for late and edited rows goes back once a day",
        kind: OptionKind::Duration,
        default: Some("48h"),
        is_required: false,
    },
    OptionInfo {
        name: "secretKeyEnv",
        about: "the variable with the project's secret key, `sk-lf-…`",
        kind: OptionKind::Variable,
        default: Some("LANGFUSE_SECRET_KEY"),
        is_required: false,
    },
    SEND_SCORES,
    SETTLE,
];

/// Langfuse Cloud with the keys that are there for it is asked without a step; its own are sent to it and to
/// nobody else. What is written there is another matter.
pub(super) const REACH: Reach = Reach {
    options: &["host", "publicKeyEnv", "secretKeyEnv", "sendScores"],
    is_usual: |named| {
        let is_own = |option| reach::text(named, option).starts_with("LANGFUSE_");
        let host = Address::of("host", reach::text(named, "host"));
        host.is_ok_and(|host| host.is_of("langfuse.com"))
            && is_own("publicKeyEnv")
            && is_own("secretKeyEnv")
            && reach::text(named, "sendScores") != "true"
    },
    told: |named| {
        let keys = reach::listed(named, &["publicKeyEnv", "secretKeyEnv"]);
        let scores = match reach::text(named, "sendScores") {
            "true" => ", and writes verdicts there",
            _ => "",
        };
        format!("sends {keys} to {}{scores}", reach::text(named, "host"))
    },
};

/// What was said, read.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) environments: Vec<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) overlap: Duration,
    pub(super) recheck: Duration,
    /// The rate of what releases since 4 have.
    pub(super) rate: Rate,
    /// The rate of what is on its way out.
    pub(super) legacy: Rate,
}

impl Settings {
    pub(super) fn read(asking: &Asking) -> Result<(Self, Client), PullError> {
        let said = &asking.options;
        let host = said.text("host").unwrap_or_default();
        let address = Address::of("host", host)?;
        let key = |option: &str, variable: &str| {
            let key = said
                .secret(option)
                .map(str::trim)
                .filter(|key| !key.is_empty());
            key.ok_or_else(|| {
                let message = format!("the variable of option `{option}` is not set");
                let advice = format!("export {variable}=…, or name another with {option}=NAME");
                PullError::new(PullErrorKind::Options, message).advice(advice)
            })
        };
        let public = key("publicKeyEnv", "LANGFUSE_PUBLIC_KEY")?;
        let secret = key("secretKeyEnv", "LANGFUSE_SECRET_KEY")?;
        let basic = BASE64_STANDARD.encode(format!("{public}:{secret}"));
        let is_cloud = address.is_of("langfuse.com");
        let limit = said.number("perMinute");
        let limit = limit.unwrap_or(if is_cloud { CLOUD } else { OWN });
        // Limits are those of an organisation; a project's key is the nearest that is known of it.
        let owner = said.text("organisation").unwrap_or(public);
        let bucket = format!("langfuse {} {owner}", address.host());
        let settings = Self {
            host: address.host(),
            environments: said
                .text("environment")
                .unwrap_or_default()
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            since: asking.since,
            overlap: said
                .duration("overlap")
                .unwrap_or_default()
                .max(LEAST_OVERLAP),
            recheck: said.duration("recheck").unwrap_or(RECHECK),
            legacy: Rate {
                bucket: format!("{bucket} legacy"),
                per_minute: most_of(if is_cloud { legacy_limit(limit) } else { limit }),
            },
            rate: Rate {
                bucket,
                per_minute: most_of(limit),
            },
        };
        let client = client::Settings {
            service: "Langfuse",
            address,
            headers: vec![("authorization", format!("Basic {basic}"))],
            secrets: vec![&basic, secret, public],
            hold: Duration::from_secs(60),
            advice: ADVICE,
        };
        Ok((settings, Client::new(client, asking)?))
    }
}

const ADVICE: Advice = Advice {
    denied: "take the keys of this project and region from Settings, API Keys; keys of another region are not known here",
    missing: "see whether `host` is the address of Langfuse itself, with https:// and without /api",
    unreachable: "see whether `host` is right and Langfuse is up, then run the same command again",
    limited: "wait a while, or say the limit of your plan with perMinute=N",
};

/// Four fifths of what is allowed: colleagues and the web pages ask, too. Langfuse refuses the last
/// request of a minute already.
fn most_of(limit: u64) -> NonZeroU32 {
    let most = limit.saturating_sub(1) * 4 / 5;
    NonZeroU32::new(u32::try_from(most).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

/// The limit of a plan on what is on its way out.
fn legacy_limit(limit: u64) -> u64 {
    match limit {
        1_000.. => 100,
        100.. => 30,
        _ => (limit / 2).max(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_left_to_others_and_the_last_one_is_never_asked() {
        let most = |limit| most_of(limit).get();
        assert_eq!(
            [most(30), most(100), most(1_000), most(2)],
            [23, 79, 799, 1]
        );
        let legacy = [30, 100, 999, 1_000].map(legacy_limit);
        assert_eq!(legacy, [15, 30, 30, 100]);
    }

    #[test]
    fn only_langfuse_cloud_is_sent_its_own_keys_without_a_step() {
        let of = |said: &[(&'static str, &str)]| {
            let mut named = reach::Named::from([
                ("host", "https://eu.cloud.langfuse.com".to_owned()),
                ("publicKeyEnv", "LANGFUSE_PUBLIC_KEY".to_owned()),
                ("secretKeyEnv", "LANGFUSE_SECRET_KEY".to_owned()),
                ("sendScores", "false".to_owned()),
            ]);
            named.extend(said.iter().map(|(name, text)| (*name, (*text).to_owned())));
            ((REACH.is_usual)(&named), (REACH.told)(&named))
        };
        assert!(of(&[]).0 && of(&[("secretKeyEnv", "LANGFUSE_STAGING_KEY")]).0);
        for said in [
            ("host", "https://langfuse.com.evil.example"),
            ("host", "https://evillangfuse.com"),
            ("host", "http://127.0.0.1:3000"),
            ("host", "cloud.langfuse.com"),
            ("publicKeyEnv", "AWS_SECRET_ACCESS_KEY"),
            ("secretKeyEnv", "AWS_SECRET_ACCESS_KEY"),
            ("sendScores", "true"),
        ] {
            let (is_usual, told) = of(&[said]);
            assert!(!is_usual, "{said:?}");
            assert!(told.contains(said.1) || told.contains("writes"), "{told}");
        }
    }

    #[test]
    fn options_are_sorted() {
        assert!(OPTIONS.is_sorted_by_key(|option| option.name));
    }
}
