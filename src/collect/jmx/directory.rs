//! What the server has: the names of its beans, and with them the list of what to read each cycle.

use std::collections::BTreeSet;
use std::sync::Arc;

use jmx_rmi::{Attributes, ObjectName, Read};

use super::absent::Absent;
use super::budget::{Census, Selection};
use super::door::{DoorError, Reading};
use super::reader::Reader;
use super::table::Table;

/// A directory is used for so many cycles. New beans (a topic's first traffic, a new request version) are seen one
/// refresh later at most; vanished ones are seen at once.
const CYCLES: u32 = 6;

/// So often in a row the names are asked for out of turn. What three lists of names have not brought the next one will
/// not bring either (a preset for another JVM), and what changes all the time is seen in turn.
const OUT_OF_TURN: u32 = 3;

/// So often in a row they are asked for because they have changed: a server that starts has more of them every second.
const RESTLESS: u32 = 30;

/// The beans that a table wants of one JVM.
#[derive(Debug)]
pub(super) struct Directory {
    reads: Vec<Read>,
    selection: Arc<Selection>,
    /// Beans that are not read, as the budget is used up.
    left_out: usize,
    absent: Absent,
    cycles: u32,
    is_stale: bool,
    /// Whether a newer one could not be made in time.
    is_postponed: bool,
    /// Directories in a row that were out of date before their time.
    hurried: u32,
    /// Directories in a row that were different from the one before; none if it was the same.
    restless: u32,
}

impl Directory {
    /// Asks the server for the names of its beans. `before` is the directory of the same server, if there was one.
    pub(super) async fn load(
        reader: &mut Reader,
        table: &Table,
        before: Option<&Self>,
    ) -> Result<Self, DoorError> {
        let names = sorted(table, reader.query_names(&table.queries()).await?);
        let census = Census::new(table, &names);
        let mut readings = Vec::new();
        if !census.reads().is_empty() {
            readings.resize_with(census.reads().len(), || None);
            reader.read(census.reads(), 0, &mut readings).await?;
        }
        let answer = |reading: Option<Reading>| reading?.ok();
        let answers: Vec<Attributes> = readings
            .into_iter()
            .map(|reading| answer(reading).unwrap_or_default())
            .collect();
        let selected = before.map(|before| Arc::clone(&before.selection));
        let selection = census.choose(table, &answers, &selected.unwrap_or_default());
        let (mut reads, left_out) = list(names, table, &selection);
        let known = before.map(|before| before.absent.clone());
        let mut absent = known.unwrap_or_default();
        absent.ask(reader, &reads).await;
        absent.strike(&mut reads);
        Ok(Self {
            absent,
            left_out,
            ..Self::new(reads, selection, before)
        })
    }

    fn new(reads: Vec<Read>, selection: Selection, before: Option<&Self>) -> Self {
        let is_settled = before.is_some_and(|before| before.reads == reads);
        let hurried = before.filter(|before| before.is_stale);
        Self {
            restless: match is_settled {
                true => 0,
                false => before.map_or(1, |before| before.restless + 1),
            },
            hurried: hurried.map_or(0, |before| before.hurried + 1),
            reads,
            selection: Arc::new(selection),
            left_out: 0,
            absent: Absent::default(),
            cycles: 0,
            is_stale: false,
            is_postponed: false,
        }
    }

    /// What of the server the budget leaves.
    pub(super) fn selection(&self) -> Arc<Selection> {
        Arc::clone(&self.selection)
    }

