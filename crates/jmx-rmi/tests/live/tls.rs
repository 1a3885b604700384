//! TLS and passwords.

use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::rustls::client::WebPkiServerVerifier;
use jmx_rmi::rustls::crypto::ring;
use jmx_rmi::rustls::pki_types::pem::PemObject;
use jmx_rmi::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use jmx_rmi::rustls::time_provider::TimeProvider;
use jmx_rmi::rustls::version::{TLS12, TLS13};
use jmx_rmi::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use jmx_rmi::{Client, Credentials, Endpoint, RegistryTls, Tls, TlsProblem};
use stack::{JmxPort, Options, PlainJvm, TlsFiles};

use super::{PATIENT, endpoint, refused, sentence};

/// What a test changes about a client that the JVM likes.
#[derive(Default)]
struct Change {
    wrong_authority: bool,
    /// Longer than the certificates are valid.
    in_the_future: bool,
    certificate: Certificate,
    server_name: Option<&'static str>,
    registry: RegistryTls,
    version: Option<&'static SupportedProtocolVersion>,
}

#[derive(Default)]
enum Certificate {
    #[default]
    Ours,
    Strangers,
    None,
}

#[derive(Debug)]
struct Future;

impl TimeProvider for Future {
    fn current_time(&self) -> Option<UnixTime> {
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        let now = Duration::from_secs(UnixTime::now().as_secs());
        Some(UnixTime::since_unix_epoch(now + century))
    }
}

fn tls(files: &TlsFiles, change: &Change) -> Tls {
    let authority = match change.wrong_authority {
        true => &files.elsewhere,
        false => &files.authority,
    };
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let builder = match change.in_the_future {
        true => ClientConfig::builder_with_details(provider, Arc::new(Future)),
        false => ClientConfig::builder_with_provider(provider),
    };
    let versions = change
        .version
        .map_or(vec![&TLS12, &TLS13], |only| vec![only]);
    let builder = builder
        .with_protocol_versions(&versions)
        .unwrap()
        .with_webpki_verifier(verifier.build().unwrap());
    let identity = match change.certificate {
        Certificate::Ours => Some((&files.client_certificate, &files.client_key)),
        Certificate::Strangers => Some((&files.stranger_certificate, &files.stranger_key)),
        Certificate::None => None,
    };
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let mut tls = Tls::new(Arc::new(config));
    tls.server_name = change.server_name.map(str::to_owned);
    tls.registry = change.registry;
    tls
}

fn endpoint_with(jvm: &PlainJvm, change: &Change) -> Endpoint {
    let mut endpoint = endpoint(jvm);
    let files = jvm.jmx_access().tls.as_ref().unwrap();
    endpoint.tls = Some(tls(files, change));
    endpoint
}

/// Connects, reads something, closes.
async fn works(endpoint: &Endpoint) {
    let mut client = Client::connect(endpoint, PATIENT)
        .await
        .unwrap_or_else(|error| panic!("{}", sentence(&error)));
    let name = "java.lang:type=Memory".parse().unwrap();
    let attributes = ["HeapMemoryUsage".to_owned()];
    let read = client.get_attributes(&name, &attributes).await.unwrap();
    assert!(read[0].1.get("used").is_some());
    client.close().await.unwrap();
}

/// Connects in vain; gives what is told.
async fn fails(endpoint: &Endpoint, problem: TlsProblem) -> String {
    let error = refused(endpoint).await;
    let told = sentence(&error);
    assert_eq!(error.tls_problem(), Some(problem), "{told}");
    assert!(told.starts_with("127.0.0.1:"), "{told}");
    told
}

#[tokio::test]
async fn tls_on_every_port_with_and_without_passwords() {
    let kinds = [
        JmxPort::new().tls(),
        JmxPort::new().tls().registry_tls(),
        JmxPort::new().client_auth().password(),
        JmxPort::new().client_auth().registry_tls().password(),
    ];
    let oldest_and_newest = [stack::jdks()[0], *stack::jdks().last().unwrap()];
    for (kind, jdk) in kinds.into_iter().zip(oldest_and_newest.into_iter().cycle()) {
        let jvm = PlainJvm::idle(&Options::new().jmx(kind).jdk(jdk)).unwrap();
        works(&endpoint_with(&jvm, &Change::default())).await;
        for version in [&TLS12, &TLS13] {
            let version = Some(version);
            works(&endpoint_with(
                &jvm,
                &Change {
                    version,
                    ..Change::default()
                },
            ))
            .await;
        }
    }
}

