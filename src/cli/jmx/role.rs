//! What a JVM is: by its main class, and for Kafka's servers by their properties.

use std::collections::BTreeMap;

use jvm_attach::{Jvm, parse_properties};

/// A server's properties are some kilobytes.
const PROPERTIES_LIMIT: u64 = 1 << 20;

/// Part of the file name of every Kafka client library.
const CLIENT_LIBRARY: &str = "kafka-clients";

/// Main classes without a class path of their own to tell, what they are, and their presets.
const MAINS: &[(&str, &str, &[&str])] = &[
    (
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        "ZooKeeper",
        &["zookeeper", "jvm"],
    ),
    (
        "org.apache.zookeeper.server.ZooKeeperServerMain",
        "ZooKeeper",
        &["zookeeper", "jvm"],
    ),
    (
        "org.apache.kafka.connect.cli.ConnectDistributed",
        "Kafka Connect",
        &["kafka-connect", "jvm"],
    ),
    (
        "org.apache.kafka.connect.cli.ConnectStandalone",
        "Kafka Connect",
        &["kafka-connect", "jvm"],
    ),
    (
        "org.apache.kafka.connect.mirror.MirrorMaker",
        "MirrorMaker 2",
        &["mirrormaker", "kafka-connect", "jvm"],
    ),
    (
        "kafka.tools.MirrorMaker",
        "MirrorMaker 1",
        &["kafka-producer", "kafka-consumer", "jvm"],
    ),
    ("org.logstash.Logstash", "Logstash", &["logstash"]),
    (
        "kafka.tools.ConsoleProducer",
        "Kafka producer",
        &["kafka-producer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.ConsoleProducer",
        "Kafka producer",
        &["kafka-producer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.ProducerPerformance",
        "Kafka producer",
        &["kafka-producer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.VerifiableProducer",
        "Kafka producer",
        &["kafka-producer", "jvm"],
    ),
    (
        "kafka.tools.ConsoleConsumer",
        "Kafka consumer",
        &["kafka-consumer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "Kafka consumer",
        &["kafka-consumer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.ConsumerPerformance",
        "Kafka consumer",
        &["kafka-consumer", "jvm"],
    ),
    (
        "org.apache.kafka.tools.VerifiableConsumer",
        "Kafka consumer",
        &["kafka-consumer", "jvm"],
    ),
    (
        "org.elasticsearch.bootstrap.Elasticsearch",
        "Elasticsearch",
        &["jvm"],
    ),
    (
        "org.elasticsearch.launcher.CliToolLauncher",
        "Elasticsearch's launcher",
        &["jvm"],
    ),
];

/// Main classes of a Kafka server.
const SERVERS: &[&str] = &["kafka.Kafka", "io.confluent.support.metrics.SupportedKafka"];

/// What a JVM is, and the presets that fit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// "Kafka broker 1"
    pub(super) what: String,
    pub(super) presets: &'static [&'static str],
}

impl Role {
    /// Reads the properties of a Kafka server, if they can be read.
    pub(super) fn of(jvm: &Jvm) -> Self {
        let main = jvm.main_name();
        if SERVERS.contains(&main) {
            return kafka(properties(jvm).as_ref());
        }
        let known = MAINS.iter().find(|(class, ..)| *class == main);
        let (what, presets) = match known {
            Some(&(_, what, presets)) => (what, presets),
            None if jvm.uses_library(CLIENT_LIBRARY) => (
                "Java with a Kafka client",
                &["kafka-producer", "kafka-consumer", "jvm"][..],
            ),
            None => ("Java", &["jvm"][..]),
        };
        Self {
            what: what.to_owned(),
            presets,
        }
    }
}

/// The file that is the first argument, and what `--override` lays over it.
fn properties(jvm: &Jvm) -> Option<BTreeMap<String, String>> {
    let path = jvm
        .arguments
        .first()
        .filter(|path| !path.starts_with('-'))?;
    let mut all = parse_properties(&jvm.file(path, PROPERTIES_LIMIT)?);
    let mut arguments = jvm.arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--override" {
            all.extend(
                arguments
                    .next()
                    .into_iter()
                    .flat_map(|line| parse_properties(line)),
            );
        }
    }
    Some(all)
}

fn kafka(properties: Option<&BTreeMap<String, String>>) -> Role {
    let Some(properties) = properties else {
        let what = "Kafka (its properties cannot be read)".to_owned();
        return Role {
            what,
            presets: &["kafka-broker", "jvm"],
        };
    };
    let id = ["node.id", "broker.id"]
        .iter()
        .find_map(|key| properties.get(*key));
    let id = id.map(|id| format!(" {}", id.trim())).unwrap_or_default();
    let roles = properties.get("process.roles").map_or("", String::as_str);
    let has = |role: &str| roles.split(',').any(|word| word.trim() == role);
    let (what, presets): (_, &[&str]) = match (has("broker"), has("controller")) {
        (true, true) => (
            "broker and controller",
            &["kafka-broker", "kafka-controller", "jvm"],
        ),
        (false, true) => ("controller", &["kafka-controller", "jvm"]),
        (true, false) => ("broker", &["kafka-broker", "jvm"]),
        // Any broker of a cluster with ZooKeeper may become its controller.
        (false, false) => ("broker", &["kafka-broker", "kafka-controller", "jvm"]),
    };
    Role {
        what: format!("Kafka {what}{id}"),
        presets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(words: &[&str]) -> (String, String) {
        let role = Role::of(&Jvm::from_command_line(
            u32::MAX,
            words.join("\0").as_bytes(),
        ));
        (role.what, role.presets.join(" "))
    }

    fn is(what: &str, presets: &str) -> (String, String) {
        (what.to_owned(), presets.to_owned())
    }

    #[test]
    fn main_classes_and_class_paths_tell() {
        let zookeeper = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
        assert_eq!(
            role(&["java", zookeeper, "zoo.cfg"]),
            is("ZooKeeper", "zookeeper jvm")
        );
        let elastic = "org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch";
        assert_eq!(role(&["java", "-m", elastic]), is("Elasticsearch", "jvm"));
        let client = [
            "java",
            "-cp",
            "/a/kafka-clients-4.2.0.jar:/b",
            "com.example.Orders",
        ];
        assert_eq!(
            role(&client),
            is(
                "Java with a Kafka client",
                "kafka-producer kafka-consumer jvm"
            )
        );
        assert_eq!(role(&["java", "-jar", "/a/b.jar"]), is("Java", "jvm"));
        let gone = role(&["java", "kafka.Kafka", "/etc/server.properties"]);
        assert_eq!(
            gone,
            is("Kafka (its properties cannot be read)", "kafka-broker jvm")
        );
    }

    #[test]
    fn roles_of_a_kafka_server() {
        let kafka = |text: &str| {
            let role = kafka(Some(&parse_properties(text)));
            (role.what, role.presets.join(" "))
        };
        assert_eq!(
            kafka("process.roles=broker, controller\nnode.id = 1\n"),
            is(
                "Kafka broker and controller 1",
                "kafka-broker kafka-controller jvm"
            )
        );
        assert_eq!(
            kafka("process.roles=controller"),
            is("Kafka controller", "kafka-controller jvm")
        );
        assert_eq!(
            kafka("process.roles=broker\nnode.id=2"),
            is("Kafka broker 2", "kafka-broker jvm")
        );
        assert_eq!(
            kafka("broker.id=6\nzookeeper.connect=zk:2181"),
            is("Kafka broker 6", "kafka-broker kafka-controller jvm")
        );
    }
}
