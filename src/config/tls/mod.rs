//! `ssl`: TLS towards a server, with the keys that users of Beats know.
//!
//! Files are read once, when the configuration is: a wrong path or key is found by `test config` and not at night.

mod fingerprint;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::section::Section;
use fingerprint::{ByFingerprint, Fingerprint};
use verify::{AnyCertificate, AnyName};

/// What begins PEM that stands in the configuration itself, as Beats allow it.
const PEM: &str = "-----BEGIN";
/// A bundle of all public authorities has some 250 KB.
const LARGEST_FILE: u64 = 4 << 20;

/// TLS towards one server, ready to use.
#[derive(Clone)]
pub struct Tls {
    /// Trusted authorities, own certificate, verification.
    pub client: Arc<ClientConfig>,
    /// The name to expect in the server's certificate, instead of the host.
    pub server_name: Option<String>,
}

impl fmt::Debug for Tls {
    /// Without the configuration: it holds a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    Full,
    Certificate,
    None,
}

/// Reads the keys of an `ssl` section. Nothing if TLS is off (`enabled: false`) or a mistake was noted; a section
/// without `enabled` is on. The caller may ask the section for keys of its own.
pub fn read(section: &mut Section<'_>) -> Option<Tls> {
    let enabled = section.flag_or("enabled", true);
    let verification = verification(section);
    let authorities = authorities(section);
    let fingerprint = fingerprint(section, verification);
    let identity = identity(section);
    let server_name = server_name(section);
    let trust = Trust {
        verification,
        named: authorities.ok()?,
        fingerprint: fingerprint.ok()?,
    };
    let identity = identity.ok()?;
    if !enabled {
        return None;
    }
    match build(trust, identity) {
        Ok(client) => Some(Tls {
            client: Arc::new(client),
            server_name,
        }),
        Err((key, message)) => {
            section.problem(key, message);
            None
        }
    }
}

/// Whom to trust.
struct Trust {
    verification: Verification,
    /// Authorities that were named.
    named: Option<RootCertStore>,
    /// An authority of which the fingerprint is known.
    fingerprint: Option<Fingerprint>,
}

/// A mistake was noted.
struct Noted;

fn verification(section: &mut Section<'_>) -> Verification {
    let words = [
        ("full", Verification::Full),
        ("certificate", Verification::Certificate),
        ("none", Verification::None),
    ];
    section.parsed_or(
        "verification_mode",
        Verification::Full,
        |mode| {
            words
                .iter()
                .find(|(_, known)| known == mode)
                .map_or("", |(word, _)| word)
                .into()
        },
        |text| {
            let known = words.iter().find(|(word, _)| *word == text);
            known.map(|(_, mode)| *mode).ok_or_else(|| {
                "is none of: full (authority and host name), certificate (authority only), none"
                    .to_owned()
            })
        },
    )
}

/// The authorities that are named, if any are.
fn authorities(section: &mut Section<'_>) -> Result<Option<RootCertStore>, Noted> {
    const KEY: &str = "certificate_authorities";
    let written = section.texts(KEY);
    if written.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    let mut good = true;
    for text in &written {
        let added = certificates(text).and_then(|all| {
            let mut all = all.into_iter();
            all.try_for_each(|one| roots.add(one))
                .map_err(|error| format!("holds a certificate that cannot be used: {error}"))
        });
        if let Err(problem) = added {
            section.problem(KEY, format!("{} {problem}", place(text)));
            good = false;
        }
    }
    good.then_some(Some(roots)).ok_or(Noted)
}

fn fingerprint(
    section: &mut Section<'_>,
    verification: Verification,
) -> Result<Option<Fingerprint>, Noted> {
    const KEY: &str = "ca_trusted_fingerprint";
    let Some(text) = section.text(KEY) else {
        return Ok(None);
    };
    let Some(fingerprint) = Fingerprint::parse(&text) else {
        let wanted =
            "64 hexadecimal digits, as from: openssl x509 -in ca.pem -noout -fingerprint -sha256";
        section.problem(
            KEY,
            format!("`{text}` is no SHA-256 of a certificate: {wanted}"),
        );
        return Err(Noted);
    };
    if verification == Verification::None {
        section.problem(
            KEY,
            "says nothing beside `verification_mode: none`; remove one of them",
        );
        return Err(Noted);
    }
    Ok(Some(fingerprint))
}

