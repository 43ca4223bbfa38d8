//! A trust store for Java, which reads no bundle of certificates.
//!
//! Written in Java's own old format, JKS, which every version reads whatever its default. The
//! digest at the end is checked only against a password, and Java opens a trust store without one.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// An entry that is a certificate to trust.
const TRUSTED: u32 = 2;
/// Bytes of the digest.
const DIGEST: usize = 20;

/// The certificates of a bundle as a trust store. What is no certificate is left out.
pub(super) fn of(bundle: &str) -> Vec<u8> {
    let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(bundle.as_bytes())
        .filter_map(Result::ok)
        .collect();
    let mut store = Vec::with_capacity(bundle.len());
    store.extend(MAGIC.to_be_bytes());
    store.extend(VERSION.to_be_bytes());
    store.extend(length(certificates.len()));
    for (index, certificate) in certificates.iter().enumerate() {
        store.extend(TRUSTED.to_be_bytes());
        text(&mut store, &format!("root-{index}"));
        // When it was added; nobody asks.
        store.extend(0_u64.to_be_bytes());
        text(&mut store, "X.509");
        store.extend(length(certificate.len()));
        store.extend_from_slice(certificate);
    }
    store.extend([0; DIGEST]);
    store
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_of_a_bundle_is_in_it_and_nothing_else() {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).expect("made");
        let pem = made.cert.pem();
        let store = of(&format!("# roots\n{pem}\nnonsense\n{pem}"));
        assert_eq!(
            store[..12],
            [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]
        );
        let der = made.cert.der();
        let found = store.windows(der.len()).filter(|part| part == &&der[..]);
        assert_eq!(found.count(), 2);
        assert_eq!(of("").len(), 12 + DIGEST);
    }
}
