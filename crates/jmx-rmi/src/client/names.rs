//! Asking for names by many patterns: what is asked, and what becomes of the replies.

use super::connection::Calls;
use crate::codec::reply::{Outcome, Reply, Returns};
use crate::codec::stub::ObjId;
use crate::codec::{DecodeError, encode, map};
use crate::{ObjectName, RemoteException};

/// The calls for a list of patterns.
pub(super) struct Patterns<'a> {
    pub(super) connection: ObjId,
    pub(super) patterns: &'a [ObjectName],
    pub(super) results: Vec<Vec<ObjectName>>,
    /// The first exception: without one of its lists the whole is worth nothing.
    pub(super) refused: Option<RemoteException>,
}

impl Calls for Patterns<'_> {
    fn doing(&self) -> &'static str {
        "asking for names"
    }

    fn returns(&self) -> Returns {
        Returns::Object
    }

    fn count(&self) -> usize {
        self.patterns.len()
    }

    fn encode(&self, index: usize, out: &mut Vec<u8>) {
        if let Some(pattern) = self.patterns.get(index) {
            encode::query_names(out, &self.connection, Some(pattern));
        }
    }

    /// A pattern is not a bean that could be to blame.
    fn bean(&self, _index: usize) -> Option<&ObjectName> {
        None
    }

    fn answered(&mut self, _index: usize, reply: Reply) -> Result<(), DecodeError> {
        let names = match reply.outcome {
            Outcome::Value(value) => map::names(&value)?,
            Outcome::Exception(thrown) => {
                self.refused.get_or_insert(map::exception(&thrown, None));
                Vec::new()
            }
            Outcome::Void => Vec::new(),
        };
        self.results.push(names);
        Ok(())
    }
}
