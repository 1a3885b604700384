//! What is proposed, and what is shown.

use jvm_attach::Obstacle;

use super::*;

fn jvm(pid: u32, words: &[&str]) -> Jvm {
    Jvm::from_command_line(pid, words.join("\0").as_bytes())
}

#[test]
fn the_shortest_pattern_that_fits_one() {
    let all = [
        jvm(1, &["java", "kafka.Kafka", "/a/server-1.properties"]),
        jvm(2, &["java", "kafka.Kafka", "/a/server-2.properties"]),
        jvm(3, &["java", "kafka.Kafka", "/b/server-2.properties"]),
        jvm(4, &["java", "-jar", "/opt/orders.jar"]),
        jvm(5, &["java", "a.Twin"]),
        jvm(6, &["java", "a.Twin"]),
    ];
    let patterns = all.each_ref().map(|jvm| pattern(jvm, &all).to_string());
    assert_eq!(
        patterns,
        [
            "*kafka.Kafka *server-1.properties*",
            "*kafka.Kafka */a/server-2.properties*",
            "*kafka.Kafka */b/server-2.properties*",
            "orders.jar",
            "pid=5",
            "pid=6"
        ]
    );
}

#[test]
fn a_line_is_proposed_only_if_it_can_work() {
    let port = "-Dcom.sun.management.jmxremote.port=9999";
    let bound = |host: &str| format!("-Dcom.sun.management.jmxremote.host={host}");
    let line = |change: &dyn Fn(&mut Jvm), host: &str| {
        let mut found = jvm(7, &["java", port, &bound(host), "a.Spin"]);
        change(&mut found);
        let all = [found];
        endpoint(&all[0], &all)
    };
    let disabled = |jvm: &mut Jvm| jvm.obstacle = Some(Obstacle::Disabled);
    for (host, expected) in [
        ("", "127.0.0.1:9999"),
        ("0.0.0.0", "127.0.0.1:9999"),
        ("10.0.0.7", "10.0.0.7:9999"),
        ("::1", "[::1]:9999"),
    ] {
        assert_eq!(line(&disabled, host).as_deref(), Some(expected));
    }
    let away = |jvm: &mut Jvm| {
        disabled(jvm);
        jvm.in_other_network = true;
    };
    assert_eq!(line(&away, ""), None);
    assert_eq!(line(&|_| {}, "").as_deref(), Some("local:a.Spin"));
}

#[test]
fn a_pid_is_said_to_end() {
    let twins = [1, 2].map(|pid| jvm(pid, &["java", "a.Twin"]));
    let row = Row {
        jvm: &twins[0],
        role: Role::of(&twins[0]),
        endpoint: endpoint(&twins[0], &twins),
    };
    let config = "- {endpoint: \"local:pid=1\", presets: [jvm]} # until its restart";
    assert_eq!(row.config().as_deref(), Some(config));
}

const SECRETS: &[&str] = &[
    "--token=hunter2",
    "--api-key=hunter2",
    "-pw:hunter2",
    "--password",
    "hunter2",
    "name=hunter2",
    "-DPASSWD=hunter2",
    "https://me:hunter2@a:1/x",
];

#[test]
fn what_may_be_a_secret_is_neither_a_pattern_nor_shown() {
    let twin = jvm(1, &["java", "a.Spin", "serve"]);
    let words = [&["java", "a.Spin", "serve"], SECRETS].concat();
    let all = [twin, jvm(2, &words)];
    assert_eq!(pattern(&all[1], &all), Pattern::Pid(2));
    let row = Row {
        jvm: &all[1],
        role: Role::of(&all[1]),
        endpoint: endpoint(&all[1], &all),
    };
    let shown = row.json().to_string() + &table(&[row]).join("\n");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("--token=(hidden)"), "{shown}");
    for secret in SECRETS {
        let all = [
            jvm(1, &["java", "a.Spin"]),
            jvm(2, &["java", "a.Spin", "--password", secret]),
        ];
        let found = pattern(&all[1], &all).to_string();
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn a_line_of_the_table_and_one_for_the_configuration() {
    let port = "-Dcom.sun.management.jmxremote.port=9999";
    let open = "-Dcom.sun.management.jmxremote.authenticate=false";
    let hostile = jvm(7, &["java", port, open, "a.\u{1b}[2J", &"x".repeat(99)]);
    let jvms = [hostile];
    let row = Row {
        jvm: &jvms[0],
        role: Role::of(&jvms[0]),
        endpoint: endpoint(&jvms[0], &jvms),
    };
    assert_eq!(row.reach(), "JMX port 9999 (TLS), local");
    let lines = table(&[row]);
    assert_eq!(lines.len(), 3);
    assert!(
        lines.iter().all(|line| !line.contains(char::is_control)),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("a.\\u{1b}[2J xxx") && lines[1].contains('…'),
        "{lines:?}"
    );
    assert!(lines[2].ends_with("presets: [jvm]}"), "{lines:?}");
}
