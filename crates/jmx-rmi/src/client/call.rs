//! Calls on their own.

use super::connection::{Calls, Connection};
use super::{Error, Kind};
use crate::codec::reply::{Outcome, Reply, ReturnId, Returns};
use crate::codec::{DecodeError, Decoded, map};
use crate::{ObjectName, RemoteException};
use std::time::Duration;

/// One call. Its reply is kept until it is asked for.
pub(super) struct Call<'a> {
    doing: &'static str,
    returns: Returns,
    request: Vec<u8>,
    bean: Option<&'a ObjectName>,
    reply: Option<Reply>,
}

impl<'a> Call<'a> {
    pub(super) fn new(doing: &'static str, request: Vec<u8>) -> Self {
        Self {
            doing,
            returns: Returns::Object,
            request,
            bean: None,
            reply: None,
        }
    }

    pub(super) fn about(mut self, bean: &'a ObjectName) -> Self {
        self.bean = Some(bean);
        self
    }

    pub(super) fn void(mut self) -> Self {
        self.returns = Returns::Void;
        self
    }

    /// The value that was returned, with the id of the return. An exception is an error.
    pub(super) fn value(self, address: &str) -> Result<(ReturnId, Decoded), Error> {
        match self.reply {
            Some(Reply {
                id,
                outcome: Outcome::Value(value),
            }) => Ok((id, value)),
            Some(Reply {
                outcome: Outcome::Exception(thrown),
                ..
            }) => Err(remote(address, map::exception(&thrown, self.bean))),
            // `Connection::exchange` has seen to it that there is a reply of the kind asked for.
            Some(Reply {
                outcome: Outcome::Void,
                ..
            })
            | None => {
                let source = DecodeError::Shape {
                    found: "nothing".to_owned(),
                    expected: "a value",
                };
                Err(Kind::Protocol {
                    address: address.to_owned(),
                    bean: self.bean.cloned(),
                    source,
                }
                .into())
            }
        }
    }

    /// Whether a void call went well.
    pub(super) fn nothing(self, address: &str) -> Result<(), Error> {
        match self.reply {
            Some(Reply {
                outcome: Outcome::Exception(thrown),
                ..
            }) => Err(remote(address, map::exception(&thrown, self.bean))),
            _ => Ok(()),
        }
    }

    /// Makes the call on a connection of which nothing else is expected.
    pub(super) async fn on(
        mut self,
        connection: &mut Connection,
        within: Duration,
    ) -> Result<(ReturnId, Decoded), Error> {
        connection.exchange(&mut self, 0, within).await?;
        self.value(connection.address())
    }
}

fn remote(address: &str, source: RemoteException) -> Error {
    Kind::Remote {
        address: address.to_owned(),
        source,
    }
    .into()
}

impl Calls for Call<'_> {
    fn doing(&self) -> &'static str {
        self.doing
    }

    fn returns(&self) -> Returns {
        self.returns
    }

    fn count(&self) -> usize {
        1
    }

    fn encode(&self, _index: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request);
    }

    fn bean(&self, _index: usize) -> Option<&ObjectName> {
        self.bean
    }

    fn answered(&mut self, _index: usize, reply: Reply) -> Result<(), DecodeError> {
        self.reply = Some(reply);
        Ok(())
    }
}
