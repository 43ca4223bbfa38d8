//! Where notices go, once the settings of `attach.notify` are sound.

use archal_core::diagnostic::Diagnostic;
use http::Uri;

use super::schema::Notify;

/// A part of a path this long with letters and digits in it is taken for a token.
const TOKEN: usize = 20;
/// Chat services whose webhook URLs are secrets as a whole.
const SECRET_HOSTS: &[&str] = &[
    "chat.googleapis.com",
    "discord.com",
    "discordapp.com",
    "hooks.slack.com",
    "logic.azure.com",
    "webhook.office.com",
];

/// Where a notice goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// To a shell command.
    Command(String),
    /// To a URL that holds no secret.
    Webhook(String),
    /// To the URL in a variable.
    WebhookEnv(String),
}

/// Where notices go; none where nobody asked for any.
pub fn channel(notify: &Notify) -> Option<Channel> {
    let command = notify.command.clone().map(Channel::Command);
    let webhook = notify.webhook.clone().map(Channel::Webhook);
    let variable = notify.webhook_env.clone().map(Channel::WebhookEnv);
    command.or(webhook).or(variable)
}

/// What is wrong with the settings: the key and the finding.
pub(super) fn problem(notify: &Notify) -> Option<(String, Diagnostic)> {
    let at = |key: &str| format!("attach.notify.{key}");
    let given: Vec<&str> = [
        ("command", notify.command.is_some()),
        ("webhook", notify.webhook.is_some()),
        ("webhookEnv", notify.webhook_env.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_given)| is_given.then_some(name))
    .collect();
    if let [first, second, ..] = given[..] {
        let told = format!("`{}` and `{}` exclude each other", at(first), at(second));
        let finding = Diagnostic::error("config/notify", told)
            .with_help("notices go to one place; a command can hand them on to several");
        return Some((at(second), finding));
    }
    if notify
        .command
        .as_deref()
        .is_some_and(|command| command.trim().is_empty())
    {
        let finding = Diagnostic::error("config/notify", "the notify command is empty");
        return Some((at("command"), finding));
    }
    if let Some(name) = &notify.webhook_env
        && (name.is_empty() || name.contains(['=', '/', ':']))
    {
        let told = format!(
            "`{}` is the name of a variable, not its value",
            at("webhookEnv")
        );
        let finding = Diagnostic::error("config/notify", told)
            .with_help("\"webhookEnv\": \"ARCHAL_WEBHOOK_URL\"");
        return Some((at("webhookEnv"), finding));
    }
    let url = notify.webhook.as_deref()?;
    if let Err(reason) = usable(url) {
        let told = format!("`{}` {reason}", at("webhook"));
        return Some((at("webhook"), Diagnostic::error("config/notify", told)));
    }
    holds_a_secret(url).then(|| {
        let told = format!("`{}` seems to hold a secret", at("webhook"));
        let finding = Diagnostic::error("config/notify", told).with_help(
            "keep the URL in a variable and name that: \"webhookEnv\": \"ARCHAL_WEBHOOK_URL\"",
        );
        (at("webhook"), finding)
    })
}

/// Whether notices can be posted to a URL: `https`, or `http` to this machine.
///
/// # Errors
///
/// What is wrong with it; the text holds nothing of the URL, which may be a secret.
pub fn usable(url: &str) -> Result<(), &'static str> {
    let uri: Uri = url.trim().parse().map_err(|_| "is no URL")?;
    let host = uri.host().ok_or("names no host")?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_this_machine(host) => Ok(()),
        Some("http") => Err("must be https; http is taken to this machine alone"),
        _ => Err("must begin with https://"),
    }
}

/// The host and port of a URL, as people know them.
pub fn host(url: &str) -> Option<String> {
    let uri: Uri = url.trim().parse().ok()?;
    let host = uri.host()?;
    Some(match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

pub(super) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

pub(super) fn holds_a_secret(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return true;
    };
    let host = uri.host().unwrap_or_default();
    let is_known = SECRET_HOSTS
        .iter()
        .any(|known| host == *known || host.ends_with(&format!(".{known}")));
    let is_token = |part: &str| {
        let has = |kind: fn(&char) -> bool| part.chars().any(|c| kind(&c));
        part.len() >= TOKEN && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
    };
    is_known
        || uri.query().is_some()
        || uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        || uri.path().split('/').any(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(settings: &str) -> Option<String> {
        let notify: Notify = serde_json::from_str(settings).expect("settings");
        problem(&notify).map(|(at, finding)| format!("{at}: {}", finding.message))
    }

    #[test]
    fn one_sound_place_is_taken() {
        for sound in [
            "{}",
            r#"{"command": "notify-send archal"}"#,
            r#"{"webhook": "https://hooks.example.com/archal"}"#,
            r#"{"webhook": "http://127.0.0.1:8080/x"}"#,
            r#"{"webhook": "http://[::1]:8080/x"}"#,
            r#"{"webhookEnv": "TEAM_WEBHOOK"}"#,
        ] {
            assert_eq!(problem_of(sound), None, "{sound}");
        }
        let notify = Notify {
            webhook_env: Some("X".to_owned()),
            ..Notify::default()
        };
        assert_eq!(channel(&notify), Some(Channel::WebhookEnv("X".to_owned())));
        assert_eq!(channel(&Notify::default()), None);
        assert_eq!(
            host("https://a.example.com:444/x").as_deref(),
            Some("a.example.com:444")
        );
    }

    #[test]
    fn secrets_two_places_and_plain_text_abroad_are_refused() {
        // Joined here, for scanners take such an URL for a real one.
        let slack = format!("https://hooks.slack.com/{}/T0/B0/x", "services");
        for (wrong, told) in [
            (
                r#"{"command": "a", "webhook": "https://example.com"}"#.to_owned(),
                "webhook: `attach.notify.command` and",
            ),
            (
                r#"{"command": " "}"#.to_owned(),
                "command: the notify command is empty",
            ),
            (
                format!(r#"{{"webhook": "{slack}"}}"#),
                "webhook: `attach.notify.webhook` seems to hold a secret",
            ),
            (
                r#"{"webhook": "https://me:pw@example.com/"}"#.to_owned(),
                "seems to hold a secret",
            ),
            (
                r#"{"webhook": "https://example.com/?key=1"}"#.to_owned(),
                "seems to hold a secret",
            ),
            (
                r#"{"webhook": "https://example.com/aaaaaaaaaa1234567890"}"#.to_owned(),
                "seems to hold a secret",
            ),
            (
                r#"{"webhook": "http://example.com/"}"#.to_owned(),
                "must be https; http is taken to this machine alone",
            ),
            (
                r#"{"webhook": "example.com"}"#.to_owned(),
                "must begin with https://",
            ),
            (
                r#"{"webhookEnv": "https://example.com"}"#.to_owned(),
                "is the name of a variable",
            ),
        ] {
            let problem = problem_of(&wrong).expect("refused");
            assert!(problem.contains(told), "{wrong}: {problem}");
        }
    }
}
