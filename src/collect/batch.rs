//! What a cycle hands to the writer.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Fault, FaultKind};
use crate::clock::Millis;
use crate::derive;
use crate::document::Document;
use crate::identity::ClusterIdentity;

/// Documents that come in great numbers, in parts that are made when they are asked for.
///
/// A large cluster has tens of thousands of them a cycle. What they are made from is small; they themselves are never
/// in memory all at once.
pub struct Later(Box<dyn Iterator<Item = Vec<Document>> + Send>);

impl Later {
    /// `parts` must be pure: it is asked on the writer's task, which waits for nothing. Derived fields are not added to these
    /// documents, and none may be declared for them.
    pub fn new(parts: impl Iterator<Item = Vec<Document>> + Send + 'static) -> Self {
        Self(Box::new(parts))
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl Iterator for Later {
    type Item = Vec<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.0.next()?;
        debug_assert!(
            !part.iter().any(derive::is_wanted),
            "fields.yml declares a derived field of documents that are made later and never get it"
        );
        Some(part)
    }
}

/// What one cycle hands to the writer.
#[derive(Debug)]
pub struct Batch {
    /// The tick of all documents.
    pub tick: Millis,
    /// When the cycle ended.
    pub read_at: Millis,
    /// The cluster; nothing for the agent's own documents.
    pub cluster: Option<Arc<ClusterIdentity>>,
    /// `service.address` of documents without their own.
    pub address: Option<String>,
    /// What was seen.
    pub documents: Vec<Document>,
    /// What was seen in great numbers.
    pub later: Option<Later>,
    /// The target's own document, the last one: it says how many there were before it.
    pub summary: Option<Document>,
    /// What is missing, for people: the summary has the first of them and their number.
    pub faults: Vec<Fault>,
}

impl Batch {
    /// Documents of the agent about itself.
    pub fn own(tick: Millis, documents: Vec<Document>) -> Self {
        Self {
            tick,
            read_at: Millis::now(),
            cluster: None,
            address: None,
            documents,
            later: None,
            summary: None,
            faults: Vec::new(),
        }
    }

    /// All documents, one by one.
    pub fn into_documents(self) -> Documents {
        Documents {
            ready: self.documents.into_iter(),
            later: self.later,
            summary: self.summary,
            count: 0,
        }
    }
}

/// The documents of a batch.
pub struct Documents {
    ready: std::vec::IntoIter<Document>,
    later: Option<Later>,
    summary: Option<Document>,
    count: usize,
}

impl Documents {
    /// A panic costs the rest of this cycle, and is said.
    fn next_part(&mut self) -> Option<Vec<Document>> {
        let later = self.later.as_mut()?;
        let part = catch_unwind(AssertUnwindSafe(|| later.next()));
        if !matches!(part, Ok(Some(_))) {
            self.later = None;
        }
        part.unwrap_or_else(|_| {
            let message = "making the documents panicked, see the log; please report it";
            tracing::error!("{message}");
            self.summary = self.summary.take().map(|summary| {
                let kind = FaultKind::Internal.as_str();
                summary
                    .with("brokerbeat.target.error.kind", kind)
                    .with("brokerbeat.target.error.message", message)
            });
            None
        })
    }
}

impl Iterator for Documents {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        loop {
            if let Some(document) = self.ready.next() {
                self.count += 1;
                return Some(document);
            }
            match self.next_part() {
                Some(part) => self.ready = part.into_iter(),
                None => {
                    let summary = self.summary.take()?;
                    return Some(summary.with("brokerbeat.target.documents", self.count));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: &'static str) -> Document {
        Document::new("target", kind)
    }

    fn batch(parts: impl Iterator<Item = Vec<Document>> + Send + 'static) -> Vec<Document> {
        let batch = Batch {
            later: Some(Later::new(parts)),
            summary: Some(document("summary")),
            ..Batch::own(Millis(1), vec![document("ready")])
        };
        batch.into_documents().collect()
    }

    #[test]
    fn documents_come_in_order_and_the_last_one_counts_them() {
        let parts = [
            vec![document("a"), document("b")],
            vec![],
            vec![document("c")],
        ];
        let all = batch(parts.into_iter());
        let kinds: Vec<&str> = all.iter().map(|document| &*document.kind).collect();
        assert_eq!(kinds, ["ready", "a", "b", "c", "summary"]);
        assert_eq!(all[4].get("brokerbeat.target.documents").unwrap(), 4);
    }

    #[test]
    #[should_panic(expected = "never get it")]
    fn no_derived_field_is_declared_of_documents_that_never_get_it() {
        let collections = Document::new("jvm", "gc").with("jvm.gc.time", 1);
        let mut later = Later::new([vec![collections]].into_iter());
        let _ = later.next();
    }

    #[test]
    fn a_panic_costs_the_rest_of_the_cycle_and_is_said() {
        let all = batch((0..).map(|part| match part {
            0 => vec![document("a")],
            _ => panic!("a bug in a map"),
        }));
        assert_eq!(all.len(), 3);
        let get = |field: &str| all[2].get(field).unwrap().clone();
        assert_eq!(get("brokerbeat.target.documents"), 2);
        assert_eq!(get("brokerbeat.target.error.kind"), "internal");
    }
}
