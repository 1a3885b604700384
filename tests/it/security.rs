//! Brokers that ask who one is and what one may: every mechanism, every refusal, the least rights.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use stack::{Kafka, KafkaVersion, Listener, Options, ZooKeeper, password, wait_until};

use crate::agent::{PATIENCE, Setting, field, of_dataset, search, text};
use crate::servers;

/// The user who may do what the agent needs; also the name in the client's certificate.
const ALLOWED: [&str; 2] = ["all", "CN=agent"];
pub(crate) const LAG: i64 = 5;

/// Of a token.
const LIFE: Duration = Duration::from_secs(8);

/// A broker with a group that lags, behind every listener; what keeps it alive comes with it.
fn broker(version: KafkaVersion, users: &[&str]) -> (Kafka, Option<ZooKeeper>) {
    let options = Options::new().secured(users).without_jmx();
    let (kafka, zookeeper) = match version {
        KafkaVersion::V2_8 => {
            let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
            let kafka = Kafka::start_zookeeper_mode_with(&zookeeper, 1, &options);
            (kafka, Some(zookeeper))
        }
        KafkaVersion::V3_9 | KafkaVersion::V4_2 => (Kafka::start_kraft_with(&options), None),
    };
    let kafka = kafka.expect("Kafka starts");
    kafka.create_topic("orders", 1, 1).expect("a topic");
    lag(&kafka.bootstrap());
    (kafka, zookeeper)
}

/// A group that has read nothing of what is there.
pub(crate) fn lag(bootstrap: &str) {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "billing");
    let producer: BaseProducer = client.create().expect("a producer");
    for _ in 0..LAG {
        producer
            .send(BaseRecord::<(), str>::to("orders").payload("x"))
            .expect("room");
    }
    producer.flush(PATIENCE).expect("the records arrive");
    let consumer: BaseConsumer = client.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("orders", 0, Offset::Offset(0))
        .unwrap();
    wait_until("a commit", PATIENCE, || {
        consumer.commit(&list, CommitMode::Sync).ok()
    })
    .expect("a commit");
}

/// The configuration of an agent that comes through a listener with these properties.
fn setting(kafka: &Kafka, listener: Listener, properties: &[(&str, &str)]) -> Setting {
    let mut text = format!(
        "clusters:\n- kafka:\n    bootstrap: [\"{}\"]\n    properties:\n      security.protocol: {}\n",
        kafka.listener(listener),
        listener.protocol(),
    );
    for (name, value) in properties {
        writeln!(text, "      {name}: \"{value}\"").unwrap();
    }
    Setting::new(&text)
}

fn plain<'a>(user: &'a str, secret: &'a str) -> [(&'static str, &'a str); 3] {
    login("PLAIN", user, secret)
}

fn login<'a>(mechanism: &'a str, user: &'a str, secret: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("sasl.mechanism", mechanism),
        ("sasl.username", user),
        ("sasl.password", secret),
    ]
}

pub(crate) fn lags(documents: &[Value]) -> Vec<&Value> {
    let groups = of_dataset(documents, "kafka.consumergroup").into_iter();
    groups
        .filter_map(|d| field(d, "kafka.consumergroup.consumer_lag"))
        .collect()
}

fn assert_complete(what: &str, setting: &Setting) {
    let (code, documents, said) = setting.once_in("20s");
    assert_eq!(code, 0, "{what}: {said}\n{documents:#?}");
    assert_eq!(lags(&documents), [&Value::from(LAG)], "{what}");
    assert_eq!(of_dataset(&documents, "kafka.topic").len(), 1, "{what}");
}

