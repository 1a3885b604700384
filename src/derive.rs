//! Derived fields: what `fields.yml` has the agent make of other fields of a document (`derived: {…}`).
//!
//! Alerting rules ask for "it rose" and "it is nearly full" in one condition on one field; what rises from 0 for the first
//! time is then seen, too. Pure. Applied in one place for all collectors ([`crate::collect::Target`]) and to the agent's own
//! figures; not to documents that are made later ([`crate::collect::Later`]), which a check there says.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::catalogue::{Catalogue, Derived};
use crate::document::Document;
use crate::identity::series;

/// Cycles with an answer after which a series that was in none of them is forgotten: beans come and go with the budget and
/// with a server's moods, and series that have ended for good must not pile up.
const FORGOTTEN_AFTER: u64 = 60;

/// A derived field.
struct Rule {
    name: &'static str,
    how: &'static Derived,
}

/// The rules of the datasets that have any.
fn rules(dataset: &str) -> &'static [Rule] {
    static TABLE: OnceLock<HashMap<&str, Vec<Rule>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<&str, Vec<Rule>> = HashMap::new();
        for dataset in &Catalogue::get().datasets {
            let fields = dataset.fields.iter();
            let rules = fields.filter_map(|field| {
                let how = field.derived.as_ref()?;
                let name = field.name.as_str();
                Some(Rule { name, how })
            });
            let rules: Vec<Rule> = rules.collect();
            if !rules.is_empty() {
                table.insert(&dataset.name, rules);
            }
        }
        table
    });
    table.get(dataset).map_or(&[], Vec::as_slice)
}

/// Whether a document has all that one of its dataset's derived fields is made of.
pub fn is_wanted(document: &Document) -> bool {
    let has = |field: &str| document.get(field).is_some();
    let mut rules = rules(&document.dataset).iter();
    rules.any(|rule| rule.how.inputs().into_iter().all(has))
}

/// What one target's documents said last. As large as the target: the counters of its own series.
#[derive(Debug, Default)]
pub struct Derivations {
    series: HashMap<String, Counters>,
    /// Cycles with an answer so far.
    cycles: u64,
}

/// The counters of a series.
#[derive(Debug, Default)]
struct Counters {
    /// The last cycle that had it.
    seen: u64,
    /// By name: few, and never more than its dataset has rules.
    last: Vec<(&'static str, Value)>,
}

impl Derivations {
    /// Adds the derived fields to a cycle's documents. `answered`: whether the server did, so that what is not among them
    /// is not there.
    pub fn add(&mut self, documents: &mut [Document], answered: bool) {
        self.cycles += u64::from(answered);
        for document in documents {
            match rules(&document.dataset) {
                [] => {}
                rules => self.add_to(document, rules),
            }
        }
        let now = self.cycles;
        self.series
            .retain(|_, counters| now - counters.seen <= FORGOTTEN_AFTER);
    }

    /// The next document of each series is a first one again: somebody else has told of it in between.
    pub fn forget(&mut self) {
        self.series.clear();
    }

    fn add_to(&mut self, document: &mut Document, rules: &'static [Rule]) {
        // Made where it is needed, and once.
        let mut series = None;
        for rule in rules {
            let value = match rule.how {
                Derived::Share { share, of } => quotient(document.get(share), document.get(of)),
                Derived::Increase { increase } => {
                    let Some(value) = document.get(increase).cloned() else {
                        continue;
                    };
                    let series = series.get_or_insert_with(|| key(document));
                    self.rise(series, increase, value)
                }
            };
            if let Some(value) = value {
                document.set(rule.name, value);
            }
        }
    }

    fn rise(&mut self, series: &str, counter: &'static str, value: Value) -> Option<Value> {
        if !self.series.contains_key(series) {
            self.series.insert(series.to_owned(), Counters::default());
        }
        let counters = self.series.get_mut(series)?;
        counters.seen = self.cycles;
        counters.rise(counter, value)
    }
}

/// Within a target all documents are of one cluster.
fn key(document: &Document) -> String {
    series("", &document.dataset, &document.kind, &document.keys())
}

impl Counters {
    /// What a counter rose by; nothing where this is the first that is heard of it.
    fn rise(&mut self, counter: &'static str, value: Value) -> Option<Value> {
        match self.last.iter_mut().find(|(name, _)| *name == counter) {
            Some((_, last)) => {
                let rise = rise(last, &value);
                *last = value;
                rise
            }
            None => {
                self.last.push((counter, value));
                None
            }
        }
    }
}

/// A counter that fell began anew at 0, and its value is what it rose by since.
fn rise(before: &Value, now: &Value) -> Option<Value> {
    if let (Some(before), Some(now)) = (before.as_i64(), now.as_i64()) {
        let rise = match now < before {
            true => now,
            false => now.checked_sub(before)?,
        };
        return (rise >= 0).then(|| rise.into());
    }
    let (before, now) = (before.as_f64()?, now.as_f64()?);
    let rise = if now < before { now } else { now - before };
    (rise >= 0.0).then(|| rise.into())
}

/// Java says −1 for "no limit": nothing is a share of that.
fn quotient(part: Option<&Value>, whole: Option<&Value>) -> Option<Value> {
    let (part, whole) = (part?.as_f64()?, whole?.as_f64()?);
    (part >= 0.0 && whole > 0.0).then(|| (part / whole).into())
}

#[cfg(test)]
mod tests;
