//! Every figure that comes from an MBean against what a JMX client in Java reads.
//!
//! The catalogue says where each field comes from (`source: "<object name> <attribute>"`), so no list is kept
//! here. Java reads before and after the agent does: a figure that both times is the same must be ours, too,
//! and one that moved must lie between. What moves up and down meanwhile is tried again.

use std::collections::BTreeMap;

use brokerbeat::catalogue::{Catalogue, Field, FieldType};
use jmx_rmi::ObjectName;
use serde_json::Value;
use stack::{JmxValue, jmx_dump};

use crate::agent::field;

/// Attempts until every figure was seen at a still moment.
const ATTEMPTS: usize = 8;

/// What moves all the time, up and down, in any JVM: its value is nobody's truth a moment later.
const RESTLESS: &[&str] = &[
    "jvm.memory.heap.used",
    "jvm.memory.nonheap.used",
    "jvm.os.cpu.load",
    "jvm.os.load.1",
    "jvm.os.memory.free",
    "jvm.os.swap.free",
    "jvm.os.process.cpu.load",
    "jvm.pool.used",
    "kafka.broker.network.idle",
    "kafka.broker.request.handler.broker_idle",
    "kafka.broker.request.handler.controller_idle",
    "kafka.broker.request.handler.idle",
    "kafka.controller.broker.since_last_heartbeat",
    "kafka.controller.event_queue.idle",
    "kafka.controller.metadata.loader_idle",
    "kafka.controller.quorum.append_records_rate",
    "kafka.controller.quorum.fetch_records_rate",
    "kafka.controller.quorum.poll_idle",
    "kafka.coordinator.group.idle",
    "kafka.coordinator.share.idle",
];

/// What counts its observers, too: each JMX client is a few threads and descriptors of the JVM.
const OBSERVED: &[&str] = &[
    "jvm.os.process.file_descriptors.open",
    "jvm.threads.count",
    "jvm.threads.daemon",
];

/// How many of them one client is at most.
const OBSERVER: f64 = 4.0;

/// Fields that are compared at least: a comparison of nothing proves nothing.
const LEAST_COMPARED: usize = 90;

/// A numeric field and the beans and attribute that it comes from.
struct Origin {
    field: &'static Field,
    beans: ObjectName,
    attribute: &'static str,
}

fn origins() -> Vec<Origin> {
    let datasets = &Catalogue::get().datasets;
    let fields = datasets.iter().flat_map(|dataset| &dataset.fields);
    let numbers = fields.filter(|f| matches!(f.field_type, FieldType::Long | FieldType::Double));
    numbers
        .filter_map(|field| {
            let (beans, attribute) = field.source.as_deref()?.split_once(' ')?;
            let beans = ObjectName::parse(beans).ok()?;
            Some(Origin {
                field,
                beans,
                attribute,
            })
        })
        .collect()
}

/// Bean → number, for one origin. Versions of a request are added up, as the field's meaning says.
fn java(origin: &Origin, dump: &[(ObjectName, JmxValue)]) -> BTreeMap<String, f64> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for (name, value) in dump {
        let Some(number) = number(origin, value).filter(|_| origin.beans.matches(name)) else {
            continue;
        };
        let place = match name.key("version") {
            Some(_) => format!("{:?}", (name.key("request"), name.key("error"))),
            None => name.canonical().to_owned(),
        };
        *found.entry(place).or_default() += number;
    }
    found
}

fn number(origin: &Origin, value: &JmxValue) -> Option<f64> {
    let read = value.value.as_ref().ok()?;
    if value.attribute == origin.attribute {
        return read.as_f64();
    }
    let (attribute, item) = origin.attribute.split_once('.')?;
    (value.attribute == attribute).then(|| read.get(item)?.as_f64())?
}

fn dump(endpoint: &str) -> Vec<(ObjectName, JmxValue)> {
    let all = jmx_dump(
        endpoint,
        &[
            "kafka.*:*",
            "java.lang:*",
            "java.nio:*",
            "org.apache.ZooKeeperService:*",
        ],
    );
    let all = all.expect("Java reads the beans");
    all.into_iter()
        .map(|value| (ObjectName::parse(&value.bean).expect("a name"), value))
        .collect()
}

/// What is wrong with a field's values, or nothing.
fn complaint(
    origin: &Origin,
    before: &[(ObjectName, JmxValue)],
    ours: &[f64],
    after: &[(ObjectName, JmxValue)],
) -> Option<String> {
    let (before, after) = (java(origin, before), java(origin, after));
    let slack = if OBSERVED.contains(&origin.field.name.as_str()) {
        OBSERVER
    } else {
        0.0
    };
    let ranges: Vec<(f64, f64)> = before
        .iter()
        .filter_map(|(bean, b)| {
            after
                .get(bean)
                .map(|a| (b.min(*a) - slack, b.max(*a) + slack))
        })
        .collect();
    let stray = ours
        .iter()
        .find(|v| !ranges.iter().any(|(low, high)| (*low..=*high).contains(v)))?;
    Some(format!(
        "{}: {stray} is none of {ranges:?}",
        origin.field.name
    ))
}

/// Compares all figures of the documents that `once` gives.
pub(crate) fn assert_equal(endpoint: &str, once: impl Fn() -> Vec<Value>) {
    let mut open: BTreeMap<&str, String> = BTreeMap::new();
    let mut proved: BTreeMap<&str, usize> = BTreeMap::new();
    let origins = origins();
    for _ in 0..ATTEMPTS {
        let before = dump(endpoint);
        let documents = once();
        let after = dump(endpoint);
        for origin in &origins {
            let name = origin.field.name.as_str();
            let ours: Vec<f64> = documents
                .iter()
                .filter_map(|d| field(d, name)?.as_f64())
                .collect();
            if ours.is_empty() {
                // Unknown by now, as what is measured over a window that has passed: nothing to be wrong about.
                open.remove(name);
            }
            if ours.is_empty() || proved.contains_key(name) {
                continue;
            }
            match complaint(origin, &before, &ours, &after) {
                Some(complaint) => open.insert(name, complaint),
                None => {
                    proved.insert(name, ours.len());
                    open.remove(name)
                }
            };
        }
        if open.keys().all(|name| RESTLESS.contains(name)) {
            break;
        }
    }
    open.retain(|name, _| !RESTLESS.contains(name));
    assert!(open.is_empty(), "{open:#?}");
    let values: usize = proved.values().sum();
    println!("{} fields, {values} values equal to Java's", proved.len());
    assert!(
        proved.len() >= LEAST_COMPARED,
        "only {} fields were compared",
        proved.len()
    );
}
