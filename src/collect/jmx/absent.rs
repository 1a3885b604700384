//! Attributes that a preset knows and a bean does not have: those of other versions of the server.
//!
//! A JVM leaves them out of its answer. Kafka's own beans (`JmxReporter.KafkaMbean`) log a warning with a stack trace for
//! each of them and each time. So a bean that gave less than it was asked for is asked once what it has (`MBeanInfo`), and
//! again whenever the directory is made, as Kafka adds attributes to beans that exist. An attribute that it has and that
//! cannot be read is still asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{ObjectName, Read};
use tokio::time::timeout;

use super::reader::Reader;

/// Beans that are asked what they have whenever a directory is made; a description is some ten times a bean's values.
const MOST: usize = 256;

/// Descriptions in memory at a time.
const AT_ONCE: usize = 32;

/// What the descriptions may take of a cycle. They save a server's log some lines and are not worth any figure.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of the beans that gave less than they were asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Absent {
    beans: BTreeMap<ObjectName, Known>,
    /// Directories so far.
    turn: u32,
    /// The JVM has no descriptions for us, or not in time.
    is_mute: bool,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// What it does not have.
    attributes: BTreeSet<String>,
    /// When it was asked; 0: not yet.
    turn: u32,
}

impl Absent {
    /// A bean gave less than it was asked for.
    pub(super) fn suspect(&mut self, bean: &ObjectName) {
        if !self.is_mute && !self.beans.contains_key(bean) {
            self.beans.insert(bean.clone(), Known::default());
        }
    }

    /// Asks the beans what they have. `reads` are sorted by name, with all attributes that the presets know.
    ///
    /// Descriptions that cannot be had end the session and nothing else; they are not asked for again.
    pub(super) async fn ask(&mut self, reader: &mut Reader, reads: &[Read]) {
        self.turn += 1;
        self.beans
            .retain(|bean, _| read_of(reads, bean).is_some() && !self.is_mute);
        let due = self.due();
        for names in due.chunks(AT_ONCE) {
            let Ok(Ok(described)) = timeout(PATIENCE, reader.describe(names)).await else {
                tracing::debug!(jvm = reader.name(), "does not describe its beans");
                self.is_mute = true;
                return;
            };
            for (name, described) in names.iter().zip(described) {
                // A bean that does not describe itself has whatever it is asked for.
                let attributes = described.map_or_else(
                    |_| BTreeSet::new(),
                    |has| lacking(read_of(reads, name), &has),
                );
                let turn = self.turn;
                self.beans.insert(name.clone(), Known { attributes, turn });
            }
        }
    }

    /// Those that were never asked, then those whose answer is the oldest.
    fn due(&self) -> Vec<ObjectName> {
        let mut beans: Vec<_> = self.beans.iter().collect();
        beans.sort_by_key(|(_, known)| known.turn);
        let names = beans.into_iter().map(|(bean, _)| bean.clone());
        names.take(MOST).collect()
    }

    /// Takes what the beans do not have out of the list. One that is left with nothing stays in it: that it exists is
    /// an answer, too.
    pub(super) fn strike(&self, reads: &mut [Read]) {
        for read in reads {
            if let Some(known) = self.beans.get(&read.name) {
                let is_there = |attribute: &String| !known.attributes.contains(attribute);
                read.attributes.retain(is_there);
            }
        }
    }
}

/// What is asked of a bean that it does not have.
fn lacking(read: Option<&Read>, has: &[AttributeInfo]) -> BTreeSet<String> {
    let has: BTreeSet<&str> = has.iter().map(|attribute| &*attribute.name).collect();
    let asked = read.into_iter().flat_map(|read| &read.attributes);
    asked
        .filter(|attribute| !has.contains(attribute.as_str()))
        .cloned()
        .collect()
}

fn read_of<'a>(reads: &'a [Read], bean: &ObjectName) -> Option<&'a Read> {
    let place = reads.binary_search_by(|read| read.name.cmp(bean)).ok()?;
    reads.get(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> ObjectName {
        ObjectName::parse(&format!("a:id={number:04}")).unwrap()
    }

    #[test]
    fn who_was_never_asked_comes_first_and_all_in_the_end() {
        let mut absent = Absent::default();
        for number in 0..2 * MOST - 1 {
            absent.suspect(&name(number));
        }
        absent.turn = 1;
        let first = absent.due();
        assert_eq!(first.len(), MOST);
        for bean in &first {
            absent.beans.get_mut(bean).unwrap().turn = 1;
        }
        absent.suspect(&name(9999));
        let second = absent.due();
        assert!(second.contains(&name(9999)));
        let again = second.iter().filter(|bean| first.contains(bean));
        assert_eq!(again.count(), 0);
    }

    #[test]
    fn only_what_is_known_to_be_absent_is_struck() {
        let mut absent = Absent::default();
        let attributes = BTreeSet::from(["b".to_owned(), "c".to_owned()]);
        let known = Known {
            attributes,
            turn: 1,
        };
        absent.beans.insert(name(1), known);
        absent.suspect(&name(2));
        let read = |number, attributes: &[&str]| Read {
            name: name(number),
            attributes: attributes.iter().map(|one| (*one).to_owned()).collect(),
        };
        let mut reads = [read(1, &["a", "b"]), read(2, &["a", "b"]), read(3, &["b"])];
        absent.strike(&mut reads);
        assert_eq!(
            reads,
            [read(1, &["a"]), read(2, &["a", "b"]), read(3, &["b"])]
        );
    }
}
