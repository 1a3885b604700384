//! Documents against the model: whether each number was true at some moment of its cycle.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::history::Log;
use super::tally::Tally;
use super::world::{Commits, Incarnation, Place};
use super::{ages, numbers};
use crate::agent::{field, of_dataset, text};
use crate::observer::{Cycle, Micros, Window};

/// After a topic was made or deleted, brokers and librdkafka may need a moment until they know: then a value may be missing,
/// with its reason. One that is there must be true all the same.
const UNREST: Micros = 3_000_000;

/// What was done, at rest.
pub(crate) struct Model<'a> {
    pub(crate) commits: &'a BTreeMap<Place, Commits>,
    pub(crate) topics: &'a BTreeMap<String, Vec<Incarnation>>,
}

impl Model<'_> {
    /// The logs of that partition that may have been there at some moment.
    pub(crate) fn logs(&self, topic: &str, partition: i32, window: Window) -> Vec<&Log> {
        let all = self.topics.get(topic).into_iter().flatten();
        let there = all.filter(|one| one.life.meets(window));
        let partition = usize::try_from(partition).unwrap_or(usize::MAX);
        there.filter_map(|one| one.logs.get(partition)).collect()
    }

    /// Whether the topic was there all the time, and some time before.
    pub(crate) fn rests(&self, topic: &str, window: Window) -> bool {
        let all = self.topics.get(topic).into_iter().flatten();
        all.map(|one| one.life)
            .any(|life| life.from + UNREST <= window.from && window.to <= life.to)
    }
}

/// The documents of an agent, cycle by cycle.
pub(crate) struct Judge<'a> {
    pub(crate) model: &'a Model<'a>,
    pub(crate) tally: Tally,
    /// Offset and log end in the last document about the same.
    last: BTreeMap<Place, (Option<i64>, Option<i64>)>,
}

/// A row: one partition of a group, by its document.
pub(crate) struct Row<'a> {
    pub(crate) place: Place,
    pub(crate) document: &'a Value,
    pub(crate) committed: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) lag: Option<i64>,
}

fn number(document: &Value, name: &str) -> Option<i64> {
    field(document, name)?.as_i64()
}

impl<'a> Row<'a> {
    pub(crate) fn of(document: &'a Value) -> Self {
        let partition = number(document, "kafka.partition.id").expect("a partition");
        let place = (
            text(document, "kafka.consumergroup.id").to_owned(),
            text(document, "kafka.topic.name").to_owned(),
            i32::try_from(partition).expect("a partition"),
        );
        Self {
            place,
            document,
            committed: number(document, "kafka.consumergroup.offset"),
            end: number(document, "kafka.consumergroup.log_end_offset"),
            lag: number(document, "kafka.consumergroup.consumer_lag"),
        }
    }

    pub(crate) fn reason(&self) -> &str {
        text(self.document, "kafka.consumergroup.lag.unknown_reason")
    }
}

impl<'a> Judge<'a> {
    pub(crate) fn new(model: &'a Model<'a>) -> Self {
        Self {
            model,
            tally: Tally::default(),
            last: BTreeMap::new(),
        }
    }

    pub(crate) fn cycle(&mut self, cycle: &Cycle<'_>) {
        self.tally.cycle(cycle);
        for document in &cycle.documents {
            self.tally.all_good(numbers::faults(document), document);
        }
        let series = cycle
            .documents
            .iter()
            .map(|one| text(one, "brokerbeat.series"));
        let single = series.collect::<BTreeSet<_>>().len() == cycle.documents.len();
        let at = Value::from(cycle.tick);
        self.tally
            .good(single, "a document twice, or without its series", &at);
        let documents: Vec<Value> = cycle.documents.iter().map(|one| (*one).clone()).collect();
        let rows = of_dataset(&documents, "kafka.consumergroup");
        let rows: Vec<Row<'_>> = rows.into_iter().map(Row::of).collect();
        for row in &rows {
            self.row(row, cycle);
        }
        if field(cycle.target, "brokerbeat.target.up") == Some(&Value::from(1)) {
            self.nothing_is_missing(&rows, cycle);
        } else {
            // It says so itself.
            self.tally.down += 1;
        }
        for document in of_dataset(&documents, "kafka.partition") {
            self.partition(document, cycle);
        }
        self.tally
            .all_good(numbers::sums(&documents, &rows), &Value::Null);
    }

