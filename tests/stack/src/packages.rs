//! The pins: which server in which version.

use crate::maven::Package;

pub(crate) const ZOOKEEPER: Package = Package {
    name: "ZooKeeper 3.9.4",
    key: "zookeeper-3.9.4",
    megabytes: 12,
    pom: include_str!("../maven/zookeeper-3.9.4.xml"),
    jars: true,
};

pub(crate) const ZOOKEEPER_OLD: Package = Package {
    name: "ZooKeeper 3.5.9",
    key: "zookeeper-3.5.9",
    megabytes: 8,
    pom: include_str!("../maven/zookeeper-3.5.9.xml"),
    jars: true,
};

pub(crate) const ZOOKEEPER_OLDEST: Package = Package {
    name: "ZooKeeper 3.4.14",
    key: "zookeeper-3.4.14",
    megabytes: 4,
    pom: include_str!("../maven/zookeeper-3.4.14.xml"),
    jars: true,
};

pub(crate) const KAFKA_OLD: Package = Package {
    name: "Kafka 2.8.2",
    key: "kafka-2.8.2",
    megabytes: 35,
    pom: include_str!("../maven/kafka-2.8.2.xml"),
    jars: true,
};

pub(crate) const KAFKA_NEW: Package = Package {
    name: "Kafka 4.2.0",
    key: "kafka-4.2.0",
    megabytes: 46,
    pom: include_str!("../maven/kafka-4.2.0.xml"),
    jars: true,
};

pub(crate) const ELASTICSEARCH: Package = Package {
    name: "Elasticsearch 9.4.3",
    key: "elasticsearch-9.4.3",
    megabytes: 124,
    pom: include_str!("../maven/elasticsearch-9.4.3.xml"),
    jars: false,
};

pub(crate) const KAFKA_MIDDLE: Package = Package {
    name: "Kafka 3.9.1",
    key: "kafka-3.9.1",
    megabytes: 45,
    pom: include_str!("../maven/kafka-3.9.1.xml"),
    jars: true,
};

pub(crate) const CONNECT: Package = Package {
    name: "Kafka Connect 4.2.0",
    key: "connect-4.2.0",
    megabytes: 40,
    pom: include_str!("../maven/connect-4.2.0.xml"),
    jars: true,
};

pub(crate) const JOLOKIA: Package = Package {
    name: "Jolokia 2.3.0",
    key: "jolokia-2.3.0",
    megabytes: 1,
    pom: include_str!("../maven/jolokia-2.3.0.xml"),
    jars: true,
};

/// The ingest processors that Elasticsearch itself does not publish: see `elasticsearch/install.rs`.
pub(crate) const INGEST: Package = Package {
    name: "OpenSearch's ingest modules 3.1.0",
    key: "ingest-3.1.0",
    megabytes: 24,
    pom: include_str!("../maven/ingest-3.1.0.xml"),
    jars: true,
};

pub(crate) const OPENSEARCH: Package = Package {
    name: "OpenSearch 3.8.0",
    key: "opensearch-3.8.0",
    megabytes: 71,
    pom: include_str!("../maven/opensearch-3.8.0.xml"),
    jars: true,
};
