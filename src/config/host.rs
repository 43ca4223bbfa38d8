//! Hosts and their ports as people write them: `api.github.com`, `*.example.com`, `[::1]:8080`.

use std::net::IpAddr;

/// Whether a host, lower case, is the one of a pattern; `*.` before a name stands for whatever is
/// below it.
pub fn is_of(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(below) => host.len() > below.len() && host.ends_with(below),
        None => host == pattern,
    }
}

/// Host and port; an IPv6 address with a port stands in brackets.
///
/// # Errors
///
/// What is wrong with the port, to stand behind the text.
pub fn split(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    const PORT: &str = "has no port from 1 to 65535 behind its colon";
    let port = |text: &str| match text.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(PORT),
    };
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let given = match rest {
            "" => None,
            rest => port(rest.strip_prefix(':').ok_or(PORT)?)?,
        };
        return Ok((address, given));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text, None));
    }
    match text.split_once(':') {
        Some((host, given)) => Ok((host, port(given)?)),
        None => Ok((text, None)),
    }
}

/// Whether it is a host name in lower case, or a `*.` before one.
pub fn is_name(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.chars().all(is_part)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}
