//! From the keys under `ssl` to documents of a JVM that wants a password and a certificate.

use std::time::Duration;

use stack::{JmxAccess, JmxPort, Options, PlainJvm};

use crate::collect::{Collected, FaultKind};

/// Generous: other tests use the machine, too.
const PATIENT: Duration = Duration::from_secs(30);

/// Collects from a JVM with these lines under `ssl`.
async fn collect(jvm: &PlainJvm, ssl: &str) -> Collected {
    let (user, password) = (JmxAccess::USER, JmxAccess::PASSWORD);
    let section = format!(
        "jmx:\n  - {{endpoint: \"{}\", presets: [jvm], username: {user}, password: {password}, {ssl}}}\n",
        jvm.jmx()
    );
    super::collect(&section, PATIENT).await
}

#[tokio::test]
async fn a_jvm_is_collected_over_mutual_tls_and_mistakes_are_told() {
    let port = JmxPort::new().client_auth().registry_tls().password();
    let jvm = PlainJvm::idle(&Options::new().jmx(port)).unwrap();
    let files = jvm.jmx_access().tls.as_ref().unwrap();
    let shown = |path: &std::path::Path| path.display().to_string();
    let (authority, elsewhere) = (shown(&files.authority), shown(&files.elsewhere));
    let own = format!(
        "ssl.certificate: {}, ssl.key: {}",
        shown(&files.client_certificate),
        shown(&files.client_key)
    );

    for mode in ["full", "certificate"] {
        let ssl = format!(
            "ssl.certificate_authorities: {authority}, {own}, ssl.verification_mode: {mode}"
        );
        let collected = collect(&jvm, &ssl).await;
        assert!(collected.up, "{:?}", collected.faults);
        assert!(!collected.documents.is_empty());
    }
    let collected = collect(&jvm, &format!("{own}, ssl.verification_mode: none")).await;
    assert!(collected.up, "{:?}", collected.faults);
    let another_name = "ssl.verification_mode: certificate, ssl.server_name: broker-1.example";
    let ssl = format!("ssl.certificate_authorities: {authority}, {own}, {another_name}");
    assert!(collect(&jvm, &ssl).await.up, "no name is verified");

    for (ssl, told) in [
        ("ssl.enabled: false".to_owned(), "wants TLS"),
        (
            format!("{own}, ssl.certificate_authorities: {elsewhere}"),
            "unknown authority",
        ),
        (
            format!(
                "{own}, ssl.certificate_authorities: {elsewhere}, ssl.verification_mode: certificate"
            ),
            "unknown authority",
        ),
        (
            format!("ssl.certificate_authorities: {authority}"),
            "client certificate",
        ),
        (
            format!(
                "{own}, ssl.certificate_authorities: {authority}, ssl.server_name: broker-1.example"
            ),
            "another name",
        ),
    ] {
        let collected = collect(&jvm, &ssl).await;
        let fault = &collected.faults[0];
        assert!(!collected.up && fault.kind == FaultKind::Auth, "{fault:?}");
        assert!(fault.message.contains(told), "{told}: {fault:?}");
        assert!(
            fault.message.ends_with("the keys are under `ssl`"),
            "{fault:?}"
        );
    }
}
