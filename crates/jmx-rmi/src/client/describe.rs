//! Asking many beans what they have: what is asked, and what becomes of the replies.

use super::connection::Calls;
use crate::codec::reply::{Outcome, Reply, Returns};
use crate::codec::stub::ObjId;
use crate::codec::{DecodeError, Limits, encode, map};
use crate::{MBeanInfo, ObjectName, RemoteException};

/// The calls for a list of beans.
pub(super) struct Questions<'a> {
    pub(super) connection: ObjId,
    pub(super) names: &'a [ObjectName],
    pub(super) limits: Limits,
    pub(super) results: Vec<Result<MBeanInfo, RemoteException>>,
}

impl Calls for Questions<'_> {
    fn doing(&self) -> &'static str {
        "asking what beans have"
    }

    fn returns(&self) -> Returns {
        Returns::Object
    }

    fn count(&self) -> usize {
        self.names.len()
    }

    fn encode(&self, index: usize, out: &mut Vec<u8>) {
        if let Some(name) = self.names.get(index) {
            encode::get_mbean_info(out, &self.connection, name);
        }
    }

    fn bean(&self, index: usize) -> Option<&ObjectName> {
        self.names.get(index)
    }

    fn answered(&mut self, index: usize, reply: Reply) -> Result<(), DecodeError> {
        let result = match reply.outcome {
            Outcome::Value(value) => Ok(map::mbean_info(&value, &self.limits)?),
            Outcome::Exception(thrown) => Err(map::exception(&thrown, self.bean(index))),
            Outcome::Void => Ok(MBeanInfo::default()),
        };
        self.results.push(result);
        Ok(())
    }
}
