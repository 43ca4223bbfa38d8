//! Whose calls are recorded, as the command line names them: hosts, and services by their names.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::nearest;

use crate::session::recording::named::NamedHost;

/// Services of models that have no clone, by name, and their hosts.
const MODELS: &[(&str, &str)] = &[
    ("anthropic", "api.anthropic.com"),
    ("openai", "api.openai.com"),
];

/// The hosts that a word stands for: a service's by its name, else the host that it is.
///
/// # Errors
///
/// Why it is neither, a sentence's end, and the service that may have been meant.
pub fn named(
    word: &str,
    clones: &[CloneDescriptor],
) -> Result<Vec<NamedHost>, (&'static str, Option<String>)> {
    if let Some(clone) = clones.iter().find(|clone| clone.name == word) {
        let others = clone.other_hosts.iter().copied();
        let mut hosts: Vec<NamedHost> = clone
            .every_host()
            .chain(others)
            .map(NamedHost::of_service)
            .collect();
        hosts.dedup();
        return Ok(hosts);
    }
    if let Some((_, host)) = MODELS.iter().find(|(name, _)| *name == word) {
        return Ok(vec![NamedHost::of_service(host)]);
    }
    let is_bare = !word.contains(['.', ':', '[']) && word != "localhost";
    if is_bare {
        let known = clones.iter().map(|clone| clone.name);
        let known = known.chain(MODELS.iter().map(|(name, _)| *name));
        let near = nearest(word, known).map(str::to_owned);
        return Err((
            "is no service that archal knows, and a host has a dot or a port",
            near,
        ));
    }
    match word.parse() {
        Ok(host) => Ok(vec![host]),
        Err(reason) => Err((reason, None)),
    }
}

#[cfg(test)]
mod tests {
    use archal_testkit::echo_clone::ECHO;

    use super::*;

    #[test]
    fn services_stand_for_their_hosts_and_hosts_for_themselves() {
        let clones = [ECHO];
        let read = |word: &str| match named(word, &clones) {
            Ok(hosts) => hosts
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err((reason, near)) => format!("{reason} ({near:?})"),
        };
        assert!(read("echo").contains("api.echo.test"), "{}", read("echo"));
        assert_eq!(read("openai"), "api.openai.com");
        assert_eq!(read("ghe.example:8443"), "ghe.example:8443");
        assert!(read("opneai").contains("(Some(\"openai\"))"));
        assert!(read("http://x.example/").starts_with("is a URL"));
    }
}