/// The kind is `auth`, the sentence has what is needed to understand it, and no secret is shown.
fn assert_refused(what: &str, setting: &Setting, sentence: &str, secret: &str) {
    let (code, documents, said) = setting.once_in("10s");
    assert_eq!(code, 3, "{what}: {said}");
    let target = of_dataset(&documents, "target")[0];
    let message = text(target, "brokerbeat.target.error.message");
    println!("{what}: {message}");
    assert_eq!(
        text(target, "brokerbeat.target.error.kind"),
        "auth",
        "{what}: {message}"
    );
    assert!(message.contains(sentence), "{what}: {message}");
    let shown = setting.command(&["export", "config"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for place in [&said, &target.to_string(), &shown] {
        assert!(!place.contains(secret), "{what}: the secret in {place}");
    }
}

/// Paths of the certificates, as properties want them.
struct Files {
    authority: String,
    elsewhere: String,
    /// Certificate and key of a client that the broker knows.
    own: [String; 2],
    /// The same of one that another authority signed.
    stranger: [String; 2],
}

impl Files {
    fn of(kafka: &Kafka) -> Self {
        let files = kafka.tls_files().expect("certificates");
        let shown = |path: &std::path::Path| path.display().to_string();
        Self {
            authority: shown(&files.authority),
            elsewhere: shown(&files.elsewhere),
            own: [&files.client_certificate, &files.client_key].map(|path| shown(path)),
            stranger: [&files.stranger_certificate, &files.stranger_key].map(|path| shown(path)),
        }
    }

    fn trust(&self) -> (&'static str, &str) {
        ("ssl.ca.location", &self.authority)
    }

    fn mutual<'a>(&'a self, [certificate, key]: &'a [String; 2]) -> [(&'static str, &'a str); 3] {
        [
            ("ssl.certificate.location", certificate),
            ("ssl.key.location", key),
            self.trust(),
        ]
    }
}

fn mechanisms(version: KafkaVersion) {
    let (kafka, _zookeeper) = broker(version, &["all"]);
    kafka.add_scram_user("all").expect("a user");
    for rights in [
        &["Describe", "--topic", "*", "--group", "*"][..],
        &["DescribeConfigs", "--topic", "*", "--cluster"],
    ] {
        let rights = [&["--operation"], rights].concat();
        kafka.allow(&ALLOWED, &rights).expect("rights");
    }
    let files = Files::of(&kafka);
    assert_all_log_in(&kafka, &files);
    assert_all_refusals(&kafka, &files);
}

fn assert_all_log_in(kafka: &Kafka, files: &Files) {
    let (clear, tls, mutual) = (Listener::SaslPlaintext, Listener::SaslSsl, Listener::Ssl);
    let secret = password("all");
    let good = |what: &str, listener, properties: &[(&str, &str)]| {
        assert_complete(what, &setting(kafka, listener, properties));
    };
    good("PLAIN", clear, &plain("all", &secret));
    let scram = login("SCRAM-SHA-256", "all", &secret);
    good("SCRAM-SHA-256", clear, &scram);
    let scram = login("SCRAM-SHA-512", "all", &secret);
    let over_tls = [&scram[..], &[files.trust()]].concat();
    good("SCRAM-SHA-512 over TLS", tls, &over_tls);
    let jwt = [
        ("sasl.mechanism", "OAUTHBEARER"),
        ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
        ("sasl.oauthbearer.config", "principal=all"),
        files.trust(),
    ];
    good("OAUTHBEARER over TLS", tls, &jwt);
    good("mutual TLS", mutual, &files.mutual(&files.own));
}

fn assert_all_refusals(kafka: &Kafka, files: &Files) {
    let (clear, tls, mutual) = (Listener::SaslPlaintext, Listener::SaslSsl, Listener::Ssl);
    let refused = "refuses these credentials";
    let bad = |what: &str, listener, properties: &[(&str, &str)], sentence: &str| {
        let setting = setting(kafka, listener, properties);
        assert_refused(what, &setting, sentence, "hunter2");
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let what = format!("{mechanism} with a wrong password");
        bad(&what, clear, &login(mechanism, "all", "hunter2"), refused);
    }
    let stranger = files.mutual(&files.stranger);
    let what = "a certificate of another authority";
    bad(what, mutual, &stranger, refused);
    bad("no certificate", mutual, &[files.trust()], refused);
    let wrong = [("ssl.ca.location", files.elsewhere.as_str())];
    let scram = login("SCRAM-SHA-512", "all", "hunter2");
    let wrong = [&scram[..], &wrong].concat();
    bad("a server that is not trusted", tls, &wrong, refused);
    let unknown = login("SCRAM-SHA-257", "all", "hunter2");
    bad("no such mechanism", clear, &unknown, "SCRAM-SHA-257");
}

#[test]
fn every_mechanism_of_kafka_4_logs_in_or_says_why_not() {
    mechanisms(KafkaVersion::V4_2);
}

#[test]
fn every_mechanism_of_kafka_2_logs_in_or_says_why_not() {
    mechanisms(KafkaVersion::V2_8);
}

/// Users of whom each lacks one right.
const LACKING: [&str; 5] = ["all", "no-cluster", "no-group", "no-topic", "no-configs"];

fn rights(version: KafkaVersion) {
    let (kafka, _zookeeper) = broker(version, &LACKING);
    for (lacks, rights) in [
        ("no-cluster", &["Describe", "--cluster"][..]),
        ("no-group", &["Describe", "--group", "*"]),
        ("no-topic", &["Describe", "--topic", "*"]),
        (
            "no-configs",
            &["DescribeConfigs", "--topic", "*", "--cluster"],
        ),
    ] {
        let users: Vec<&str> = LACKING.into_iter().filter(|user| *user != lacks).collect();
        let rights = [&["--operation"], rights].concat();
        kafka.allow(&users, &rights).expect("rights");
    }
    let setting_of = |user: &str| {
        let secret = password(user);
        setting(&kafka, Listener::SaslPlaintext, &plain(user, &secret))
    };
    assert_complete("all rights", &setting_of("all"));
    // Without it groups are listed as far as they may be described.
    assert_complete("no right on the cluster", &setting_of("no-cluster"));

    let (code, documents, said) = setting_of("no-configs").once_in("20s");
    assert_eq!(code, 0, "configurations are an extra: {said}");
    assert_eq!(lags(&documents), [&Value::from(LAG)]);
    for dataset in ["kafka.topic", "kafka.broker"] {
        let document = of_dataset(&documents, dataset)[0];
        let reason = text(document, &format!("{dataset}.config.unknown_reason"));
        assert_eq!(reason, "not_authorized", "{document}");
    }

    assert_records_are_read_where_one_may(&kafka);
    let documents = assert_names("no-group", &setting_of("no-group"), "billing");
    assert_eq!(
        of_dataset(&documents, "kafka.topic").len(),
        1,
        "topics go on"
    );
    let documents = assert_names("no-topic", &setting_of("no-topic"), "Describe on topics");
    let cluster = of_dataset(&documents, "kafka.cluster")[0];
    for name in ["topics", "partitions", "offline_partitions"] {
        let number = field(cluster, &format!("kafka.cluster.{name}"));
        assert_eq!(number, None, "unknown is never 0: {cluster}");
    }
}

/// Without `Read` on the topic the age is estimated, and the target says why it is not exact.
fn assert_records_are_read_where_one_may(kafka: &Kafka) {
    let secret = password("all");
    let read = |expected: i32| {
        let setting = setting(kafka, Listener::SaslPlaintext, &plain("all", &secret));
        setting.append("    lag: {read_records: true}\n");
        let (code, documents, said) = setting.once_in("20s");
        assert_eq!(code, expected, "{said}");
        assert_eq!(lags(&documents), [&Value::from(LAG)]);
        documents
    };
    let row = |documents: &[Value]| of_dataset(documents, "kafka.consumergroup")[0].clone();
    let method = "kafka.consumergroup.lag.seconds_method";
    let refused = read(3);
    assert_eq!(text(&row(&refused), method), "estimated", "{refused:#?}");
    let target = of_dataset(&refused, "target")[0];
    let of_target = |name: &str| text(target, &format!("brokerbeat.target.error.{name}"));
    println!("without Read: {}", of_target("message"));
    assert_eq!(of_target("kind"), "refused", "{target}");
    for word in ["lag.read_records", "orders-0", "Read on topics"] {
        assert!(of_target("message").contains(word), "{target}");
    }
    let right = ["--operation", "Read", "--topic", "orders"];
    kafka.allow(&["all"], &right).expect("rights");
    assert_eq!(text(&row(&read(0)), method), "exact");
}

/// The agents' group wants `Read`; and a token that lives shorter than the connections is renewed.
#[test]
fn the_agents_group_is_joined_with_its_right_and_tokens_are_renewed() {
    let options = Options::new()
        .secured(&["all"])
        .set(
            "connections.max.reauth.ms",
            &(LIFE / 2).as_millis().to_string(),
        )
        .without_jmx();
    let kafka = Kafka::start_kraft_with(&options).expect("Kafka starts");
    kafka.create_topic("orders", 1, 1).expect("a topic");
    lag(&kafka.bootstrap());
    let describe = ["--operation", "Describe", "--topic", "*", "--group", "*"];
    kafka.allow(&["all"], &describe).expect("rights");
    let agent = Setting::new(&format!(
        "namespace: security\nclusters:\n- kafka:\n    bootstrap: [\"{}\"]\n    properties: {{security.protocol: SASL_PLAINTEXT, \
         sasl.mechanism: OAUTHBEARER, enable.sasl.oauthbearer.unsecure.jwt: true, \
         sasl.oauthbearer.config: \"principal=all lifeSeconds={}\"}}\n\
         ha: {{group: agents, session_timeout: 6s}}\noutput.elasticsearch: {{hosts: [\"{}\"]}}\n",
        kafka.listener(Listener::SaslPlaintext),
        LIFE.as_secs(),
        servers::elasticsearch().url(),
    ))
    .run();
    agent.says("it collects everything");
    agent.says("Group authorization failed");
    let read = ["--operation", "Read", "--group", "agents"];
    kafka.allow(&["all"], &read).expect("rights");
    agent.says("share the cluster default: this one has");

    // Longer than three tokens live.
    let since = Instant::now();
    let targets = || {
        search(
            servers::elasticsearch(),
            "metrics-brokerbeat.target-security",
        )
    };
    wait_until("ticks with later tokens", PATIENCE, || {
        (since.elapsed() > 3 * LIFE).then_some(())
    })
    .expect("time passes");
    let before = targets().len();
    wait_until("more ticks", PATIENCE, || {
        (targets().len() > before + 1).then_some(())
    })
    .expect("ticks go on");
    for target in targets().iter().skip(before) {
        assert_eq!(
            field(target, "brokerbeat.target.up"),
            Some(&Value::from(1)),
            "{target}"
        );
    }
    assert!(
        !agent.log().contains("refuses these credentials"),
        "{}",
        agent.log()
    );
    agent.stop_clean();
}

/// The target says what may not be seen, the group has no number, and nothing is called 0.
fn assert_names(user: &str, setting: &Setting, what: &str) -> Vec<Value> {
    let (code, documents, said) = setting.once_in("20s");
    assert_eq!(code, 3, "{user}: {said}");
    let target = of_dataset(&documents, "target")[0];
    assert_eq!(
        text(target, "brokerbeat.target.error.kind"),
        "refused",
        "{target}"
    );
    let message = text(target, "brokerbeat.target.error.message");
    println!("{user}: {message}");
    assert!(message.contains(what), "{user}: {message}");
    assert_eq!(lags(&documents).len(), 0, "{user}: {documents:#?}");
    let group = of_dataset(&documents, "kafka.group")[0];
    assert_eq!(
        text(group, "kafka.group.lag.unknown_reason"),
        "not_authorized",
        "{group}"
    );
    for name in ["kafka.group.lag.sum", "kafka.group.partitions"] {
        assert_eq!(field(group, name), None, "{user}: {group}");
    }
    documents
}

#[test]
fn with_the_least_rights_of_kafka_4_everything_is_there() {
    rights(KafkaVersion::V4_2);
}

#[test]
fn with_the_least_rights_of_kafka_2_everything_is_there() {
    rights(KafkaVersion::V2_8);
}
