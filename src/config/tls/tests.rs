//! Reading `ssl`.

use rcgen::{CertificateParams, KeyPair};

use super::{Tls, read};
use crate::config::{Findings, Section};

/// A certificate and its key in PEM.
fn identity() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["agent".to_owned()]).unwrap();
    (
        certificate.self_signed(&key).unwrap().pem(),
        key.serialize_pem(),
    )
}

/// What is read from `ssl` with these lines, the mistakes, and what `export config` would show.
fn tls(lines: &[(&str, &str)]) -> (Option<Tls>, Vec<String>, String) {
    let indented = |text: &str| text.replace('\n', "\n        ");
    let lines: String = lines
        .iter()
        .map(|(key, value)| format!("    {key}: {}\n", indented(value)))
        .collect();
    let node = crate::yaml::parse(&format!("x:\n  ssl:\n{lines}")).unwrap();
    let findings = Findings::default();
    let tree = crate::config::build(&node, &|_| None, &findings.problems);
    let mut root = Section::new(&tree, "", &findings);
    let mut x = root.section("x").unwrap();
    let tls = x.section("ssl").and_then(|mut ssl| read(&mut ssl));
    drop((x, root));
    let shown = format!("{:?}", findings.effective);
    let problems = findings.problems.into_sorted();
    (
        tls,
        problems.iter().map(ToString::to_string).collect(),
        shown,
    )
}

/// Some certificate's.
const DIGEST: &str = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";

/// PEM as a block of a YAML file.
fn block(pem: &str) -> String {
    format!("|\n{}", pem.trim_end())
}

#[test]
fn a_section_is_on_unless_it_says_otherwise() {
    let (read, problems, _) = tls(&[("verification_mode", "certificate")]);
    assert!(read.is_some() && problems.is_empty(), "{problems:?}");
    let (read, problems, _) = tls(&[("enabled", "false"), ("certificate_authorities", "[]")]);
    assert!(read.is_none() && problems.is_empty(), "{problems:?}");
}

