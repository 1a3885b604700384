//! Addresses as people write them.

use super::Address;

fn shown(written: &str) -> (String, String, String) {
    let address = Address::parse(written).unwrap();
    (
        address.to_string(),
        address.service_host("broker06"),
        address.service_address("broker06"),
    )
}

#[test]
fn every_form_is_known_and_never_named_by_loopback() {
    for (written, name, host, service) in [
        (
            "localhost:9999",
            "localhost:9999",
            "broker06",
            "broker06:9999",
        ),
        ("[::1]:9999", "[::1]:9999", "broker06", "broker06:9999"),
        (
            "[fd00::1]:9999",
            "[fd00::1]:9999",
            "fd00::1",
            "[fd00::1]:9999",
        ),
        (
            "local:kafka.Kafka",
            "local:kafka.Kafka",
            "broker06",
            "broker06/kafka.Kafka",
        ),
        (
            "http://k1:8778/jolokia",
            "http://k1:8778/jolokia",
            "k1",
            "k1:8778",
        ),
        ("http://k1:8778", "http://k1:8778/jolokia", "k1", "k1:8778"),
        (
            "https://[::1]/a/b//",
            "https://[::1]/a/b",
            "broker06",
            "broker06:443/a/b",
        ),
    ] {
        let expected = (name.to_owned(), host.to_owned(), service.to_owned());
        assert_eq!(shown(written), expected, "{written}");
    }
}

#[test]
fn what_is_none_is_told_with_what_would_be_right() {
    for (written, told) in [
        ("k1", "has no port"),
        ("local: ", "names no JVM"),
        ("service:jmx:iiop:///jndi/x", "speaks rmi"),
        ("ftp://k1:1/jolokia", "of an unknown kind; write host:port"),
        ("http://", "is not a URL"),
        ("http://me:pw@k1:1/jolokia", "as `username`"),
        ("me:pw@k1:1", "as `username`"),
        ("http://k1:1/jolokia?x=y", "more than a path"),
    ] {
        let problem = Address::parse(written)
            .unwrap_err()
            .advised("write it as `username`");
        assert!(problem.contains(told), "{written}: {problem}");
        assert!(!problem.contains("pw@"), "{problem}");
    }
}
