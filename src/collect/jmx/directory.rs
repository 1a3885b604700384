//! What the server has: the names of its beans, and with them the list of what to read each cycle.

use jmx_rmi::{ObjectName, Read};

use super::door::{DoorError, Peer};
use super::table::Table;

/// A directory is used for so many cycles. New beans (a topic's first traffic, a new request version) are seen one
/// refresh later at most; vanished ones are seen at once.
const CYCLES: u32 = 6;

/// The beans that a table wants of one JVM.
#[derive(Debug)]
pub(super) struct Directory {
    reads: Vec<Read>,
    cycles: u32,
    /// Whether the one before had the same beans. A server that starts has more of them every second.
    is_settled: bool,
    is_stale: bool,
}

impl Directory {
    /// Asks the server for the names of its beans. `before` is the directory of the same session, if there was one.
    pub(super) async fn load(
        peer: &mut Peer,
        table: &Table,
        before: Option<Self>,
    ) -> Result<Self, DoorError> {
        let names = peer.query_names(&table.queries()).await?;
        Ok(Self::new(names, table, before.as_ref()))
    }

    fn new(mut names: Vec<ObjectName>, table: &Table, before: Option<&Self>) -> Self {
        names.sort_unstable();
        names.dedup();
        let wanted = |name| {
            let attributes = table.attributes(&name);
            (!attributes.is_empty()).then_some(Read { name, attributes })
        };
        let reads: Vec<Read> = names.into_iter().filter_map(wanted).collect();
        Self {
            is_settled: before.is_some_and(|before| before.reads == reads),
            reads,
            cycles: 0,
            is_stale: false,
        }
    }

    /// What to read, sorted by name.
    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Names of the beans that are read.
    pub(super) fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.reads.iter().map(|read| &read.name)
    }

    /// Counts a cycle.
    pub(super) fn used(&mut self) {
        self.cycles += 1;
    }

    /// Something is missing or gone: the next cycle asks anew.
    pub(super) fn distrust(&mut self) {
        self.is_stale = true;
    }

    /// Whether it is time to ask anew.
    pub(super) fn is_due(&self) -> bool {
        self.is_stale || !self.is_settled || self.cycles >= CYCLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_beans_are_read_and_only_for_a_while() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let names = [
            "java.lang:type=Memory",
            "java.lang:type=Compilation",
            "a:type=Memory",
        ];
        let names = names.map(|name| ObjectName::parse(name).unwrap()).to_vec();
        let first = Directory::new(names.clone(), &table, None);
        assert_eq!(first.reads.len(), 1);
        assert_eq!(
            first.reads[0].attributes,
            ["HeapMemoryUsage", "NonHeapMemoryUsage"]
        );
        assert!(first.is_due(), "nothing to compare it with");
        let mut second = Directory::new(names, &table, Some(&first));
        for _ in 0..CYCLES {
            assert!(!second.is_due());
            second.used();
        }
        assert!(second.is_due());
    }

    #[test]
    fn a_server_that_starts_is_asked_every_cycle() {
        let table = Table::new(&["jvm".to_owned()]).unwrap();
        let name = |name| ObjectName::parse(name).unwrap();
        let first = Directory::new(vec![name("java.lang:type=Memory")], &table, None);
        let names = vec![
            name("java.lang:type=Memory"),
            name("java.lang:type=Threading"),
        ];
        let second = Directory::new(names.clone(), &table, Some(&first));
        assert!(second.is_due());
        let mut third = Directory::new(names, &table, Some(&second));
        assert!(!third.is_due());
        third.distrust();
        assert!(third.is_due());
    }
}
