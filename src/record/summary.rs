//! What people are told of a recording: how much of what, and what was not recorded.

use std::collections::BTreeMap;

use crate::run::render::words;
use crate::session::recording::recorder::Recorded;

/// Most hosts that are named in a line.
const HOSTS: usize = 8;

/// `12 calls (10 api.github.com, 2 api.openai.com)`, of the URLs of calls.
pub fn calls<'a>(urls: impl Iterator<Item = &'a str>) -> String {
    let mut by_host: BTreeMap<&str, usize> = BTreeMap::new();
    for url in urls {
        *by_host.entry(host_of(url)).or_default() += 1;
    }
    let total = words::count(by_host.values().sum(), "call");
    let hosts = counted(by_host.into_iter());
    match hosts.is_empty() {
        true => total,
        false => format!("{total} ({hosts})"),
    }
}

/// What was not recorded, one line each.
pub fn missing(recorded: &Recorded) -> Vec<String> {
    let mut lines = Vec::new();
    if recorded.dropped > 0 {
        let dropped = usize::try_from(recorded.dropped).unwrap_or(usize::MAX);
        lines.push(format!(
            "{} went through when the record was full",
            words::count(dropped, "call")
        ));
    }
    if !recorded.passed.is_empty() {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let passed = recorded.passed.iter();
        let hosts = passed.map(|(host, passed)| (host.as_str(), number(passed.connections)));
        lines.push(format!("other hosts, untouched: {}", counted(hosts)));
    }
    let failed: Vec<&str> = recorded
        .passed
        .iter()
        .filter(|(_, passed)| passed.failed > 0)
        .map(|(host, _)| host.as_str())
        .collect();
    if !failed.is_empty() {
        lines.push(format!("could not be reached: {}", failed.join(", ")));
    }
    for (host, reason) in &recorded.distrust {
        lines.push(format!("{host}: {reason}"));
    }
    lines
}

/// `10 one, 2 other`, the most first.
fn counted<'a>(hosts: impl Iterator<Item = (&'a str, usize)>) -> String {
    let mut hosts: Vec<(&str, usize)> = hosts.collect();
    hosts.sort_by_key(|(host, count)| (usize::MAX - count, *host));
    let more = hosts.len().saturating_sub(HOSTS);
    let mut told: Vec<String> = hosts
        .iter()
        .take(HOSTS)
        .map(|(host, count)| format!("{count} {host}"))
        .collect();
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::recording::recorder::Passed;

    #[test]
    fn calls_are_counted_by_host_and_what_is_missing_is_said() {
        let passed = |connections, failed| Passed {
            connections,
            failed,
        };
        let recorded = Recorded {
            calls: 3,
            dropped: 1,
            passed: [
                ("pypi.org:443".to_owned(), passed(3, 0)),
                ("gone.example:443".to_owned(), passed(1, 1)),
            ]
            .into(),
            distrust: [("b.example".to_owned(), "no trust".to_owned())].into(),
        };
        let urls = [
            "https://b.example/",
            "https://a.example:8443/x?y",
            "https://b.example/z",
        ];
        assert_eq!(
            calls(urls.into_iter()),
            "3 calls (2 b.example, 1 a.example:8443)"
        );
        assert_eq!(
            missing(&recorded),
            [
                "1 call went through when the record was full",
                "other hosts, untouched: 3 pypi.org:443, 1 gone.example:443",
                "could not be reached: gone.example:443",
                "b.example: no trust",
            ]
        );
        assert_eq!(calls(std::iter::empty()), "0 calls");
    }
}
