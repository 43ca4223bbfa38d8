//! The connection string: who is asked, and how the way there is kept safe.
//!
//! It is taken apart before the database library sees it: that knows neither `verify-full` nor the
//! parameters of other libraries that people have in theirs, and would send everything in plain text
//! where a server has no TLS. Nothing of it is ever told but names and the host.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Where the server is, and how it is reached.
#[derive(Clone)]
pub(super) struct Address {
    /// For the database library.
    pub(super) config: Config,
    /// Whether the way is encrypted and the server proves who it is.
    pub(super) is_encrypted: bool,
    /// The file with the certificates of who may vouch for it; the system's where there is none.
    pub(super) root_cert: Option<PathBuf>,
    /// What of the connection string was not taken as it stands.
    pub(super) notes: Vec<String>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("is_encrypted", &self.is_encrypted)
            .finish_non_exhaustive()
    }
}

/// Parameters that the database library reads as they stand.
const KNOWN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// What the library knows of `target_session_attrs`.
const SESSIONS: &[&str] = &["any", "read-only", "read-write"];

/// Where a server of this machine listens when nobody says.
pub(super) const LOCAL_SOCKET: &str = "/var/run/postgresql";

impl Address {
    /// Reads `postgresql://user:password@host:5432/database?sslmode=verify-full` or
    /// `host=… dbname=…`.
    ///
    /// # Errors
    ///
    /// What is wrong, without a word of what was said.
    pub(super) fn parse(text: &str, password: Option<&str>) -> Result<Self, String> {
        let text = text.trim();
        let mut said = Parameters::default();
        let kept = match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => said.of_url(text),
            Some((scheme, _)) if is_word(scheme) => {
                return Err(format!(
                    "a connection string begins with `postgresql://`, and this one with `{scheme}://`"
                ));
            }
            _ => said.of_words(text)?,
        };
        // The library's own words could repeat a part of what was said.
        let mut config = Config::from_str(&kept)
            .map_err(|_| "it is no connection string: `postgresql://user@host:5432/database`")?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host(LOCAL_SOCKET);
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err("it names no user: `postgresql://user@host:5432/database`".to_owned());
        }
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name("archal");
        }
        let is_encrypted = said.is_encrypted(is_local(&config))?;
        config.ssl_mode(if is_encrypted {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        Ok(Self {
            config,
            is_encrypted,
            root_cert: said
                .root_cert
                .filter(|file| file != "system")
                .map(PathBuf::from),
            notes: said.notes,
        })
    }

    /// The server for messages: its first host and port, and nothing of who asks.
    pub(super) fn server(&self) -> String {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{host}:{port}"),
            Some(Host::Unix(path)) => format!("{}:{port}", path.display()),
            None => match self.config.get_hostaddrs().first() {
                Some(address) => format!("{address}:{port}"),
                None => format!("port {port}"),
            },
        }
    }

    /// Which database of which server, to tell it from others.
    pub(super) fn database(&self) -> String {
        let named = self.config.get_dbname().or(self.config.get_user());
        format!("{}/{}", self.server(), named.unwrap_or_default())
    }

    /// The host by name, where it has one.
    pub(super) fn host(&self) -> Option<&str> {
        match self.config.get_hosts().first()? {
            Host::Tcp(host) => Some(host),
            Host::Unix(_) => None,
        }
    }
}

/// Whether all there is to connect to is this machine.
fn is_local(config: &Config) -> bool {
    let host = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    };
    let addresses = config.get_hostaddrs();
    if addresses.is_empty() {
        config.get_hosts().iter().all(host)
    } else {
        // The name is only what a certificate is compared with.
        addresses.iter().all(std::net::IpAddr::is_loopback)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Parameters that are archal's to read.
#[derive(Default)]
struct Parameters {
    ssl_mode: Option<String>,
    root_cert: Option<String>,
    left_out: Vec<String>,
    notes: Vec<String>,
}

impl Parameters {
    /// Whether a parameter is left to the library.
    fn is_left(&mut self, name: &str, value: &str) -> bool {
        match name {
            "sslmode" => self.ssl_mode = Some(value.to_owned()),
            "sslrootcert" => self.root_cert = Some(value.to_owned()),
            "target_session_attrs" if !SESSIONS.contains(&value) => self.leave_out(name),
            known if KNOWN.contains(&known) => return true,
            other => self.leave_out(other),
        }
        false
    }

    fn leave_out(&mut self, name: &str) {
        let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        self.left_out.push(shown);
    }

    fn of_url(&mut self, text: &str) -> String {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            if self.is_left(name, &value) {
                kept.push(pair);
            }
        }
        if kept.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", kept.join("&"))
        }
    }

    fn of_words(&mut self, text: &str) -> Result<String, String> {
        let mut kept = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let bad = || "it is no connection string: `postgresql://user@host:5432/database`";
            let (name, after) = rest.split_once('=').ok_or_else(bad)?;
            let (value, after) = word(after.trim_start()).ok_or_else(bad)?;
            rest = after.trim_start();
            let name = name.trim();
            if self.is_left(name, &value) {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                kept.push(format!("{name}='{value}'"));
            }
        }
        Ok(kept.join(" "))
    }

    fn is_encrypted(&mut self, is_local: bool) -> Result<bool, String> {
        if !self.left_out.is_empty() {
            let names = self.left_out.join(", ");
            self.notes
                .push(format!("left out of the connection string: {names}"));
        }
        let mode = self.ssl_mode.as_deref();
        match mode {
            None | Some("prefer" | "allow") if is_local => Ok(false),
            Some("disable") if is_local => Ok(false),
            Some("disable") => Err(
                "`sslmode=disable` would send the password and traces unprotected over a network; plain text is for this machine only"
                    .to_owned(),
            ),
            None | Some("verify-full") => Ok(true),
            Some(weaker @ ("prefer" | "allow" | "require" | "verify-ca")) => {
                self.notes.push(format!(
                    "`sslmode={weaker}` is taken as `verify-full`: the server has to prove who it is"
                ));
                Ok(true)
            }
            Some(_) => Err("`sslmode` is `verify-full`, or `disable` on this machine".to_owned()),
        }
    }
}

