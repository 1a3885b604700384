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

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    for (entry, told) in [
        ("{presets: [jvm]}", "endpoint: is missing"),
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
