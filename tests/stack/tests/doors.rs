//! The ways into a JVM: each kind of JMX port read by Java's own client, and Jolokia.

use std::net::TcpStream;
use std::time::Duration;

use stack::{
    JmxAccess, JmxPort, JolokiaPort, Options, PlainJvm, Result, RmiPort, jdks, jmx_dump_with,
};

const RUNTIME: &str = "java.lang:type=Runtime";

fn uptime(access: &JmxAccess) -> Result<u64> {
    let values = jmx_dump_with(access, &[RUNTIME])?;
    let found = values.into_iter().find(|value| value.attribute == "Uptime");
    Ok(found
        .and_then(|value| value.value.ok()?.as_u64())
        .expect("every JVM has an uptime"))
}

#[test]
fn a_port_with_a_password_refuses_strangers() -> Result<()> {
    let jvm = PlainJvm::idle(&Options::new().jmx(JmxPort::new().password()))?;
    assert!(uptime(jvm.jmx_access())? > 0);
    let error = uptime(&JmxAccess::open(&jvm.jmx())).expect_err("no password, no session");
    assert!(error.to_string().contains("SecurityException"), "{error}");
    Ok(())
}

#[test]
fn ports_speak_tls_where_they_should() -> Result<()> {
    let plain_registry = JmxPort::new().tls();
    let both = JmxPort::new().registry_tls().rmi_port(RmiPort::Same);
    let mutual = JmxPort::new().registry_tls().client_auth().password();
    for port in [plain_registry, both, mutual] {
        let jvm = PlainJvm::idle(&Options::new().jmx(port))?;
        assert!(uptime(jvm.jmx_access())? > 0);
        let error = uptime(&JmxAccess::open(&jvm.jmx())).expect_err("no trust, no session");
        assert!(
            error.to_string().contains("SSL") || error.to_string().contains("ConnectIOException"),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn a_jvm_without_jmx_listens_nowhere() -> Result<()> {
    let jvm = PlainJvm::idle(&Options::new().without_jmx())?;
    assert!(TcpStream::connect(jvm.jmx()).is_err());
    let arguments =
        std::fs::read(format!("/proc/{}/cmdline", jvm.process().pid())).expect("it lives");
    assert!(!String::from_utf8_lossy(&arguments).contains("jmxremote"));
    Ok(())
}

#[test]
fn every_installed_jdk_runs_servers() -> Result<()> {
    let versions = jdks();
    println!("installed: {versions:?}");
    assert!(!versions.is_empty());
    for version in versions {
        let jvm = PlainJvm::idle(&Options::new().jdk(version))?;
        let values = jmx_dump_with(jvm.jmx_access(), &[RUNTIME])?;
        let says = values
            .into_iter()
            .find(|value| value.attribute == "SpecVersion");
        assert_eq!(
            says.expect("every JVM says it").value,
            Ok(version.to_string().into())
        );
    }
    let error = PlainJvm::idle(&Options::new().jdk(1))
        .err()
        .expect("there is none");
    assert!(error.to_string().contains("a JDK 1 is missing"), "{error}");
    Ok(())
}

#[test]
fn jolokia_answers_beside_jmx() -> Result<()> {
    let open = PlainJvm::idle(&Options::new().jolokia(JolokiaPort::new()))?;
    let url = open.jolokia_url() + "read/java.lang:type=Runtime/Uptime";
    assert!(get(&url, 200).contains("\"status\":200"));
    let port = JolokiaPort::new().login("monitor", "let-me-read");
    let closed = PlainJvm::idle(&Options::new().without_jmx().jolokia(port))?;
    let url = closed.jolokia_url() + "read/java.lang:type=Runtime/Uptime";
    get(&url, 401);
    assert!(
        get(&url.replace("http://", "http://monitor:let-me-read@"), 200).contains("\"value\":")
    );
    Ok(())
}

fn get(url: &str, status: u16) -> String {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    let mut answer = ureq::Agent::from(config)
        .get(url)
        .call()
        .expect("Jolokia answers");
    assert_eq!(answer.status().as_u16(), status, "{url}");
    answer.body_mut().read_to_string().expect("a body")
}
