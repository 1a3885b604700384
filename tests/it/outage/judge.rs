//! The documents of a cycle before, in and after an outage.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::cluster::{ALONE, PARTITIONS, SHARED};
use super::report::Row;
use super::round::{Survivor, is_hit, taken};
use crate::agent::{field, of_dataset, text};
use crate::model::world::World;
use crate::model::{judge, numbers};
use crate::observer::{Cycle, Micros, Window};

/// Topic and partition.
pub(super) type Place = (String, i32);

/// One round.
pub(super) struct Scene<'a> {
    pub(super) survivor: &'a Survivor,
    /// When the brokers were stopped.
    pub(super) stopped: Window,
    /// When they were let go, or started again.
    pub(super) released: Micros,
    pub(super) world: &'a World,
}

pub(super) fn place(document: &Value) -> Place {
    let partition = field(document, "kafka.partition.id").and_then(Value::as_i64);
    let partition = i32::try_from(partition.expect("a partition")).expect("a partition");
    (text(document, "kafka.topic.name").to_owned(), partition)
}

/// Whether nothing is missing: three brokers, no fault, nothing unknown.
pub(super) fn is_whole(cycle: &Cycle<'_>) -> bool {
    let brokers = cycle
        .documents
        .iter()
        .filter(|one| text(one, "kafka.broker.metadata.state") == "live");
    let led = |one: &&Value| field(one, "kafka.partition.partition.leader").is_some();
    let mut partitions = cycle
        .documents
        .iter()
        .copied()
        .filter(|one| text(one, "data_stream.dataset") == "brokerbeat.kafka.partition");
    brokers.count() == 3
        && cycle.faults == 0
        && cycle.documents.iter().all(|one| missing(one).is_empty())
        && partitions.all(|one| led(&one))
}

/// Why something is missing, whatever the document is about.
fn missing(document: &Value) -> &str {
    const REASONS: &[&str] = &[
        "kafka.consumergroup.lag.unknown_reason",
        "kafka.group.unknown_reason",
        "kafka.group.lag.unknown_reason",
        "kafka.partition.offset.unknown_reason",
    ];
    let reasons = REASONS.iter().map(|name| text(document, name));
    reasons.max().unwrap_or("")
}

pub(super) fn cycle(cycle: &Cycle<'_>, scene: &Scene<'_>, row: &mut Row) {
    row.cycles += 1;
    row.documents += cycle.documents.len();
    let up = field(cycle.target, "brokerbeat.target.up") == Some(&Value::from(1));
    row.checks.good(up, "the target is not up", cycle.target);
    row.longest = row.longest.max(taken(cycle));
    if is_hit(cycle, scene.stopped) {
        row.hit_longest = row.hit_longest.max(taken(cycle));
        let into = scene.stopped.from - cycle.window.from;
        row.moments
            .push(Duration::from_micros(u64::try_from(into).unwrap_or(0)));
    }
    let documents: Vec<Value> = cycle.documents.iter().map(|one| (*one).clone()).collect();
    let partitions = of_dataset(&documents, "kafka.consumergroup");
    let rows: Vec<judge::Row<'_>> = partitions.into_iter().map(judge::Row::of).collect();
    for document in &documents {
        let wrong = numbers::faults(document);
        row.checks
            .good(wrong.is_empty(), &wrong.join(", "), document);
    }
    for wrong in numbers::sums(&documents, &rows) {
        row.checks.good(false, &wrong, &Value::Null);
    }
    everything_is_there(cycle, &documents, &rows, scene, row);
    for one in &rows {
        group_partition(one, cycle.window, scene, row);
    }
    for document in of_dataset(&documents, "kafka.partition") {
        partition(document, cycle.window, scene, row);
    }
    faults(cycle, &documents, scene, row);
}