    fn row(&mut self, row: &Row<'_>, cycle: &Cycle<'_>) {
        let window = cycle.window;
        self.tally.rows += 1;
        let nothing = || vec![None];
        let commits = self.model.commits.get(&row.place);
        let possible = commits.map_or_else(nothing, |all| all.possible(window));
        let last = self
            .last
            .insert(row.place.clone(), (row.committed, row.end));
        let unknown = row.reason();
        match row.committed {
            Some(_) => self
                .tally
                .commit(row, &possible, last.and_then(|last| last.0)),
            None if unknown == "no_commit" => {
                self.tally.good(
                    possible.contains(&None),
                    "no commit, but there was",
                    row.document,
                );
            }
            None => {}
        }
        if let Some(end) = row.end {
            let (_, topic, partition) = &row.place;
            let brackets = self.ends(topic, *partition, window);
            self.tally
                .end(end, &brackets, last.and_then(|last| last.1), row.document);
        }
        if !matches!(unknown, "" | "no_commit") {
            self.excuse(row, cycle);
        }
        self.lag(row);
        if row.lag.is_some() {
            ages::check(row, self.model, window, &mut self.tally);
        }
    }

    fn ends(&self, topic: &str, partition: i32, window: Window) -> Vec<(i64, i64)> {
        let logs = self.model.logs(topic, partition, window);
        logs.into_iter().map(|log| log.ends(window)).collect()
    }

    /// Lag is the difference; below 0 only where a commit may lie behind the end, and then it says so.
    fn lag(&mut self, row: &Row<'_>) {
        let raw = number(row.document, "kafka.consumergroup.lag.raw");
        let wanted = match (row.committed, row.end, row.reason()) {
            (Some(committed), Some(end), "") => Some(end - committed),
            _ => None,
        };
        let as_wanted = row.lag == wanted.map(|lag| lag.max(0))
            && raw == wanted.filter(|lag| *lag < 0)
            && wanted.is_some() == row.reason().is_empty();
        self.tally
            .good(as_wanted, "lag is not end less commit", row.document);
        let may_fall = row.place.1 == super::actors::CHURN;
        self.tally
            .good(raw.is_none() || may_fall, "a negative lag", row.document);
    }

    /// Whether a value may be missing.
    fn excuse(&mut self, row: &Row<'_>, cycle: &Cycle<'_>) {
        let restless = !self.model.rests(&row.place.1, cycle.window);
        let slow = cycle.faults > 0 && matches!(row.reason(), "timeout" | "connection");
        self.tally.missing += usize::from(slow);
        self.tally.restless += usize::from(restless);
        self.tally
            .good(restless || slow, "unknown without need", row.document);
    }

    /// Every group that had a commit all the time has its documents.
    fn nothing_is_missing(&mut self, rows: &[Row<'_>], cycle: &Cycle<'_>) {
        let known: BTreeSet<&Place> = rows.iter().map(|row| &row.place).collect();
        for (place, commits) in self.model.commits {
            let surely = !commits.possible(cycle.window).contains(&None);
            if surely && !known.contains(place) {
                let message = format!("no document of {place:?} in {:?}", cycle.window);
                self.tally.good(false, &message, cycle.target);
            }
        }
        for (topic, incarnations) in self.model.topics {
            let partitions = incarnations
                .iter()
                .map(|one| one.logs.len())
                .max()
                .unwrap_or(0);
            let documents = cycle.documents.iter().filter(|one| {
                text(one, "data_stream.dataset") == "brokerbeat.kafka.partition"
                    && text(one, "kafka.topic.name") == topic
            });
            let whole = documents.count() == partitions;
            let needed = self.model.rests(topic, cycle.window);
            self.tally.good(
                whole || !needed,
                "a partition without document",
                &Value::Null,
            );
        }
    }

    /// A partition's own document.
    fn partition(&mut self, document: &Value, cycle: &Cycle<'_>) {
        let topic = text(document, "kafka.topic.name");
        if !self.model.topics.contains_key(topic) {
            return;
        }
        let partition = number(document, "kafka.partition.id").expect("a partition");
        let partition = i32::try_from(partition).expect("a partition");
        let newest = number(document, "kafka.partition.offset.newest");
        let oldest = number(document, "kafka.partition.offset.oldest");
        let window = cycle.window;
        let logs = self.model.logs(topic, partition, window);
        if let Some(newest) = newest {
            let inside = |log: &&Log| (log.ends(window).0..=log.ends(window).1).contains(&newest);
            self.tally
                .good(logs.iter().any(inside), "another log end", document);
        }
        if let Some(oldest) = oldest {
            let known = logs
                .iter()
                .any(|log| log.start.possible(window).contains(&oldest));
            self.tally.good(known, "another log start", document);
        }
        let messages = number(document, "kafka.partition.messages");
        let wanted = newest
            .zip(oldest)
            .map(|(newest, oldest)| (newest - oldest).max(0));
        self.tally
            .good(messages == wanted, "another number of messages", document);
    }
}
