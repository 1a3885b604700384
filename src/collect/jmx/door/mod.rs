//! The ways into a JVM, all with the same few questions.
//!
//! ```text
//! text ── address ──► Address ─┐
//!                              ├─► Door ── open ──► Peer ── query_names, read ──► names, attributes
//! user, password, ports ───────┘  (not open)        (a session)
//! ```
//!
//! - `address`: what people write for a JVM, for the configuration and the command line alike
//! - `error`: what a caller decides by, whichever way was taken
//!
//! A way more is a variant of each of [`Address`], [`Peer`] and [`DoorError`]; whoever asks sees none of it.

mod address;
mod error;
#[cfg(test)]
mod tests;

use jmx_rmi::{
    AdvertisedHost, Attributes, Client, Credentials, Endpoint, ObjectName, Read, RemoteException,
    Timeouts,
};

use crate::config::Secret;

pub(crate) use address::Address;
pub(crate) use error::DoorError;

/// What a bean gave, or the exception that the JVM has for it.
pub(crate) type Reading = Result<Attributes, RemoteException>;

/// What it takes to be let in, besides the address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// User and password.
    pub(crate) login: Option<Login>,
    /// Port of the RMI server, where the one that the JVM names is out of reach.
    pub(crate) rmi_port: Option<u16>,
}

/// User and password.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// A JVM that can be asked, not connected yet.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    address: Address,
    access: Access,
}

impl Door {
    /// A door, unless it is of a kind that this build has not. The error ends a sentence that begins with the address.
    pub(crate) fn new(address: Address, access: Access) -> Result<Self, String> {
        let problem = match address {
            Address::Port { .. } => return Ok(Self { address, access }),
            Address::ServiceUrl(_) => {
                "is a service URL, which is not supported yet; write host:port of the JVM's JMX port"
            }
            Address::Local(_) => {
                "attaches to a JVM on this machine, which is not supported yet; open its JMX port and write host:port"
            }
            Address::Jolokia(_) => {
                "is a Jolokia agent's URL, which is not supported yet; write host:port of the JVM's JMX port"
            }
        };
        Err(problem.to_owned())
    }

    /// The address as messages name it.
    pub(crate) fn shown(&self) -> String {
        self.address.to_string()
    }

    /// Opens a session.
    pub(crate) async fn open(&self, timeouts: Timeouts) -> Result<Peer, DoorError> {
        match &self.address {
            Address::Port { host, port } => {
                let endpoint = self.endpoint(host, *port);
                Ok(Peer::Rmi(Client::connect(&endpoint, timeouts).await?))
            }
            Address::ServiceUrl(_) | Address::Local(_) | Address::Jolokia(_) => {
                Err(DoorError::Unsupported(self.shown()))
            }
        }
    }

    fn endpoint(&self, host: &str, port: u16) -> Endpoint {
        let mut endpoint = Endpoint::new(host, port);
        endpoint.rmi_port = self.access.rmi_port;
        if let Some(login) = &self.access.login {
            // A password goes to the host that the user named and not to one that the registry names.
            endpoint.advertised_host = AdvertisedHost::Never;
            endpoint.credentials = Some(Credentials::new(&login.user, login.password.reveal()));
        }
        endpoint
    }
}

/// An open session with a JVM.
#[derive(Debug)]
pub(crate) enum Peer {
    /// JMX over RMI.
    Rmi(Client),
}

impl Peer {
    /// The names of all beans that match one of the patterns; a name may come twice.
    ///
    /// Not cancel safe: drop a peer whose call was cancelled.
    pub(crate) async fn query_names(
        &mut self,
        patterns: &[ObjectName],
    ) -> Result<Vec<ObjectName>, DoorError> {
        match self {
            Self::Rmi(client) => {
                let mut names = Vec::new();
                for pattern in patterns {
                    names.extend(client.query_names(Some(pattern)).await?);
                }
                Ok(names)
            }
        }
    }

    /// Reads beans: one result each, in order, appended to `into`.
    ///
    /// # Cancel safety
    /// What is in `into` when the call is cancelled is whole and in order. The peer itself is to be dropped.
    pub(crate) async fn read(
        &mut self,
        reads: &[Read],
        into: &mut Vec<Reading>,
    ) -> Result<(), DoorError> {
        match self {
            Self::Rmi(client) => Ok(client.read_into(reads, into).await?),
        }
    }

    /// Whether the next call has a chance.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Rmi(client) => !client.is_poisoned(),
        }
    }

    /// Ends the session, where the JVM keeps one.
    pub(crate) async fn close(self) -> Result<(), DoorError> {
        match self {
            Self::Rmi(client) => Ok(client.close().await?),
        }
    }
}