#[test]
fn certificates_may_be_files_or_stand_in_the_configuration_and_keys_are_not_shown() {
    let (certificate, key) = identity();
    let folder = std::env::temp_dir().join(format!("brokerbeat-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("agent.pem").display().to_string();
    std::fs::write(&file, [certificate.as_str(), key.as_str()].concat()).unwrap();
    let (read, problems, _) = tls(&[
        ("certificate_authorities", &file),
        ("certificate", &file),
        ("key", &file),
    ]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(read.is_some() && problems.is_empty(), "{problems:?}");

    let own = [
        ("certificate", block(&certificate)),
        ("key", block(&key)),
        ("server_name", "jvm".to_owned()),
    ];
    let own = own.each_ref().map(|(key, value)| (*key, value.as_str()));
    let (read, problems, shown) = tls(&own);
    assert_eq!(problems, [""; 0]);
    let read = read.unwrap();
    assert_eq!(read.server_name.as_deref(), Some("jvm"));
    assert!(!format!("{read:?}{shown}").contains("PRIVATE KEY"));
    let secret = key.lines().nth(1).unwrap();
    assert!(!format!("{read:?}{shown}").contains(secret));
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    let (certificate, key) = identity();
    let (_, other_key) = identity();
    let (certificate, key, other_key) = (block(&certificate), block(&key), block(&other_key));
    let encrypted =
        block("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----");
    for (lines, told) in [
        (
            &[("verification_mode", "strict")][..],
            "ssl.verification_mode: `strict` is none of: full",
        ),
        (
            &[("certificate_authorities", "/no/such/file")],
            "`/no/such/file` cannot be read: No such file",
        ),
        (
            &[("certificate_authorities", key.as_str())],
            "the PEM text holds no certificate",
        ),
        (
            &[("certificate", certificate.as_str())],
            "ssl.key: is missing",
        ),
        (&[("key", key.as_str())], "ssl.certificate: is missing"),
        (
            &[
                ("certificate", certificate.as_str()),
                ("key", other_key.as_str()),
            ],
            "ssl.key: does not go with `certificate`",
        ),
        (
            &[
                ("certificate", certificate.as_str()),
                ("key", certificate.as_str()),
            ],
            "ssl.key: the PEM text holds no private key",
        ),
        (
            &[
                ("certificate", certificate.as_str()),
                ("key", encrypted.as_str()),
            ],
            "is encrypted",
        ),
        (
            &[("server_name", "a b")],
            "`a b` cannot be the name in a certificate",
        ),
        (
            &[("ca_trusted_fingerprint", "ab:cd")],
            "ssl.ca_trusted_fingerprint: `ab:cd` is no SHA-256 of a certificate",
        ),
        (
            &[
                ("ca_trusted_fingerprint", DIGEST),
                ("verification_mode", "none"),
            ],
            "ssl.ca_trusted_fingerprint: says nothing beside",
        ),
        (
            &[("verification", "none")],
            "did you mean `verification_mode`?",
        ),
    ] {
        let (_, problems, _) = tls(lines);
        let all = problems.join("\n");
        assert!(all.contains(told), "{told}: {all}");
        assert!(all.starts_with("line "), "{all}");
        assert!(!all.contains("BEGIN"), "{all}");
    }
    let (_, problems, _) = tls(&[
        ("certificate_authorities", "/a"),
        ("certificate", "/b"),
        ("key", "/c"),
    ]);
    assert_eq!(problems.len(), 3, "all mistakes at once: {problems:?}");
}

/// An authority, and a certificate of it for `es`, in DER.
fn authority_and_server() -> [rustls::pki_types::CertificateDer<'static>; 2] {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["es".to_owned()]).unwrap();
    let server = server.signed_by(&own, &issuer).unwrap();
    [authority.der().clone(), server.der().clone()]
}

#[test]
fn an_authority_is_known_by_its_fingerprint_and_only_by_that() {
    use super::fingerprint::{ByFingerprint, Fingerprint};
    use super::{Verification, verifier};
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use sha2::{Digest, Sha256};
    use std::sync::Arc;

    let [authority, server] = authority_and_server();
    let [other, _] = authority_and_server();
    let of = |certificate: &[u8]| {
        let digest = Sha256::digest(certificate);
        let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Fingerprint::parse(&digits.join(":")).unwrap()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let is_accepted = |pin: &[u8],
                       named: Option<&rustls::pki_types::CertificateDer<'static>>,
                       name: &str,
                       chain: &[_]| {
        let named = named.map(|one| {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(one.clone()).unwrap();
            verifier(Verification::Full, roots, Arc::clone(&provider)).unwrap()
        });
        let by = ByFingerprint {
            fingerprint: of(pin),
            verification: Verification::Full,
            named,
            provider: Arc::clone(&provider),
        };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        by.verify_server_cert(&server, chain, &name, &[], UnixTime::now())
            .map_err(|error| error.to_string())
    };
    let chain = [authority.clone()];
    assert!(is_accepted(&authority, None, "es", &chain).is_ok());
    assert!(
        is_accepted(&authority, None, "other", &chain).is_err(),
        "the name counts"
    );
    let refused = is_accepted(&other, None, "es", &chain).unwrap_err();
    assert!(
        refused.contains("shows no authority with the fingerprint"),
        "{refused}"
    );
    assert!(
        is_accepted(&authority, None, "es", &[]).is_err(),
        "the server does not show it"
    );
    assert!(
        is_accepted(&server, None, "es", &chain).is_err(),
        "it is no authority's"
    );
    // A stranger's chain that has the certificate in it without being signed by it.
    assert!(is_accepted(&other, None, "es", std::slice::from_ref(&other)).is_err());
    assert!(
        is_accepted(&other, Some(&authority), "es", &chain).is_ok(),
        "named is enough"
    );
}
