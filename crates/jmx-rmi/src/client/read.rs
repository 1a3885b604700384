//! Reading many beans: what is asked for, and what becomes of the replies.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::connection::Calls;
use crate::codec::reply::{Outcome, Reply, Returns};
use crate::codec::stub::ObjId;
use crate::codec::{DecodeError, Limits, encode, map};
use crate::{Attributes, ObjectName, RemoteException};

/// One bean and the attributes wanted of it, for [`Client::read`](crate::Client::read).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Name of the bean: a name, not a pattern.
    pub name: ObjectName,
    /// Names of the attributes.
    pub attributes: Vec<String>,
}

/// What a bean gave.
pub(super) type ReadResult = Result<Attributes, RemoteException>;

/// Puts results which come over several connections in the order of their requests.
pub(super) struct InOrder<'a> {
    results: &'a mut Vec<ReadResult>,
    next: usize,
    /// What came before its turn: as many as one connection is ahead of another.
    early: BTreeMap<usize, ReadResult>,
}

impl<'a> InOrder<'a> {
    pub(super) fn new(results: &'a mut Vec<ReadResult>) -> Self {
        Self {
            results,
            next: 0,
            early: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, index: usize, result: ReadResult) {
        if index != self.next {
            self.early.insert(index, result);
            return;
        }
        self.results.push(result);
        self.next += 1;
        while let Some(result) = self.early.remove(&self.next) {
            self.results.push(result);
            self.next += 1;
        }
    }
}

/// The calls for a part of a list of [`Read`]s: every so many of them. Beans that lie side by side are alike, so that the
/// parts cost the server about the same.
pub(super) struct Reads<'a, F> {
    pub(super) connection: ObjId,
    pub(super) requests: &'a [Read],
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) limits: &'a Limits,
    /// Locked for one result at a time, never across a wait.
    pub(super) each: &'a Mutex<F>,
}

impl<F> Reads<'_, F> {
    fn place(&self, index: usize) -> usize {
        self.first + index * self.step
    }

    fn request(&self, index: usize) -> Option<&Read> {
        self.requests.get(self.place(index))
    }

    /// The one attribute that is wanted of the bean, if it is one: it is asked for by `getAttribute`, whose reply has no
    /// list, no pairs and none of their class descriptors: fewer bytes, and less work for the JVM.
    fn single(&self, index: usize) -> Option<&str> {
        match self.request(index)?.attributes.as_slice() {
            [attribute] => Some(attribute),
            _ => None,
        }
    }
}

impl<F: FnMut(usize, ReadResult)> Calls for Reads<'_, F> {
    fn doing(&self) -> &'static str {
        "reading attributes"
    }

    fn returns(&self) -> Returns {
        Returns::Object
    }

    fn count(&self) -> usize {
        let left = self.requests.len().saturating_sub(self.first);
        left.div_ceil(self.step)
    }

    fn encode(&self, index: usize, out: &mut Vec<u8>) {
        let Some(Read { name, attributes }) = self.request(index) else {
            return;
        };
        match self.single(index) {
            Some(attribute) => encode::get_attribute(out, &self.connection, name, attribute),
            None => encode::get_attributes(out, &self.connection, name, attributes),
        }
    }

    fn bean(&self, index: usize) -> Option<&ObjectName> {
        self.request(index).map(|read| &read.name)
    }

    fn answered(&mut self, index: usize, reply: Reply) -> Result<(), DecodeError> {
        let single = self.single(index);
        let result = match reply.outcome {
            Outcome::Value(value) => Ok(match single {
                Some(name) => vec![(name.to_owned(), map::attribute(&value, self.limits))],
                None => map::attributes(&value, self.limits)?,
            }),
            Outcome::Exception(thrown) => {
                match map::exception(&thrown, self.bean(index)) {
                    // As in a longer list: it is left out.
                    thrown if thrown.is_attribute_not_found() => Ok(Attributes::new()),
                    thrown => Err(thrown),
                }
            }
            Outcome::Void => Ok(Attributes::new()),
        };
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        each(self.place(index), result);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_put_in_order() {
        let mut results = Vec::new();
        let mut queue = InOrder::new(&mut results);
        for (index, complete) in [(2, 0), (0, 1), (3, 1), (1, 4), (5, 4)] {
            let name = vec![(index.to_string(), crate::Value::Null)];
            queue.put(index, Ok(name));
            assert_eq!(queue.results.len(), complete);
        }
        let names: Vec<_> = results
            .into_iter()
            .map(|one| one.unwrap()[0].0.clone())
            .collect();
        assert_eq!(names, ["0", "1", "2", "3"]);
    }
}
