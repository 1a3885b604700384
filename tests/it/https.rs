//! The way to an Elasticsearch with TLS that wants a certificate, by what is configured.

use sha2::{Digest, Sha256};
use stack::{Elasticsearch, HttpProxy, TlsFiles};

use crate::agent::{Setting, search};
use crate::servers;
use crate::shipping::wait_for;

/// The fingerprint of the first certificate of a PEM file.
fn fingerprint(pem: &std::path::Path) -> String {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_file(pem).unwrap();
    let digest = Sha256::digest(&certificate);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ssl(files: &TlsFiles, more: &str) -> String {
    format!(
        "{more}, certificate: {}, key: {}",
        files.client_certificate.display(),
        files.client_key.display()
    )
}

/// The lines of a configuration for this server.
fn config(elasticsearch: &Elasticsearch, ssl: &str, more: &str) -> String {
    format!(
        "clusters: [{{name: orders, zookeeper: {{hosts: [\"{}\"]}}}}]\nnamespace: https\n\
         output.elasticsearch:\n  hosts: [\"{}\"]\n  ssl: {{{ssl}}}\n  {more}\n",
        servers::zookeeper().addr(),
        elasticsearch.url(),
    )
}

/// What `setup` says with this configuration, and whether it did it. The environment names a proxy that is not there.
fn set_up(config: &str) -> (bool, String) {
    let setting = Setting::new(config);
    let mut command = setting.prepared(&["setup"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
        command.env(name.to_lowercase(), "http://127.0.0.1:1");
    }
    let output = command.output().expect("the agent's binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn who_may_talk_to_whom_is_decided_by_certificates_and_said_clearly() {
    let elasticsearch = servers::with_tls();
    let files = elasticsearch.tls_files().expect("it has TLS");
    let basic = format!("username: elastic\n  password: {}", servers::PASSWORD);
    let authority = format!("certificate_authorities: {}", files.authority.display());
    let elsewhere = format!("certificate_authorities: {}", files.elsewhere.display());
    let right = format!("ca_trusted_fingerprint: {}", fingerprint(&files.authority));
    let wrong = format!("ca_trusted_fingerprint: {}", fingerprint(&files.elsewhere));
    let stranger = format!(
        "{authority}, certificate: {}, key: {}",
        files.stranger_certificate.display(),
        files.stranger_key.display()
    );
    let none = "verification_mode: none";
    for (ssl, refusal) in [
        (ssl(files, &authority), None),
        (ssl(files, &right), None),
        (ssl(files, &format!("{elsewhere}, {right}")), None),
        (ssl(files, &format!("{authority}, {wrong}")), None),
        (ssl(files, none), None),
        (
            ssl(files, &elsewhere),
            Some(
                "an authority that is not trusted; name that in output.elasticsearch.ssl.certificate_authorities",
            ),
        ),
        (
            ssl(files, &wrong),
            Some("shows no authority with the fingerprint"),
        ),
        (
            authority.clone(),
            Some("refuses the agent's certificate, or wants one"),
        ),
        (
            stranger,
            Some("refuses the agent's certificate, or wants one"),
        ),
    ] {
        let (is_done, said) = set_up(&config(elasticsearch, &ssl, &basic));
        assert_eq!(is_done, refusal.is_none(), "{ssl}: {said}");
        assert!(said.contains(refusal.unwrap_or_default()), "{ssl}: {said}");
        assert!(
            refusal.is_none() || said.contains(&elasticsearch.url()),
            "{said}"
        );
    }
}

#[test]
fn an_api_key_is_taken_in_both_its_forms() {
    let elasticsearch = servers::with_tls();
    let files = elasticsearch.tls_files().expect("it has TLS");
    let body = serde_json::json!({"name": "brokerbeat"});
    let key = elasticsearch.post("/_security/api_key", &body).unwrap();
    let word = |name: &str| key[name].as_str().unwrap().to_owned();
    let ssl = ssl(
        files,
        &format!("certificate_authorities: {}", files.authority.display()),
    );
    for form in [
        format!("{}:{}", word("id"), word("api_key")),
        word("encoded"),
    ] {
        let (is_done, said) = set_up(&config(
            elasticsearch,
            &ssl,
            &format!("api_key: \"{form}\""),
        ));
        assert!(is_done, "{said}");
    }
    let (is_done, said) = set_up(&config(elasticsearch, &ssl, "api_key: \"nobody:hunter2\""));
    assert!(
        !is_done && said.contains("answers 401") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn documents_arrive_through_a_proxy_that_wants_a_password() {
    let elasticsearch = servers::with_tls();
    let files = elasticsearch.tls_files().expect("it has TLS");
    // me:hunter2
    let proxy = HttpProxy::start(Some("Basic bWU6aHVudGVyMg==")).unwrap();
    let ssl = ssl(
        files,
        &format!("ca_trusted_fingerprint: {}", fingerprint(&files.authority)),
    );
    let with = |user: &str| {
        let proxy = format!("proxy_url: \"http://{user}{}\"", proxy.address());
        let basic = format!("username: elastic\n  password: {}", servers::PASSWORD);
        config(elasticsearch, &ssl, &format!("{basic}\n  {proxy}"))
    };
    let (is_done, said) = set_up(&with("me:wrong-word@"));
    assert!(!is_done && said.contains("proxy auth"), "{said}");
    assert!(!said.contains("wrong-word"), "{said}");
    assert_eq!(proxy.tunnels(), 0);

    let agent = Setting::new(&with("me:hunter2@")).run();
    let stream = "metrics-brokerbeat.zookeeper.server-https";
    wait_for("documents arrive", &agent, || {
        !search(elasticsearch, stream).is_empty()
    });
    agent.stop_clean();
    assert!(proxy.tunnels() >= 1);
    assert!(!agent.log().contains("hunter2"), "{}", agent.log());
}