/// A value of `name=value`, with quotes or without, and what stands behind it.
fn word(text: &str) -> Option<(String, &str)> {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if is_quoted => return Some((value, &text[at + 1..])),
            c if c.is_whitespace() && !is_quoted => return Some((value, &text[at..])),
            c => value.push(c),
        }
    }
    (!is_quoted).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Address {
        Address::parse(text, None).expect(text)
    }

    #[test]
    fn what_goes_over_a_network_is_encrypted_whatever_is_said() {
        for (text, is_encrypted, notes) in [
            ("postgres://u:p@db.example.com/x", true, 0),
            (
                "postgresql://u@db.example.com/x?sslmode=verify-full",
                true,
                0,
            ),
            ("postgres://u@db.example.com/x?sslmode=require", true, 1),
            ("postgres://u@db.example.com/x?sslmode=prefer", true, 1),
            ("host=db.example.com user=u sslmode=verify-ca", true, 1),
            ("postgres://u@localhost/x", false, 0),
            ("postgres://u@127.0.0.1:5433/x?sslmode=prefer", false, 0),
            ("postgres://u@localhost/x?sslmode=verify-full", true, 0),
            ("postgres://u@localhost/x?sslmode=require", true, 1),
            ("postgres://u@[::1]/x", false, 0),
            ("host=/run/postgresql user=u", false, 0),
            ("user=u", false, 0),
            ("postgres://u@localhost,db.example.com/x", true, 0),
            ("host=localhost hostaddr=192.0.2.1 user=u", true, 0),
            ("host=db.example.com hostaddr=127.0.0.1 user=u", false, 0),
        ] {
            let address = of(text);
            assert_eq!(address.is_encrypted, is_encrypted, "{text}");
            assert_eq!(address.notes.len(), notes, "{text}: {:?}", address.notes);
            let expected = if is_encrypted {
                SslMode::Require
            } else {
                SslMode::Disable
            };
            assert_eq!(address.config.get_ssl_mode(), expected, "{text}");
        }
        for text in [
            "postgres://u@db.example.com/x?sslmode=disable",
            "postgres://u@localhost,db.example.com/x?sslmode=disable",
            "postgres://u@db.example.com/x?sslmode=sometimes",
            "host=localhost hostaddr=192.0.2.1 user=u sslmode=disable",
        ] {
            assert!(Address::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_of_other_libraries_are_left_out_and_named() {
        let address = of(
            "postgres://u:p%40ss@db.example.com:6543/x?pgbouncer=true&connect_timeout=3&schema=public&sslrootcert=%2Fetc%2Fca.pem&target_session_attrs=primary",
        );
        assert_eq!(
            address.notes,
            ["left out of the connection string: pgbouncer, schema, target_session_attrs"]
        );
        assert_eq!(address.root_cert, Some(PathBuf::from("/etc/ca.pem")));
        assert_eq!(address.config.get_password(), Some(b"p@ss".as_slice()));
        assert_eq!(address.server(), "db.example.com:6543");
        let address = of(r"host='db.example.com' user = u password='it\'s \\ ' sslcert=x dbname=y");
        assert_eq!(address.config.get_password(), Some(br"it's \ ".as_slice()));
        assert_eq!(address.config.get_dbname(), Some("y"));
        assert_eq!(
            address.notes,
            ["left out of the connection string: sslcert"]
        );
    }

    #[test]
    fn a_password_of_its_own_variable_counts_where_the_string_has_none() {
        let with = |text| {
            let address = Address::parse(text, Some("other")).expect(text);
            address.config.get_password().map(<[u8]>::to_vec)
        };
        assert_eq!(with("postgres://u@localhost/x"), Some(b"other".to_vec()));
        assert_eq!(with("postgres://u:own@localhost/x"), Some(b"own".to_vec()));
    }

    #[test]
    fn what_is_no_connection_string_is_told_without_its_words() {
        for text in [
            "",
            "hunter2secret",
            "mysql://u:hunter2secret@localhost/x",
            "postgres://u:hunter2secret@localhost:port/x",
            "postgres://:hunter2secret@localhost/x",
            "user=u password='hunter2secret",
            "user=u keepalives=hunter2secret",
        ] {
            let error = Address::parse(text, None).expect_err(text);
            assert!(!error.contains("hunter2secret"), "{text}: {error}");
        }
        let debug = format!("{:?}", of("postgres://u:hunter2secret@localhost/x"));
        assert!(!debug.contains("hunter2secret"), "{debug}");
    }
}
