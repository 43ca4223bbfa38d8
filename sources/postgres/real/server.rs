//! A PostgreSQL of the system's, started once for a process of tests and gone with it.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) use archal_testkit::postgres::PASSWORD;
use archal_testkit::postgres::Postgres;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

pub(super) struct Server {
    inner: Postgres,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

pub(super) fn server() -> &'static Server {
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let authority = Authority::new("archal tests");
        let (certificate, key) = authority.certificate("localhost", 2020, 4000);
        let files = [
            ("server.pem", certificate.as_str()),
            ("server.key", key.as_str()),
        ];
        let inner = Postgres::start(&files, |folder| {
            let shown = folder.display();
            format!(
                "-c ssl=on -c ssl_cert_file={shown}/server.pem -c ssl_key_file={shown}/server.key"
            )
        });
        std::fs::write(inner.folder().join("ca.pem"), authority.pem()).expect("a file");
        Self { inner }
    }

    pub(super) fn port(&self) -> u16 {
        self.inner.port()
    }

    /// The certificate of who vouches for the server as `localhost`.
    pub(super) fn authority(&self) -> PathBuf {
        self.inner.folder().join("ca.pem")
    }

    fn url(&self, user: &str, database: &str) -> String {
        self.inner.url(user, database)
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
            self.port()
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
