//! The map, by small tables of beans.

use serde_json::{Value as Json, json};

use super::capture;
use crate::collect::jmx::budget::Selection;
use crate::collect::jmx::fetch::Answer;
use crate::collect::jmx::figures;
use crate::collect::jmx::identity::Identity;
use crate::collect::jmx::map::{Mapped, map};
use crate::collect::jmx::table::Table;
use crate::document::Document;

fn mapped(preset: &str, beans: &Json) -> Mapped {
    let identity = Identity {
        address: "broker06:9999".to_owned(),
        host: "broker06".to_owned(),
        broker: Some(6),
    };
    map(
        &Table::new(&[preset.to_owned()]).unwrap(),
        &capture::read(beans),
        &Selection::default(),
        &identity,
    )
}

fn only(mapped: Mapped) -> Document {
    assert_eq!(mapped.documents.len(), 1, "{mapped:?}");
    mapped.documents.into_iter().next().unwrap()
}

#[test]
fn versions_of_a_request_are_added_up() {
    let bean = |version| {
        format!(
            "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=Fetch,version={version}"
        )
    };
    let document = only(mapped(
        "kafka-broker",
        &json!({
            bean(11): {"Count": "long 5"}, bean(12): {"Count": "long 7"},
        }),
    ));
    assert_eq!(document.get("kafka.request.count"), Some(&json!(12)));
    assert_eq!(
        document.keys()[0],
        ("kafka.broker.id".to_owned(), "6".to_owned())
    );
    assert_eq!(
        document.keys()[1],
        ("kafka.request.name".to_owned(), "Fetch".to_owned())
    );
    assert_eq!(document.get("kafka.broker.id"), Some(&json!(6)));
}

#[test]
fn a_sum_without_one_of_its_parts_is_no_sum() {
    let bean = |version| {
        format!(
            "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=Fetch,version={version}"
        )
    };
    let mapped = mapped(
        "kafka-broker",
        &json!({bean(11): {"Count": "long 5"}, bean(12): {}}),
    );
    assert_eq!(mapped.documents, []);
}

#[test]
fn unknown_is_absent_and_zero_is_zero() {
    let document = only(mapped(
        "jvm",
        &json!({
            "java.lang:type=OperatingSystem": {
                "ProcessCpuLoad": "double -1", "SystemCpuLoad": "double NaN", "OpenFileDescriptorCount": "long 0",
                "MaxFileDescriptorCount": "long -1",
            },
        }),
    ));
    assert_eq!(
        document.get("jvm.os.process.file_descriptors.open"),
        Some(&json!(0))
    );
    for absent in [
        "jvm.os.process.cpu.load",
        "jvm.os.cpu.load",
        "jvm.os.process.file_descriptors.max",
    ] {
        assert_eq!(document.get(absent), None, "{absent}");
    }
}

/// Before its first collection a pool says 0 of all that was left by it.
#[test]
fn what_no_collection_has_left_is_unknown() {
    let after = |used, committed| {
        let pool = json!({
            "Usage": {"used": "long 179", "committed": "long 200"},
            "CollectionUsage": {"used": used, "committed": committed},
        });
        let document = only(mapped(
            "jvm",
            &json!({"java.lang:type=MemoryPool,name=G1 Old Gen": pool}),
        ));
        assert_eq!(document.get("jvm.pool.used"), Some(&json!(179)));
        document.get("jvm.pool.used_after_gc").cloned()
    };
    assert_eq!(after("long 0", "long 0"), None);
    assert_eq!(after("long 0", "long 64"), Some(json!(0)));
    assert_eq!(after("long 17", "long 64"), Some(json!(17)));
}

/// HotSpot says 0.0 until it has two measurements to compare.
#[test]
fn a_load_that_was_not_measured_yet_is_unknown() {
    let loads = |process, system| {
        let document = only(mapped(
            "jvm",
            &json!({"java.lang:type=OperatingSystem": {
                "ProcessCpuLoad": process, "SystemCpuLoad": system, "ProcessCpuTime": "long 10",
            }}),
        ));
        ["jvm.os.process.cpu.load", "jvm.os.cpu.load"].map(|field| document.get(field).cloned())
    };
    assert_eq!(loads("double 0", "double 0"), [None, None]);
    assert_eq!(
        loads("double 0.25", "double 1"),
        [Some(json!(0.25)), Some(json!(1.0))]
    );
}