#[tokio::test]
async fn each_mistake_about_certificates_is_named() {
    let jvm =
        PlainJvm::idle(&Options::new().jmx(JmxPort::new().client_auth().registry_tls())).unwrap();
    for registry in [RegistryTls::Automatic, RegistryTls::Always] {
        let own = || Change {
            registry,
            ..Change::default()
        };
        works(&endpoint_with(&jvm, &own())).await;
        let change = Change {
            wrong_authority: true,
            ..own()
        };
        fails(&endpoint_with(&jvm, &change), TlsProblem::UnknownIssuer).await;
        let change = Change {
            in_the_future: true,
            ..own()
        };
        fails(&endpoint_with(&jvm, &change), TlsProblem::Expired).await;
        let change = Change {
            server_name: Some("broker-1.example"),
            ..own()
        };
        fails(&endpoint_with(&jvm, &change), TlsProblem::WrongName).await;
        let change = Change {
            server_name: Some("localhost"),
            ..own()
        };
        works(&endpoint_with(&jvm, &change)).await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_by_its_name() {
    let port = JmxPort::new().client_auth().registry_tls();
    let jvm = PlainJvm::idle(&Options::new().jmx(port)).unwrap();
    for (version, certificate, problem) in [
        (&TLS12, Certificate::None, TlsProblem::Refused),
        (
            &TLS12,
            Certificate::Strangers,
            TlsProblem::CertificateRefused,
        ),
        (&TLS13, Certificate::None, TlsProblem::CertificateWanted),
        (
            &TLS13,
            Certificate::Strangers,
            TlsProblem::CertificateRefused,
        ),
    ] {
        let version = Some(version);
        let change = Change {
            version,
            certificate,
            ..Change::default()
        };
        let error = refused(&endpoint_with(&jvm, &change)).await;
        // The end of the connection can overtake the reason for it.
        let found = error.tls_problem().unwrap_or(TlsProblem::Other);
        let told = sentence(&error);
        assert!([problem, TlsProblem::Ended].contains(&found), "{told}");
        assert!(told.contains("client certificate"), "{told}");
    }
}

#[tokio::test]
async fn tls_where_there_is_none_and_none_where_there_is() {
    let jvm = PlainJvm::idle(&Options::new().jmx(JmxPort::new().tls())).unwrap();
    let told = fails(&endpoint(&jvm), TlsProblem::Wanted).await;
    assert!(told.ends_with("wants TLS; turn TLS on for it"), "{told}");
    let change = Change {
        registry: RegistryTls::Always,
        ..Change::default()
    };
    fails(&endpoint_with(&jvm, &change), TlsProblem::NotSpoken).await;

    let jvm = PlainJvm::idle(&Options::new().jmx(JmxPort::new().registry_tls())).unwrap();
    fails(&endpoint(&jvm), TlsProblem::Wanted).await;
    let change = Change {
        registry: RegistryTls::Never,
        ..Change::default()
    };
    fails(&endpoint_with(&jvm, &change), TlsProblem::Wanted).await;

    let files = jvm.jmx_access().tls.clone().unwrap();
    let jvm = PlainJvm::idle(&Options::new()).unwrap();
    let mut plain = endpoint(&jvm);
    plain.tls = Some(tls(&files, &Change::default()));
    fails(&plain, TlsProblem::NotOffered).await;
}

#[tokio::test]
async fn passwords_wrong_and_missing() {
    let jvm = PlainJvm::idle(&Options::new().jmx(JmxPort::new().password())).unwrap();
    let mut endpoint = endpoint(&jvm);
    Client::connect(&endpoint, PATIENT)
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    for credentials in [Some(Credentials::new("monitor", "hunter2")), None] {
        endpoint.credentials = credentials;
        let error = refused(&endpoint).await;
        let told = sentence(&error);
        assert!(error.is_auth(), "{told}");
        assert!(
            told.contains("java.lang.SecurityException: Authentication failed!"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}
