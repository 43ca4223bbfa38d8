//! TLS to receivers of deliveries: their certificates are checked as any client's, unless the webhook
//! says that any will do.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What receivers are believed by. Each is made when the first receiver needs it, and once: to read
/// the certificates that this system trusts takes longer than a delivery.
#[derive(Default)]
pub(super) struct Trust {
    checked: OnceLock<Result<TlsConnector, Error>>,
    unchecked: OnceLock<Result<TlsConnector, Error>>,
}

impl Trust {
    /// TLS over a connection to the server of a name.
    pub(super) async fn over(
        &self,
        stream: TcpStream,
        name: ServerName<'static>,
        unchecked: bool,
    ) -> Result<TlsStream<TcpStream>, String> {
        let kept = if unchecked {
            &self.unchecked
        } else {
            &self.checked
        };
        let connector = kept.get_or_init(|| Ok(TlsConnector::from(Arc::new(config(unchecked)?))));
        let connector = connector
            .as_ref()
            .map_err(|error| format!("TLS is not to be had: {error}"))?;
        let connected = connector.connect(name, stream).await;
        connected.map_err(|error| format!("TLS failed: {error}"))
    }
}

fn config(unchecked: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    if !unchecked {
        return Ok(builder.with_platform_verifier()?.with_no_client_auth());
    }
    let verifier = Arc::new(Unchecked(provider));
    let builder = builder.dangerous();
    Ok(builder
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Takes any certificate; that whoever shows it has its key is checked all the same.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
