//! Addresses of endpoints: what is not encrypted stays on this machine.

use std::net::IpAddr;

use archal_core::pull::{PullError, PullErrorKind};
use http::Uri;

/// The host of an endpoint, with its port where it names one.
///
/// # Errors
///
/// When it is no address of a server, or one that would be spoken to without encryption.
pub(crate) fn host(endpoint: &str) -> Result<String, PullError> {
    let refused = |told: String| {
        PullError::new(PullErrorKind::Options, told)
            .advice("--option endpoint=https://<host>, or http://127.0.0.1:<port> on this machine")
    };
    let address: Uri = endpoint
        .parse()
        .map_err(|_| refused("`endpoint` is no address such as https://storage.example".into()))?;
    let Some(authority) = address.authority() else {
        return Err(refused("`endpoint` names no host".into()));
    };
    if authority.as_str().contains('@') {
        return Err(refused("`endpoint` holds credentials".into()));
    }
    match address.scheme_str() {
        Some("https") => Ok(authority.to_string()),
        Some("http") if is_here(authority.host()) => Ok(authority.to_string()),
        Some("http") => Err(refused(format!(
            "`endpoint` is http, and {} is not this machine",
            authority.host()
        ))),
        _ => Err(refused("`endpoint` is neither https nor http".into())),
    }
}

fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|at| at.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption() {
        for (endpoint, expected) in [
            ("https://minio.example:9000", Some("minio.example:9000")),
            ("http://127.0.0.1:9000/", Some("127.0.0.1:9000")),
            ("http://[::1]:9000", Some("[::1]:9000")),
            ("http://localhost:4443", Some("localhost:4443")),
            ("http://minio.example:9000", None),
            ("http://127.0.0.1.example", None),
            ("https://user:secret@minio.example", None),
            ("ftp://127.0.0.1", None),
            ("minio.example", None),
            ("", None),
        ] {
            let found = host(endpoint);
            assert_eq!(found.as_deref().ok(), expected, "{endpoint}");
            if let Err(error) = found {
                assert!(!error.message.contains("secret"), "{error}");
            }
        }
    }
}
