//! The session's certificate authority: made in memory for one session, good for its clones'
//! hosts only and for hours, its key never written.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archal_core::clock::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};

/// Clocks of clients may lag by that much.
const BACKDATED: Duration = Duration::from_secs(3600);
/// How long the certificates of a run hold: none lasts longer.
pub(super) const LIFETIME: Duration = Duration::from_secs(6 * 3600);

type CertificateError = Box<dyn Error + Send + Sync>;

/// Issues a certificate for each of the clones' hosts when it is first asked for.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf_key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    window: (Timestamp, Timestamp),
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// An authority for `hosts`, from an hour before `now` to the end of `lifetime`.
    pub(super) fn new<'a>(
        hosts: impl Iterator<Item = &'a str>,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, CertificateError> {
        let window = (now.checked_sub(BACKDATED)?, now.checked_add(lifetime)?);
        let mut params = CertificateParams::default();
        params.distinguished_name = name("archal session authority");
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(window.0);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(window.1);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints(hosts));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let signing_key =
            any_supported_type(&PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()))?;
        Ok(Self {
            issuer,
            leaf_key,
            signing_key,
            window,
            leaves: Mutex::new(HashMap::new()),
        })
    }

    /// The authority's certificate.
    pub(super) fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for one of the clones' hosts.
    pub(super) fn leaf(&self, host: &str) -> Result<Arc<CertifiedKey>, CertificateError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(host) {
            return Ok(Arc::clone(leaf));
        }
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = name(host);
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(self.window.0);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(self.window.1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        let leaf = Arc::new(CertifiedKey::new(
            vec![certificate.der().clone()],
            Arc::clone(&self.signing_key),
        ));
        leaves.insert(host.to_owned(), Arc::clone(&leaf));
        Ok(leaf)
    }
}

impl ResolvesServerCert for Authority {
    /// Called only for hosts the server knows, which it checks before it lets the handshake go on.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaf(&hello.server_name()?.to_ascii_lowercase()).ok()
    }
}

/// Those hosts and no others.
fn constraints<'a>(hosts: impl Iterator<Item = &'a str>) -> NameConstraints {
    let address = |host: &str| match host.parse() {
        Ok(IpAddr::V4(address)) => Some(CidrSubnet::from_v4_prefix(address.octets(), 32)),
        Ok(IpAddr::V6(address)) => Some(CidrSubnet::from_v6_prefix(address.octets(), 128)),
        Err(_) => None,
    };
    let permitted: Vec<GeneralSubtree> = hosts
        .map(|host| match address(host) {
            Some(address) => GeneralSubtree::IpAddress(address),
            None => GeneralSubtree::DnsName(host.to_owned()),
        })
        .collect();
    // A constraint on names alone would leave certificates for addresses free, and the other way
    // round.
    let has = |wanted: fn(&GeneralSubtree) -> bool| permitted.iter().any(wanted);
    let has_name = has(|tree| matches!(tree, GeneralSubtree::DnsName(_)));
    let has_first = has(|tree| matches!(tree, GeneralSubtree::IpAddress(CidrSubnet::V4(..))));
    let has_second = has(|tree| matches!(tree, GeneralSubtree::IpAddress(CidrSubnet::V6(..))));
    let first = GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0));
    let second = GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0));
    let none = GeneralSubtree::DnsName(String::new());
    let excluded = [(has_first, first), (has_second, second), (has_name, none)];
    NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: excluded
            .into_iter()
            .filter(|(has, _)| !has)
            .map(|(_, tree)| tree)
            .collect(),
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_issued_once_and_never_for_another_authority() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("valid");
        let authority = Authority::new(["api.echo.test"].into_iter(), now, LIFETIME).expect("made");
        let first = authority.leaf("api.echo.test").expect("issued");
        let again = authority.leaf("api.echo.test").expect("issued");
        assert!(Arc::ptr_eq(&first, &again));
        let other = Authority::new(["api.echo.test"].into_iter(), now, LIFETIME).expect("made");
        assert_ne!(authority.certificate_pem(), other.certificate_pem());
    }
}
