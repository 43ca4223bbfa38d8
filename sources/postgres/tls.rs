//! Whom to trust when a server says who it is: the certificates that were named, else the system's.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What connects with TLS: the chain of certificates and the name in them are always verified.
///
/// # Errors
///
/// What is wrong with the file, or the system's certificates.
pub(super) fn connector(root_cert: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder: ConfigBuilder<ClientConfig, WantsClientCert> = match root_cert {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => builder
            .with_platform_verifier()
            .map_err(|error| format!("the system's certificates cannot be read: {error}"))?,
    };
    let mut config = builder.with_no_client_auth();
    // Servers that begin with TLS at once ask for the protocol by this name.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let shown = file.display();
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file)
        .map_err(|error| format!("cannot read the certificates in {shown}: {error}"))?;
    for certificate in certificates {
        certificate
            .map_err(|error| error.to_string())
            .and_then(|one| roots.add(one).map_err(|error| error.to_string()))
            .map_err(|error| format!("a certificate in {shown} cannot be read: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} has no certificate in it"));
    }
    Ok(roots)
}