    /// Beans that are not read, as the budget is used up.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// What to read, sorted by name.
    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Names of the beans that are read.
    pub(super) fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.reads.iter().map(|read| &read.name)
    }

    /// The place behind a bean, which may have gone.
    pub(super) fn behind(&self, bean: Option<&ObjectName>) -> usize {
        let is_before = |read: &Read| bean.is_some_and(|bean| read.name <= *bean);
        self.reads.partition_point(is_before)
    }

    /// Notes the beans that gave less than they were asked for.
    pub(super) fn learn(&mut self, readings: &[Option<Reading>]) {
        for (read, reading) in self.reads.iter().zip(readings) {
            if let Some(Ok(given)) = reading
                && given.len() < read.attributes.len()
            {
                self.absent.suspect(&read.name);
            }
        }
    }

    /// Counts a cycle.
    pub(super) fn used(&mut self) {
        self.cycles += 1;
    }

    /// Something is missing or gone: the next cycle asks anew.
    pub(super) fn distrust(&mut self) {
        self.is_stale = true;
    }

    /// A newer one takes too long. It is not tried out of turn again: each attempt costs half a cycle.
    pub(super) fn postpone(&mut self) {
        self.is_postponed = true;
        self.cycles = 0;
    }

    /// Whether it is time to ask anew.
    pub(super) fn is_due(&self) -> bool {
        let is_out_of_date = self.is_stale && self.hurried < OUT_OF_TURN;
        let is_restless = (1..=RESTLESS).contains(&self.restless);
        let is_early = (is_out_of_date || is_restless) && !self.is_postponed;
        is_early || self.cycles >= CYCLES
    }
}

/// What the table reads of these beans, and how many of them the budget leaves out.
fn list(names: Vec<ObjectName>, table: &Table, selection: &Selection) -> (Vec<Read>, usize) {
    let mut left_out = 0;
    let mut reads = Vec::new();
    for name in names {
        let attributes = table.attributes(&name, selection);
        if !attributes.is_empty() {
            reads.push(Read { name, attributes });
        } else if table.is_wanted(&name) {
            left_out += 1;
        }
    }
    (reads, left_out)
}

/// Each name once, in order and without twins.
fn sorted(table: &Table, mut names: Vec<ObjectName>) -> Vec<ObjectName> {
    names.sort_unstable();
    names.dedup();
    let twins: BTreeSet<ObjectName> = names.iter().filter_map(|name| twin(table, name)).collect();
    names.retain(|name| !twins.contains(name));
    names
}

