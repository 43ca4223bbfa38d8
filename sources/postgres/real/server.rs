//! A PostgreSQL of the system's, started once for a process of tests and gone with it.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

/// The password of those who come over TCP.
pub(super) const PASSWORD: &str = "correct horse";
/// The user as whom the server runs where tests run as root, which it refuses.
const NOBODY: u32 = 65_534;

pub(super) struct Server {
    folder: PathBuf,
    pub(super) port: u16,
    /// Holds the pipe with whose end the server is stopped.
    _watch: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

pub(super) fn server() -> &'static Server {
    SERVER.get_or_init(Server::start)
}

/// A program of the server's: where Debian has them, else where all programs are.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

/// What it said where it did not go well.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .expect("the programs of PostgreSQL: cargo xtask test");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("archal-pg-")
            .tempdir_in("/tmp")
            .expect("a folder")
            .keep();
        let authority = Authority::new("archal tests");
        fs::write(folder.join("ca.pem"), authority.pem()).expect("a file");
        let (certificate, key) = authority.certificate("localhost", 2020, 4000);
        for (name, text) in [
            ("server.pem", certificate.as_str()),
            ("server.key", key.as_str()),
            ("password", PASSWORD),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
            if is_root() {
                chown(&path, Some(NOBODY), Some(NOBODY)).expect("an owner");
            }
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        if is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        let data = folder.join("data");
        let made = run(command(&program("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg("--pwfile")
            .arg(folder.join("password")));
        made.expect("initdb");
        // Somebody else may take the port before the server does.
        let port = (0..5).find_map(|_| {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a port")
                .port();
            let shown = folder.display();
            let settings = format!(
                "-p {port} -k {shown} -h 127.0.0.1 -c fsync=off -c full_page_writes=off -c max_connections=60 \
                 -c shared_buffers=64MB -c ssl=on -c ssl_cert_file={shown}/server.pem -c ssl_key_file={shown}/server.key"
            );
            run(command(&program("pg_ctl"))
                .args(["start", "--wait", "--silent", "--pgdata"])
                .arg(&data)
                .arg("--log")
                .arg(folder.join("log"))
                .arg("--options")
                .arg(settings)
                .stdout(Stdio::null()))
            .map(|()| port)
            .ok()
        });
        let watch = command(Path::new("/bin/sh"))
            .args(["-c", "read -r _; \"$0\" stop --mode=immediate --silent --pgdata \"$1/data\"; rm -rf \"$1\""])
            .arg(program("pg_ctl"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a watch");
        Self {
            port: port.expect("PostgreSQL starts"),
            folder,
            _watch: watch,
        }
    }

    /// The certificate of who vouches for the server as `localhost`.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!(
            "host={} port={} user={user} dbname={database}",
            self.folder.display(),
            self.port
        )
    }

    /// Over TCP as `localhost`, with parameters.
    pub(super) fn tcp(
        &self,
        host: &str,
        user: &str,
        password: &str,
        database: &str,
        more: &str,
    ) -> String {
        let password = password.replace(' ', "%20");
        format!(
            "postgresql://{user}:{password}@{host}:{}/{database}?{more}",
            self.port
        )
    }
}

/// Who vouches for servers.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
        }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a name, good from one year to another, and its key.
    pub(super) fn certificate(&self, name: &str, from: i32, to: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A database of one test.
pub(super) struct Database {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) owner: Writer,
}

impl Database {
    /// Made for a test, with what it begins with.
    pub(super) fn new(setup: &str) -> Self {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut root = Writer::new(&server().url("postgres", "postgres"));
        root.run(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        let url = server().url("postgres", &name);
        let mut owner = Writer::new(&url);
        owner.run(setup);
        Self { name, url, owner }
    }

    /// Another connection, for what happens at the same time.
    pub(super) fn writer(&self) -> Writer {
        Writer::new(&self.url)
    }

    /// A role of this test that may log in, and its connection string.
    pub(super) fn role(&mut self, grants: &str) -> (String, String) {
        let role = format!("reader_{}", self.name);
        self.owner
            .run(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
        self.owner.run(&grants.replace("ROLE", &role));
        let url = server().url(&role, &self.name);
        (role, url)
    }
}

/// Somebody who writes.
pub(super) struct Writer {
    runtime: Runtime,
    client: Client,
}

impl Writer {
    fn new(url: &str) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls)
                .await
                .expect("a connection");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    pub(super) fn run(&mut self, sql: &str) {
        self.runtime
            .block_on(self.client.batch_execute(sql))
            .expect(sql);
    }

    /// The only value of an answer, as text.
    pub(super) fn one(&mut self, sql: &str) -> String {
        let rows = self
            .runtime
            .block_on(self.client.simple_query(sql))
            .expect(sql);
        rows.iter()
            .find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .unwrap_or_default()
    }
}

/// Answers as a server with TLS does until it has shown its certificate; where it listens.
pub(super) fn shows_certificate(certificate: &str, key: &str) -> u16 {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let chain =
        vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let config = std::sync::Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 8];
            if std::io::Read::read_exact(&mut stream, &mut asked).is_err()
                || stream.write_all(b"S").is_err()
            {
                continue;
            }
            let mut tls =
                rustls::ServerConnection::new(std::sync::Arc::clone(&config)).expect("TLS");
            // The client breaks it off when it sees the certificate.
            _ = tls.complete_io(&mut stream);
        }
    });
    port
}
