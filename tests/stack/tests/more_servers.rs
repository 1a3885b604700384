//! The servers that only some tests need: other versions, an ensemble, Connect, MirrorMaker.

use std::time::Duration;

use stack::{
    Connect, Consumer, Kafka, KafkaVersion, MirrorMaker, Options, Producer, Result, ZooKeeper,
    ZooKeeperVersion, jmx_dump, wait_until,
};

const SOON: Duration = Duration::from_secs(90);

fn has_beans(endpoint: &str, pattern: &str) -> Result<()> {
    wait_until(pattern, SOON, || {
        let values = jmx_dump(endpoint, &[pattern]).ok()?;
        (!values.is_empty()).then_some(())
    })
}

#[test]
fn kafka_3_9_runs_in_both_modes() -> Result<()> {
    let zookeeper = ZooKeeper::start_of(ZooKeeperVersion::V3_5, &Options::new())?;
    assert!(zookeeper.four_letter_word("srvr")?.contains("3.5.9"));
    has_beans(&zookeeper.jmx(), "org.apache.ZooKeeperService:*")?;
    let old = Kafka::start_zookeeper_mode_of(KafkaVersion::V3_9, &zookeeper, 1, &Options::new())?;
    let new = Kafka::start_kraft_of(KafkaVersion::V3_9, &Options::new())?;
    for kafka in [&old, &new] {
        kafka.create_topic("orders", 3, 1)?;
        let producer = Producer::start(&kafka.bootstrap(), "orders", 0.0)?;
        producer.send(10)?;
        let _consumer = Consumer::start(&kafka.bootstrap(), "orders", "billing")?;
        wait_until("lag 0", SOON, || {
            let rows = kafka.describe_groups(Some("billing")).ok()?;
            (rows.len() == 3 && rows.iter().all(|row| row.lag == Some(0))).then_some(())
        })?;
    }
    has_beans(
        &new.jmx(),
        "kafka.controller:type=KafkaController,name=MetadataErrorCount",
    )
}

#[test]
fn an_ensemble_has_a_leader_and_two_followers() -> Result<()> {
    let servers = ZooKeeper::start_ensemble(&Options::new())?;
    let mut modes: Vec<String> = Vec::new();
    for server in &servers {
        let answer = server.four_letter_word("srvr")?;
        modes.extend(
            answer
                .lines()
                .find_map(|line| line.strip_prefix("Mode: "))
                .map(str::to_owned),
        );
        has_beans(
            &server.jmx(),
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id*",
        )?;
    }
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    servers[0].restart()
}

#[test]
fn connect_and_mirror_maker_show_their_beans() -> Result<()> {
    let kafka = Kafka::start_kraft()?;
    kafka.create_topic("orders", 2, 1)?;
    let connect = Connect::start(&kafka)?;
    connect.add_file_source("reader", "lines")?;
    connect.add_file_sink("writer", "lines")?;
    has_beans(&connect.jmx(), "kafka.connect:type=connect-worker-metrics")?;
    has_beans(
        &connect.jmx(),
        "kafka.connect:type=sink-task-metrics,connector=writer,*",
    )?;
    let mirror = MirrorMaker::start(&kafka, &kafka, "orders", &Options::new())?;
    let producer = Producer::start(&kafka.bootstrap(), "orders", 0.0)?;
    producer.send(10)?;
    has_beans(
        &mirror.jmx(),
        "kafka.connect.mirror:type=MirrorSourceConnector,*",
    )
}

#[test]
fn a_topic_may_have_hundreds_of_partitions() -> Result<()> {
    let kafka = Kafka::start_kraft()?;
    kafka.create_large_topic("wide", 300)?;
    let pattern = "kafka.cluster:type=Partition,name=UnderReplicated,topic=wide,*";
    let beans = jmx_dump(&kafka.jmx(), &[pattern])?;
    assert_eq!(beans.len(), 300);
    Ok(())
}