/// Every group, each of its partitions and every partition has its document, known or not.
fn everything_is_there(
    cycle: &Cycle<'_>,
    documents: &[Value],
    rows: &[judge::Row<'_>],
    scene: &Scene<'_>,
    row: &mut Row,
) {
    let groups: Vec<&str> = of_dataset(documents, "kafka.group")
        .into_iter()
        .map(|one| text(one, "kafka.consumergroup.id"))
        .collect();
    let places: Vec<_> = rows.iter().map(|one| &one.place).collect();
    for place in scene.world.commits().keys() {
        let there = groups.contains(&place.0.as_str()) && places.contains(&place);
        row.checks
            .good(there, &format!("no document of {place:?}"), &Value::Null);
    }
    // Metadata may have been asked of a broker that was stopped just then: the first fault says so, in that cycle only.
    let message = text(cycle.target, "brokerbeat.target.error.message");
    if message.starts_with("no metadata") && is_hit(cycle, scene.stopped) {
        *row.reasons
            .entry("cycles without metadata".to_owned())
            .or_default() += 1;
        return;
    }
    let mut by_topic: BTreeMap<&str, i32> = BTreeMap::new();
    for document in of_dataset(documents, "kafka.partition") {
        *by_topic
            .entry(text(document, "kafka.topic.name"))
            .or_default() += 1;
    }
    let all = [ALONE, SHARED].map(|topic| by_topic.get(topic).copied());
    let what = format!("documents of partitions: {by_topic:?}");
    row.checks
        .good(all == [Some(PARTITIONS); 2], &what, &Value::Null);
}

/// What may be there: before the stop everything, then only what somebody could tell.
struct Allowed {
    /// It must be there.
    needed: bool,
    /// It may be there.
    possible: bool,
}

/// `by_survivor`: whether the survivor can tell it at any time. `elected`: whether it can after some time.
fn allowed(window: Window, scene: &Scene<'_>, by_survivor: bool, elected: bool) -> Allowed {
    let before = window.to < scene.stopped.from;
    let during = window.from > scene.stopped.to && window.to < scene.released;
    Allowed {
        needed: before || by_survivor,
        possible: !during || by_survivor || elected,
    }
}

fn check(value: Option<i64>, allowed: &Allowed, what: &str, document: &Value, row: &mut Row) {
    let missing = value.is_none() && allowed.needed;
    row.checks.good(
        !missing,
        &format!("no {what}, which was there to be read"),
        document,
    );
    let impossible = value.is_some() && !allowed.possible;
    row.checks.good(
        !impossible,
        &format!("{what} that nobody could tell"),
        document,
    );
}

/// A group's partition: offset and log end by who could tell them, both true, and else a reason.
fn group_partition(one: &judge::Row<'_>, window: Window, scene: &Scene<'_>, row: &mut Row) {
    let (group, topic, partition) = &one.place;
    let place = (topic.clone(), *partition);
    let coordinated = scene.survivor.groups.contains(group);
    let led = scene.survivor.leads.contains(&place);
    let by_coordinator = allowed(window, scene, coordinated, false);
    let by_leader = allowed(window, scene, led, topic == SHARED);
    check(one.committed, &by_coordinator, "commit", one.document, row);
    check(one.end, &by_leader, "log end", one.document, row);
    let commits = scene.world.commits();
    let possible = commits.get(&one.place).map(|all| all.possible(window));
    let known = one.committed.is_none() || possible.is_some_and(|all| all.contains(&one.committed));
    row.checks.good(known, "another commit", one.document);
    row.checks.good(
        is_end(&place, one.end, window, scene),
        "another log end",
        one.document,
    );
    let lag = one
        .end
        .zip(one.committed)
        .map(|(end, committed)| end - committed);
    row.checks.good(one.lag == lag, "another lag", one.document);
    let named = one.lag.is_some() == one.reason().is_empty();
    row.checks.good(
        named && one.reason() != "no_commit",
        "no lag and no reason",
        one.document,
    );
    if one.lag.is_some() {
        row.known += 1
    } else {
        row.unknown += 1
    }
    *row.reasons.entry(one.reason().to_owned()).or_default() += 1;
}

fn is_end((topic, partition): &Place, end: Option<i64>, window: Window, scene: &Scene<'_>) -> bool {
    let (least, most) = scene.world.log(topic, *partition, |log| log.ends(window));
    end.is_none_or(|end| (least..=most).contains(&end))
}

/// A partition's own document.
fn partition(document: &Value, window: Window, scene: &Scene<'_>, row: &mut Row) {
    let place = place(document);
    if ![ALONE, SHARED].contains(&place.0.as_str()) {
        return;
    }
    let newest = field(document, "kafka.partition.offset.newest").and_then(Value::as_i64);
    let led = scene.survivor.leads.contains(&place);
    let allowed = allowed(window, scene, led, place.0 == SHARED);
    check(newest, &allowed, "newest offset", document, row);
    row.checks.good(
        is_end(&place, newest, window, scene),
        "another newest offset",
        document,
    );
    let reason = text(document, "kafka.partition.offset.unknown_reason");
    row.checks.good(
        newest.is_some() || !reason.is_empty(),
        "no offset and no reason",
        document,
    );
}

/// Each of the two brokers is named while it is away: by a document of its own or a partition's that has lost it, and the
/// cycle says that something is missing.
fn faults(cycle: &Cycle<'_>, documents: &[Value], scene: &Scene<'_>, row: &mut Row) {
    let window = cycle.window;
    if window.from <= scene.stopped.to || window.to >= scene.released {
        return;
    }
    row.checks
        .good(cycle.faults > 0, "no fault in an outage", cycle.target);
    let message = text(cycle.target, "brokerbeat.target.error.message");
    row.checks.good(
        !message.is_empty(),
        "a fault without a sentence",
        cycle.target,
    );
    let lost = |broker: i64| {
        let replicas = vec![Value::from(broker)];
        let of_broker = |one: &&&Value| {
            field(one, "kafka.partition.partition.replicas").and_then(Value::as_array)
                == Some(&replicas)
        };
        let partitions = of_dataset(documents, "kafka.partition");
        let mut of_broker = partitions.iter().filter(of_broker).peekable();
        of_broker.peek().is_some() && of_broker.all(|one| !missing(one).is_empty())
    };
    row.checks.good(
        lost(2) && lost(3),
        "a broker that is away and not named",
        cycle.target,
    );
}
