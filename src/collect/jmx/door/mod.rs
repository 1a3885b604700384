//! The ways into a JVM, all with the same few questions.
//!
//! ```text
//! text ── address ──► Address ─┐
//!                              ├─► Door ── open ──► Peer ── query_names, read ──► names, attributes
//! user, password, ports ───────┘  (not open)        (a session)
//! ```
//!
//! - `address`: what people write for a JVM, for the configuration and the command line alike
//! - `fit`: what an address has no use for
//! - `error`: what a caller decides by, whichever way was taken
//! - `jolokia`: JSON over HTTP; the other ways all lead to the crate `jmx-rmi`
//!
//! A way more is a variant of each of [`Address`], [`Peer`] and [`DoorError`]; whoever asks sees none of it.

mod address;
mod error;
mod fit;
pub(crate) mod jolokia;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{
    AdvertisedHost, Attributes, Client, Credentials, Endpoint, ObjectName, Read, RegistryTls,
    RemoteException, Timeouts,
};

use self::jolokia::Jolokia;
use crate::config::{Secret, Tls};

pub(crate) use address::{Address, FORMS};
pub(crate) use error::{DoorError, chain};
pub(crate) use fit::Unfit;

/// What a bean gave, or the exception that the JVM has for it.
pub(crate) type Reading = Result<Attributes, RemoteException>;

/// What a session has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes to the JVM.
    pub(crate) sent: u64,
    /// Bytes from the JVM.
    pub(crate) received: u64,
    /// Times that the JVM's answer had to be waited for.
    pub(crate) round_trips: u64,
}

/// What it takes to be let in, besides the address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// User and password.
    pub(crate) login: Option<Login>,
    /// Port of the RMI server, where the one that the JVM names is out of reach.
    pub(crate) rmi_port: Option<u16>,
    /// TLS, which the RMI server must speak then.
    pub(crate) tls: Option<Tls>,
    /// Whether the registry speaks TLS, too.
    pub(crate) registry_tls: RegistryTls,
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
    /// A door, with nothing done yet.
    pub(crate) fn new(address: Address, access: Access) -> Self {
        Self { address, access }
    }

    /// What the address has no use for.
    pub(crate) fn unfit(&self) -> Vec<Unfit> {
        fit::unfit(&self.address, &self.access)
    }

    /// The address as messages name it.
    pub(crate) fn shown(&self) -> String {
        self.address.to_string()
    }

    /// Opens a session.
    pub(crate) async fn open(&self, timeouts: Timeouts) -> Result<Peer, DoorError> {
        match &self.address {
            Address::Port(endpoint) | Address::ServiceUrl(endpoint) => {
                let endpoint = self.with_access(endpoint.clone());
                Ok(Peer::Rmi(Box::new(
                    Client::connect(&endpoint, timeouts).await?,
                )))
            }
            Address::Jolokia(url) => {
                let login = self.access.login.as_ref();
                let tls = self.access.tls.as_ref();
                Ok(Peer::Jolokia(
                    Jolokia::open(url, login, tls, timeouts).await?,
                ))
            }
            // The connector of a JVM that was started without a password knows none.
            Address::Local(pattern) => {
                let endpoint = pattern.endpoint(timeouts).await?;
                Ok(Peer::Rmi(Box::new(
                    Client::connect(&endpoint, timeouts).await?,
                )))
            }
        }
    }

    fn with_access(&self, mut endpoint: Endpoint) -> Endpoint {
        endpoint.rmi_port = self.access.rmi_port;
        endpoint.tls = self.access.tls.as_ref().map(|tls| jmx_rmi::Tls {
            config: Arc::clone(&tls.client),
            server_name: tls.server_name.clone(),
            registry: self.access.registry_tls,
        });
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
    Rmi(Box<Client>),
    /// JSON over HTTP.
    Jolokia(Jolokia),
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
                let names = client.query_names_all(patterns).await?;
                Ok(names.into_iter().flatten().collect())
            }
            Self::Jolokia(jolokia) => Ok(jolokia.query_names(patterns).await?),
        }
    }

    /// Reads beans. `places` has one for each of them, where its result is put; one that stays empty was not read.
    ///
    /// # Cancel safety
    /// What is in its place when the call fails or is cancelled is whole. The peer itself is to be dropped.
    pub(crate) async fn read(
        &mut self,
        reads: &[Read],
        places: &mut [Option<Reading>],
    ) -> Result<(), DoorError> {
        match self {
            Self::Rmi(client) => {
                let put = |index: usize, reading| {
                    if let Some(place) = places.get_mut(index) {
                        *place = Some(reading);
                    }
                };
                Ok(client.read_each(reads, put).await?)
            }
            Self::Jolokia(jolokia) => Ok(jolokia.read(reads, places).await?),
        }
    }

    /// What beans say of their attributes: one result each, in order.
    ///
    /// Not cancel safe: drop a peer whose call was cancelled.
    pub(crate) async fn describe(
        &mut self,
        names: &[ObjectName],
    ) -> Result<Vec<Result<Vec<AttributeInfo>, RemoteException>>, DoorError> {
        match self {
            Self::Rmi(client) => {
                let infos = client.mbean_infos(names).await?.into_iter();
                Ok(infos.map(|info| info.map(|info| info.attributes)).collect())
            }
            Self::Jolokia(jolokia) => Ok(jolokia.describe(names).await?),
        }
    }

    /// What the session has cost so far, its opening included.
    pub(crate) fn traffic(&self) -> Traffic {
        match self {
            Self::Rmi(client) => {
                let stats = client.stats();
                Traffic {
                    sent: stats.bytes_sent,
                    received: stats.bytes_received,
                    round_trips: stats.round_trips,
                }
            }
            Self::Jolokia(jolokia) => jolokia.traffic(),
        }
    }

    /// Whether the next call has a chance.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Rmi(client) => !client.is_poisoned(),
            // No request leaves anything behind.
            Self::Jolokia(_) => true,
        }
    }

    /// Ends the session, where the JVM keeps one.
    pub(crate) async fn close(self) -> Result<(), DoorError> {
        match self {
            Self::Rmi(client) => Ok(client.close().await?),
            Self::Jolokia(_) => Ok(()),
        }
    }
}
