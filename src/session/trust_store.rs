//! A trust store for Java, which reads no bundle of certificates.
//!
//! Written in Java's own old format, JKS, which every version reads whatever its default. The
//! digest at the end is checked only against a password, and Java opens a trust store without one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// How a certificate begins in a bundle.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// How it ends.
const END: &str = "-----END CERTIFICATE-----";
/// An entry that is a certificate to trust.
const TRUSTED: u32 = 2;
/// Bytes of the digest.
const DIGEST: usize = 20;

/// The certificates of a bundle as a trust store. What is no certificate is left out.
pub(super) fn of(bundle: &str) -> Vec<u8> {
    let certificates: Vec<Vec<u8>> = bundle.split(BEGIN).skip(1).filter_map(decoded).collect();
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

/// The certificate at the beginning of a text that follows its first line. rustls decodes without
/// telling by its time what it decodes, which costs milliseconds for a system's roots; they are public.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let (text, _) = text.split_once(END)?;
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).ok()
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
        // Cut off, or no base64: left out, and what follows is not.
        let torn = format!("{BEGIN}\nAAAA\n{BEGIN}\n!\n{END}\n{pem}{BEGIN}\nAAAA");
        assert_eq!(of(&torn), of(&pem));
    }
}