/// The other name that the server may have for the same thing, with underscores for dots: as Kafka's consumers of 4.1 and 4.2 do
/// for a topic, so that what reads the names of 4.0 goes on (KIP-1109). Both beans have the same values, and a sum over
/// them would be twice what it is.
///
/// A topic that is really called `a_b` cannot lie beside one called `a.b`: Kafka refuses to make the second of such a
/// pair, as their metrics would collide (`InvalidTopicException`). In a JVM that reads `a.b` of one cluster and `a_b` of
/// another by two clients the beans differ by `client-id`, too.
fn twin(table: &Table, name: &ObjectName) -> Option<ObjectName> {
    if !name.keys().any(|(_, value)| value.contains('.')) {
        return None;
    }
    let mut properties = table
        .matching(name)
        .filter_map(|bean| bean.source.group.twins.as_deref());
    let property = properties.find(|key| name.key(key).is_some_and(|value| value.contains('.')))?;
    let keys = name.keys().map(|(key, value)| match key == property {
        true => format!("{key}={}", value.replace('.', "_")),
        false => format!("{key}={value}"),
    });
    let keys: Vec<String> = keys.collect();
    ObjectName::parse(&format!("{}:{}", name.domain(), keys.join(","))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(names: Vec<ObjectName>, table: &Table, before: Option<&Directory>) -> Directory {
        let selection = Selection::default();
        let (reads, _) = list(names, table, &selection);
        Directory::new(reads, selection, before)
    }

    #[test]
    fn only_wanted_beans_are_read_and_only_for_a_while() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let names = [
            "java.lang:type=Memory",
            "java.lang:type=MemoryManager,name=x",
            "a:type=Memory",
        ];
        let names = names.map(|name| ObjectName::parse(name).unwrap()).to_vec();
        let first = directory(names.clone(), &table, None);
        assert_eq!(first.reads.len(), 1);
        assert_eq!(
            first.reads[0].attributes,
            ["HeapMemoryUsage", "NonHeapMemoryUsage"]
        );
        assert!(first.is_due(), "nothing to compare it with");
        let mut second = directory(names, &table, Some(&first));
        for _ in 0..CYCLES {
            assert!(!second.is_due());
            second.used();
        }
        assert!(second.is_due());
    }

    #[test]
    fn one_that_could_not_be_made_in_time_is_tried_again_in_turn() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let memory = ObjectName::parse("java.lang:type=Memory").unwrap();
        let mut current = directory(vec![memory.clone()], &table, None);
        current.distrust();
        current.postpone();
        for _ in 0..CYCLES {
            assert!(!current.is_due());
            current.used();
        }
        assert!(current.is_due());
        assert!(directory(vec![memory], &table, Some(&current)).hurried > 0);
    }

    #[test]
    fn of_twins_the_one_with_the_true_name_stays() {
        let table = Table::new(&["kafka-consumer".to_owned()]).unwrap();
        let sorted = |keys: &[&str]| {
            let name = |keys: &&str| {
                let name = format!("kafka.consumer:type=consumer-fetch-manager-metrics,{keys}");
                ObjectName::parse(&name).unwrap()
            };
            let sorted = sorted(&table, keys.iter().map(name).collect());
            let keys = sorted
                .iter()
                .map(|name| name.as_str().split_once(',').unwrap().1);
            keys.map(str::to_owned).collect::<Vec<_>>()
        };
        let stay = [
            "client-id=a,topic=eu.orders_x",
            "client-id=a,topic=eu.orders_x,partition=0",
            "client-id=b,topic=eu_orders_x",
            "client-id=a_b",
            "client-id=a.b",
        ];
        let twins = [
            "client-id=a,topic=eu_orders_x",
            "client-id=a,topic=eu_orders_x,partition=0",
        ];
        let mut expected = stay.map(str::to_owned);
        let mut found = sorted(&[&stay[..], &twins[..], &stay[..]].concat());
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cycle_begins_behind_a_bean() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let pool =
            |number: u32| ObjectName::parse(&format!("java.nio:type=BufferPool,name={number}"));
        let names = [1, 3, 5].map(|number| pool(number).unwrap()).to_vec();
        let directory = directory(names, &table, None);
        let behind = |number| directory.behind(Some(&pool(number).unwrap()));
        assert_eq!(directory.behind(None), 0);
        assert_eq!([0, 1, 2, 3, 5].map(behind), [0, 1, 1, 2, 3]);
    }

    /// A preset for another JVM is a fault in every cycle; asking for all names every time would not mend it.
    #[test]
    fn what_stays_wrong_is_asked_for_a_few_times_and_then_in_turn() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let names = vec![ObjectName::parse("java.lang:type=Memory").unwrap()];
        let mut current = directory(names.clone(), &table, None);
        let mut loads = 0;
        for _ in 0..100 {
            if current.is_due() {
                current = directory(names.clone(), &table, Some(&current));
                loads += 1;
            }
            current.used();
            current.distrust();
        }
        let in_turn = 100 / CYCLES;
        assert!(loads <= OUT_OF_TURN + in_turn + 1, "{loads} times");
        assert!(loads >= in_turn, "{loads} times");
    }

    #[test]
    fn names_that_never_hold_still_are_asked_for_in_turn() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let pool = |number| ObjectName::parse(&format!("java.nio:type=BufferPool,name={number}"));
        let mut current = directory(vec![pool(0).unwrap()], &table, None);
        for number in 1..=RESTLESS {
            assert!(current.is_due());
            current = directory(vec![pool(number).unwrap()], &table, Some(&current));
        }
        assert!(!current.is_due());
    }

    #[test]
    fn a_server_that_starts_is_asked_every_cycle() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let name = |name| ObjectName::parse(name).unwrap();
        let first = directory(vec![name("java.lang:type=Memory")], &table, None);
        let names = vec![
            name("java.lang:type=Memory"),
            name("java.lang:type=Threading"),
        ];
        let second = directory(names.clone(), &table, Some(&first));
        assert!(second.is_due());
        let mut third = directory(names, &table, Some(&second));
        assert!(!third.is_due());
        third.distrust();
        assert!(third.is_due());
    }
}
