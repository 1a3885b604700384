//! Reading the configuration.

use std::time::Duration;

use crate::collect::{Common, TargetPlan};
use crate::config::{Findings, Section, Tree};

pub(super) fn read(text: &str) -> (Vec<TargetPlan>, Vec<String>) {
    let node = crate::yaml::parse(text).unwrap();
    let findings = Findings::default();
    let tree = tree(&node, &findings);
    let common = Common {
        host_name: "broker06".to_owned(),
        interval: Duration::from_secs(10),
        path_data: std::path::PathBuf::new(),
        only_groups: Vec::new(),
    };
    let mut section = Section::new(&tree, "clusters[0]", &findings);
    let plans = crate::collect::jmx::config::read(&mut section, &common);
    drop(section);
    (
        plans,
        findings
            .problems
            .into_sorted()
            .iter()
            .map(ToString::to_string)
            .collect(),
    )
}

fn tree(node: &crate::yaml::Node, findings: &Findings) -> Tree {
    crate::config::build(node, &|_| None, &findings.problems)
}

#[test]
fn a_whole_entry() {
    let (plans, problems) = read(
        "jmx:\n  - {endpoint: \"localhost:9999\", presets: [kafka-broker, jvm]}\n  - {endpoint: \"zk1:9998\", presets: zookeeper, username: u, password: p, rmi_port: 9997, interval: 5s, name: first}\n",
    );
    assert_eq!(problems, [""; 0]);
    let shown: Vec<_> = plans
        .iter()
        .map(|plan| (plan.name.as_str(), plan.address.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("jmx localhost:9999", "broker06:9999"),
            ("first", "zk1:9998")
        ]
    );
    assert_eq!(plans[1].interval, Some(std::time::Duration::from_secs(5)));
}

/// `http://` with these keys would send the password in the clear.
#[test]
fn tls_without_tls_is_a_mistake() {
    for (entry, is_mistake) in [
        ("\"http://a:1\", ssl: {verification_mode: full}", true),
        ("\"http://a:1\", ssl.registry: plain", true),
        ("\"http://a:1\", ssl.enabled: false", false),
        ("\"https://a:1\", ssl.verification_mode: full", false),
        ("\"https://a:1\"", false),
    ] {
        let entry = format!("endpoint: {entry}, presets: [jvm], username: u, password: p");
        let (plans, problems) = read(&format!("jmx:\n  - {{{entry}}}\n"));
        let told = "clusters[0].jmx[0].ssl: asks for TLS, which `http://a:1/jolokia` has not; write https://";
        let is_told = problems.iter().any(|problem| problem.contains(told));
        assert_eq!(is_told, is_mistake, "{entry}: {problems:?}");
        assert_eq!(plans.is_empty(), is_mistake, "{entry}: {problems:?}");
    }
}

#[test]
fn a_key_that_would_be_ignored_is_a_mistake() {
    let local = "has no effect on `local:`";
    let jolokia = "has no effect on a Jolokia agent";
    for (entry, told) in [
        (
            "\"local:a.B\", username: u, password: p",
            vec![("username", local)],
        ),
        (
            "\"local:a.B\", rmi_port: 1, ssl.registry: plain",
            vec![("rmi_port", local), ("ssl", local)],
        ),
        (
            "\"https://a:1\", rmi_port: 1, ssl: {registry: plain, server_name: b}",
            vec![
                ("rmi_port", jolokia),
                ("ssl.registry", jolokia),
                ("ssl.server_name", jolokia),
            ],
        ),
        ("\"local:a.B\", ssl.enabled: false", vec![]),
        ("\"a:1\", rmi_port: 1, ssl.registry: plain", vec![]),
    ] {
        let (plans, problems) = read(&format!(
            "jmx:\n  - {{endpoint: {entry}, presets: [jvm]}}\n"
        ));
        assert_eq!(problems.len(), told.len(), "{entry}: {problems:?}");
        assert_eq!(plans.is_empty(), !told.is_empty(), "{entry}");
        for (problem, (key, why)) in problems.iter().zip(told) {
            let told = format!("line 2: clusters[0].jmx[0].{key}: {why}");
            assert!(problem.contains(&told), "{entry}: {problem}");
        }
    }
}

