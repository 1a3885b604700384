//! `ca_trusted_fingerprint`: an authority that is known by the hash of its certificate, which the server sends itself.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::verify::AnyCertificate;
use super::{Verification, verifier};

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// As Elasticsearch prints it when it is installed, or with colons, as openssl does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16);
            let value = nibble(pair[0])? << 4 | nibble(pair[1])?;
            *byte = u8::try_from(value).ok()?;
        }
        Some(Self(bytes))
    }

    fn is_of(self, certificate: &CertificateDer<'_>) -> bool {
        Sha256::digest(certificate)[..] == self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Trusts the authority of a fingerprint if the server shows it, beside those that were named.
#[derive(Debug)]
pub(super) struct ByFingerprint {
    pub(super) fingerprint: Fingerprint,
    pub(super) verification: Verification,
    /// For the authorities that were named, if there are any.
    pub(super) named: Option<Arc<dyn ServerCertVerifier>>,
    pub(super) provider: Arc<CryptoProvider>,
}

/// Why a certificate is not accepted.
struct NotShown(Fingerprint);

impl fmt::Debug for NotShown {
    /// A sentence, since rustls shows this one to people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NotShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(fingerprint) = self;
        write!(
            f,
            "the server shows no authority with the fingerprint {fingerprint:?} of ssl.ca_trusted_fingerprint"
        )
    }
}

impl std::error::Error for NotShown {}

impl ByFingerprint {
    /// Signatures are verified as ever, whose certificate it may be.
    fn signatures(&self) -> AnyCertificate {
        AnyCertificate(Arc::clone(&self.provider))
    }

    /// What verifies by the authority of the fingerprint, if it is among the certificates.
    fn shown(&self, certificates: &[CertificateDer<'_>]) -> Option<Arc<dyn ServerCertVerifier>> {
        let is_it = |certificate: &&CertificateDer<'_>| self.fingerprint.is_of(certificate);
        let authority = certificates.iter().find(is_it)?.clone().into_owned();
        let mut roots = RootCertStore::empty();
        roots.add(authority).ok()?;
        verifier(self.verification, roots, Arc::clone(&self.provider)).ok()
    }
}

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = self.shown(intermediates);
        let verified = match &shown {
            Some(verifier) => {
                verifier.verify_server_cert(certificate, intermediates, name, stapled, now)
            }
            None => Err(Error::InvalidCertificate(CertificateError::Other(
                OtherError(Arc::new(NotShown(self.fingerprint))),
            ))),
        };
        match &self.named {
            Some(named) if verified.is_err() => {
                let by_name =
                    named.verify_server_cert(certificate, intermediates, name, stapled, now);
                by_name.or(verified)
            }
            _ => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures()
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures()
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures().supported_verify_schemes()
    }
}
