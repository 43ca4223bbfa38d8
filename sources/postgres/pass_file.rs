//! The file in which people keep the passwords of servers, read as libpq reads it: `~/.pgpass`.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::address::{Address, LOCAL_SOCKET};

/// What is read of it at most.
const LARGEST: u64 = 1 << 20;
/// Where PostgreSQL has its socket unless whoever packages it says otherwise.
const OTHER_SOCKET: &str = "/tmp";
/// Where servers listen when nobody says.
const PORT: u16 = 5432;

/// Takes the password from the file where the connection string has none. What is wrong with the file
/// becomes a note, for somebody may need none.
pub(super) fn fill(address: &mut Address, file: &Path) {
    if address.config.get_password().is_some() {
        return;
    }
    let shown = file.display();
    match read(file) {
        Ok(None) => {}
        Ok(Some(bytes)) => match for_all(&bytes, &logins(&address.config)) {
            Ok(Some(password)) => drop(address.config.password(password)),
            Ok(None) => {}
            Err(()) => address.notes.push(format!(
                "{shown} is left out: it has different passwords for the hosts of the connection string"
            )),
        },
        Err(why) => address.notes.push(format!("{shown} is left out: {why}")),
    }
}

/// What is in it; none where there is no such file.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| error.to_string())?,
    };
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0 {
        return Err(format!(
            "others may read or write it; chmod 0600 {}",
            path.display()
        ));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}

/// Who asks whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Login {
    host: String,
    port: u16,
    database: String,
    user: String,
}

/// One for each host.
fn logins(config: &Config) -> Vec<Login> {
    let mut hosts: Vec<String> = config.get_hosts().iter().map(named).collect();
    if hosts.is_empty() {
        let addresses = config.get_hostaddrs().iter();
        hosts = addresses.map(ToString::to_string).collect();
    }
    let user = config.get_user().unwrap_or_default();
    let ports = config.get_ports();
    let logins = hosts.into_iter().enumerate().map(|(at, host)| Login {
        host,
        // One port is that of all hosts.
        port: *ports.get(at).or(ports.first()).unwrap_or(&PORT),
        database: config.get_dbname().unwrap_or(user).to_owned(),
        user: user.to_owned(),
    });
    logins.collect()
}

/// What a host is called in the file.
fn named(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.trim_matches(['[', ']']).to_owned(),
        Host::Unix(path) if path == Path::new(LOCAL_SOCKET) || path == Path::new(OTHER_SOCKET) => {
            "localhost".to_owned()
        }
        Host::Unix(path) => path.to_string_lossy().into_owned(),
    }
}

/// The one password of all; none where there is none for any. One host's must not go to another.
fn for_all(file: &[u8], logins: &[Login]) -> Result<Option<Vec<u8>>, ()> {
    let mut found = logins.iter().map(|login| password(file, login));
    let first = found.next().flatten();
    match found.all(|other| other == first) {
        true => Ok(first),
        false => Err(()),
    }
}

/// That of the first line which fits.
fn password(file: &[u8], login: &Login) -> Option<Vec<u8>> {
    let mut lines = file.split(|byte| *byte == b'\n');
    let password = lines.find_map(|line| of_line(line, login))?;
    (!password.is_empty()).then_some(password)
}

fn of_line(line: &[u8], login: &Login) -> Option<Vec<u8>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() == Some(&b'#') {
        return None;
    }
    let port = login.port.to_string();
    let mut rest = line;
    for wanted in [&login.host, &port, &login.database, &login.user] {
        rest = behind(rest, wanted.as_bytes())?;
    }
    let mut password = Vec::new();
    let mut bytes = rest.iter();
    while let Some(byte) = bytes.next() {
        let is_escape = *byte == b'\\';
        let kept = is_escape.then(|| bytes.next()).flatten();
        password.push(*kept.unwrap_or(byte));
    }
    Some(password)
}

/// What stands behind the first field where that is what is wanted, or anything.
fn behind<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut at = 0;
    let mut wanted = wanted.iter();
    loop {
        // A colon that is wanted needs no escape: `::1`.
        let next = wanted.next();
        match (line.get(at)?, next) {
            (b':', None) => return line.get(at + 1..),
            (b'\\', _) => at += 1,
            _ => {}
        }
        if line.get(at) != Some(next?) {
            return None;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, url: &str) -> Result<Option<String>, ()> {
        let address = Address::parse(url, None).expect(url);
        let found = for_all(file.as_bytes(), &logins(&address.config))?;
        Ok(found.map(|bytes| String::from_utf8(bytes).expect("text")))
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = "# db.example.com:5432:app:reader:a comment\n\
             db.example.com:5433:app:reader:another port\n\
             db.example.com:5432:other:reader:another database\n\
             db.example.com:5432:app:writer:another user\n\
             example.com:5432:app:reader:another host\n\
             db.example.com:5432:app:reader\n\
             db.example.com:5432:app:reader:the one\r\n\
             *:*:*:*:anything\n";
        for (url, password) in [
            ("postgres://reader@db.example.com/app", "the one"),
            ("postgres://reader@db.example.com:5433/app", "another port"),
            ("postgres://reader@db.example.com/other", "another database"),
            ("postgres://writer@db.example.com/app", "another user"),
            ("postgres://reader@example.com/app", "another host"),
            ("postgres://reader@example.org/app", "anything"),
            ("postgres://reader@db.example.com/reader", "anything"),
        ] {
            assert_eq!(found(file, url), Ok(Some(password.to_owned())), "{url}");
        }
        let none = "db.example.com:*:app:*:one\nlocalhost:*:*:u:\n";
        assert_eq!(found(none, "postgres://u@db.example.com/app2"), Ok(None));
        assert_eq!(found(none, "postgres://u@localhost/app"), Ok(None));
        assert_eq!(found("", "postgres://u@localhost/app"), Ok(None));
    }

    #[test]
    fn escapes_colons_sockets_and_what_is_left_out_are_read_as_libpq_reads_them() {
        let file = "::1:5432:u:u:six\n\
             *:*:a\\:b\\\\c:u:pass\\:wo\\\\rd\\x:rest*\n\
             /run/pg:*:*:u:socket\n\
             localhost:*:*:u:local\n\
             *x:*:*:u:no wildcard\n\
             ends:*:*:u:with one\\";
        for (url, password) in [
            ("postgres://u@[::1]", "six"),
            ("postgres://u@h/a:b%5Cc", "pass:wo\\rdx:rest*"),
            ("host=/run/pg user=u", "socket"),
            ("host=/var/run/postgresql user=u", "local"),
            ("host=/tmp user=u", "local"),
            ("user=u", "local"),
            ("postgres://u@*x/d?sslmode=verify-full", "no wildcard"),
            ("postgres://u@ends/d", "with one\\"),
        ] {
            assert_eq!(found(file, url), Ok(Some(password.to_owned())), "{url}");
        }
        assert_eq!(found(file, "postgres://u@yx/d"), Ok(None));
    }

    #[test]
    fn the_password_of_one_host_is_not_given_to_another() {
        let file = "a:1:*:u:same\nb:2:*:u:same\nc:*:*:u:different\n";
        let of = |hosts: &str| found(file, &format!("postgres://u@{hosts}/d"));
        assert_eq!(of("a:1,b:2"), Ok(Some("same".to_owned())));
        for hosts in ["a:1,c:2", "a:1,unknown:2", "unknown:2,a:1", "a:1,b:1"] {
            assert_eq!(of(hosts), Err(()), "{hosts}");
        }
    }
}