#[test]
fn agents_behind_one_port_are_several() {
    let entry = |url: &str| format!("  - {{endpoint: \"{url}\", presets: [jvm]}}\n");
    let both = |one, other| read(&format!("jmx:\n{}{}", entry(one), entry(other)));
    let (plans, problems) = both("http://a:1/one", "http://a:1/two");
    assert_eq!(problems, [""; 0]);
    let addresses: Vec<&str> = plans.iter().map(|plan| plan.address.as_str()).collect();
    assert_eq!(addresses, ["a:1/one", "a:1/two"]);
    let (_, problems) = both("http://a:1", "http://a:1/jolokia/");
    assert!(problems.iter().any(|problem| problem.contains("twice")));
}

#[test]
fn a_mistake_never_shows_the_password_in_an_endpoint() {
    for endpoint in [
        "me:hunter2@a:1",
        "me:hunter2@a",
        "http://me:hunter2@a:1/jolokia",
        "http://me:hun/ter2@a:1/jolokia",
        "service:jmx:rmi:///jndi/rmi://me:hunter2@a:1/jmxrmi",
        "service:jmx:rmi://me:hunter2@a:1",
        "service:jmx:iiop//me:hunter2@a:1",
        "ftp://me:hunter2@a:1",
    ] {
        let (plans, problems) = read(&format!(
            "jmx:\n  - {{endpoint: \"{endpoint}\", presets: [jvm]}}\n"
        ));
        assert!(plans.is_empty(), "{endpoint} is taken");
        let shown = problems.join("\n");
        assert!(shown.contains("endpoint: "), "{endpoint}: {shown}");
        assert!(
            !shown.contains("hun") && !shown.contains("ter2"),
            "{endpoint}: {shown}"
        );
    }
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    for (entry, told) in [
        (
            "{presets: [jvm]}",
            "endpoint: is missing; write host:port of the JVM's JMX port, service:jmx:rmi:…, local:<main class> or http://host:port/jolokia",
        ),
        (
            "{endpoint: \"a:1\"}",
            "presets: is missing; name at least one of kafka-broker",
        ),
        (
            "{endpoint: \"a:1\", presets: [kafka-brokr]}",
            "did you mean `kafka-broker`?",
        ),
        ("{endpoint: \"a\", presets: [jvm]}", "has no port"),
        (
            "{endpoint: \"{host}:9999\", presets: [jvm]}",
            "not supported yet",
        ),
        ("{endpoint: \"local:\", presets: [jvm]}", "names no JVM"),
        (
            "{endpoint: \"http://me:secret@a:1/jolokia\", presets: [jvm]}",
            "holds a user; write it as `username` and `password`",
        ),
        (
            "{endpoint: \"a:1\", presets: [jvm], username: u}",
            "password: is missing",
        ),
        (
            "{endpoint: \"a:1\", presets: [jvm], ssl.registry: maybe}",
            "jmx[0].ssl.registry: `maybe` is none of: automatic, tls, plain",
        ),
        (
            "{endpoint: \"a:1\", presets: [jvm], ssl: {certificate_authorities: /no/such}}",
            "jmx[0].ssl.certificate_authorities: `/no/such` cannot be read",
        ),
        (
            "{endpoint: \"a:1\", presets: [jvm], rmi_port: 70000}",
            "out of range",
        ),
        (
            "{endpoint: \"a:1\", preset: [jvm]}",
            "did you mean `presets`?",
        ),
        (
            "{endpoint: \"localhost:1\", presets: [jvm]}\n  - {endpoint: \"127.0.0.1:1\", presets: [jvm]}",
            "twice",
        ),
    ] {
        let (_, problems) = read(&format!("jmx:\n  - {entry}\n"));
        assert!(
            problems.iter().any(|problem| problem.contains(told)),
            "{entry}: {problems:?}"
        );
    }
}