/// The own certificate with its key, if there is one.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(section: &mut Section<'_>) -> Result<Option<Identity>, Noted> {
    let written = (section.text("certificate"), section.secret("key"));
    let (certificate, key) = match written {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            section.problem("key", "is missing; `certificate` needs it");
            return Err(Noted);
        }
        (None, Some(_)) => {
            section.problem("certificate", "is missing; `key` needs it");
            return Err(Noted);
        }
    };
    let chain = certificates(&certificate).map_err(|problem| {
        section.problem("certificate", format!("{} {problem}", place(&certificate)))
    });
    let key = private_key(key.reveal())
        .map_err(|problem| section.problem("key", format!("{} {problem}", place(key.reveal()))));
    match (chain, key) {
        (Ok(chain), Ok(key)) => Ok(Some((chain, key))),
        _ => Err(Noted),
    }
}

fn server_name(section: &mut Section<'_>) -> Option<String> {
    let name = section.text("server_name")?;
    if ServerName::try_from(name.as_str()).is_err() {
        let message = format!(
            "`{name}` cannot be the name in a certificate; write a host name or an IP address"
        );
        section.problem("server_name", message);
        return None;
    }
    Some(name)
}

/// How messages name a file, or PEM of which nothing must be shown.
fn place(text: &str) -> String {
    match text.trim_start().starts_with(PEM) {
        true => "the PEM text".to_owned(),
        false => format!("`{text}`"),
    }
}

/// The PEM itself, or the file that the text names.
fn pem(text: &str) -> Result<Vec<u8>, String> {
    if text.trim_start().starts_with(PEM) {
        return Ok(text.as_bytes().to_owned());
    }
    let mut bytes = Vec::new();
    let read =
        File::open(text).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(length) if length as u64 > LARGEST_FILE => Err("is too large for a PEM file".to_owned()),
        Ok(_) => Ok(bytes),
    }
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = pem(text)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(all) if all.is_empty() => Err("holds no certificate in PEM form".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("is damaged: {error}")),
    }
}

fn private_key(text: &str) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = pem(text)?;
    if bytes.windows(9).any(|part| part == b"ENCRYPTED") {
        return Err(
            "is encrypted; write it without a password: openssl pkey -in … -out …".to_owned(),
        );
    }
    // The reason says nothing of the key itself, but might one day.
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| "holds no private key in PEM form".to_owned())
}

/// Error: the key to blame, and why.
fn build(trust: Trust, identity: Option<Identity>) -> Result<ClientConfig, (&'static str, String)> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ("", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(trust.verifier(provider)?);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| ("key", format!("does not go with `certificate`: {error}"))),
    }
}

impl Trust {
    /// By the authorities that are named, in whatever way, or else by the public ones.
    fn verifier(
        self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, (&'static str, String)> {
        let Some(fingerprint) = self.fingerprint else {
            let roots = self.named.unwrap_or_else(|| RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            });
            return verifier(self.verification, roots, provider);
        };
        let named = self
            .named
            .map(|roots| verifier(self.verification, roots, Arc::clone(&provider)));
        Ok(Arc::new(ByFingerprint {
            fingerprint,
            verification: self.verification,
            named: named.transpose()?,
            provider,
        }))
    }
}

fn verifier(
    verification: Verification,
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, (&'static str, String)> {
    if verification == Verification::None {
        return Ok(Arc::new(AnyCertificate(provider)));
    }
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| ("certificate_authorities", error.to_string()))?;
    Ok(match verification {
        Verification::Certificate => Arc::new(AnyName(strict)),
        Verification::Full | Verification::None => strict,
    })
}
