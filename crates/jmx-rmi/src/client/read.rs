//! Reading many beans: what is asked for, and what becomes of the replies.

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

/// The calls for a list of [`Read`]s.
pub(super) struct Reads<'a> {
    pub(super) connection: ObjId,
    pub(super) requests: &'a [Read],
    pub(super) limits: Limits,
    pub(super) results: &'a mut Vec<Result<Attributes, RemoteException>>,
}

impl Calls for Reads<'_> {
    fn doing(&self) -> &'static str {
        "reading attributes"
    }

    fn returns(&self) -> Returns {
        Returns::Object
    }

    fn count(&self) -> usize {
        self.requests.len()
    }

    fn encode(&self, index: usize, out: &mut Vec<u8>) {
        if let Some(read) = self.requests.get(index) {
            encode::get_attributes(out, &self.connection, &read.name, &read.attributes);
        }
    }

    fn bean(&self, index: usize) -> Option<&ObjectName> {
        self.requests.get(index).map(|read| &read.name)
    }

    fn answered(&mut self, index: usize, reply: Reply) -> Result<(), DecodeError> {
        let result = match reply.outcome {
            Outcome::Value(value) => Ok(map::attributes(&value, &self.limits)?),
            Outcome::Exception(thrown) => Err(map::exception(&thrown, self.bean(index))),
            Outcome::Void => Ok(Attributes::new()),
        };
        self.results.push(result);
        Ok(())
    }
}