#[test]
fn an_empty_histogram_says_nothing() {
    let flush = "kafka.log:type=LogFlushStats,name=LogFlushRateAndTimeMs";
    let document = only(mapped(
        "kafka-broker",
        &json!({flush: {"Count": "long 0", "Mean": "double 0"}}),
    ));
    assert_eq!(
        document.get("kafka.broker.log.flush.count"),
        Some(&json!(0))
    );
    assert_eq!(document.get("kafka.broker.log.flush.time.mean"), None);
}

#[test]
fn a_double_becomes_a_long_exactly_or_not_at_all() {
    let metrics = |value| json!({"kafka.server:type=broker-metadata-metrics": {"last-applied-record-offset": value}});
    let document = only(mapped("kafka-broker", &metrics("double 4579")));
    assert_eq!(
        document.get("kafka.broker.metadata.last_applied.offset"),
        Some(&json!(4579))
    );
    for misfit in ["double 4579.5", "double 9223372036854775808", "string 4579"] {
        let mapped = mapped("kafka-broker", &metrics(misfit));
        assert_eq!(mapped.documents, [], "{misfit}");
        let message = &mapped.faults[0].message;
        assert!(
            message.contains("broker-metadata-metrics") && message.contains("last_applied.offset"),
            "{message}"
        );
    }
}

#[test]
fn a_quoted_key_loses_its_quotes() {
    let document = only(mapped(
        "kafka-broker",
        &json!({
            "kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=\"a:b\"": {"Count": "long 1"},
        }),
    ));
    assert_eq!(document.get("kafka.topic.name"), Some(&json!("a:b")));
}

#[test]
fn beans_of_one_group_fill_one_document() {
    let document = only(mapped(
        "zookeeper",
        &json!({
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3": {"QuorumSize": "int 3"},
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.1": {},
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.3": {"State": "string leading"},
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.3,name2=Leader": {
                "AvgRequestLatency": "double 0.5", "TxnLogElapsedSyncTime": "long -1", "Version": "string 3.9.4",
            },
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.3,name2=Leader,name3=InMemoryDataTree": {
                "NodeCount": "int 5",
            },
        }),
    ));
    assert_eq!(
        document.keys(),
        [("zookeeper.server.id".to_owned(), "3".to_owned())]
    );
    assert_eq!(
        Json::from(document.fields()),
        json!({
            "zookeeper": {"server": {"id": "3"}, "jmx": {
                "latency": {"avg": 0.5}, "quorum_size": 3, "state": "leading", "znodes": {"count": 5},
            }},
            "service": {"version": "3.9.4"},
        })
    );
}

#[test]
fn a_value_that_comes_twice_stands_once_and_is_told() {
    let mapped = mapped(
        "zookeeper",
        &json!({
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.1": {"State": "string following"},
            "org.apache.ZooKeeperService:name0=ReplicatedServer_id3,name1=replica.3": {"State": "string leading"},
        }),
    );
    assert!(
        mapped.faults[0].message.contains("second value"),
        "{:?}",
        mapped.faults
    );
    assert_eq!(
        only(mapped).get("zookeeper.jmx.state"),
        Some(&json!("following"))
    );
}

/// A bean that refused, vanished or had no time has no attributes.
#[test]
fn beans_that_gave_nothing_are_not_counted_as_read() {
    let answer = Answer {
        beans: capture::read(&json!({
            "a:type=given": {"X": "int 0"}, "a:type=refused": {}, "a:type=vanished": {}, "a:type=late": {},
        })),
        missing: 1,
        left_out: 7,
        ..Answer::default()
    };
    assert_eq!(
        figures(&answer),
        [
            ("brokerbeat.target.beans.read", 1),
            ("brokerbeat.target.beans.missing", 1),
            ("brokerbeat.target.beans.left_out", 7),
        ]
    );
}

#[test]
fn a_preset_for_another_jvm_is_told() {
    let mapped = mapped("kafka-controller", &json!({"java.lang:type=Memory": {}}));
    assert!(
        mapped.faults[0]
            .message
            .contains("broker06:9999 has no bean of the preset kafka-controller")
    );
}
