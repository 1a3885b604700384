//! Opening a session: registry, server object, connection object, lease (JSR 160, `RMIServer`; RMI specification,
//! section 9).

use super::call::Call;
use super::connection::{Calls, Connection, address};
use super::endpoint::Place;
use super::lease::{Holder, Lease};
use super::{AdvertisedHost, Endpoint, Error, Kind, Timeouts};
use crate::codec::stub::{ObjId, RemoteRef, remote_ref};
use crate::codec::{Decoded, Limits, encode};

const ACKNOWLEDGING: &str = "acknowledging a reference";

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) id: ObjId,
    pub(super) lease: Lease,
    host: String,
    port: u16,
    limits: Limits,
    timeouts: Timeouts,
}

impl Session {
    /// Makes calls. Where the server ended the connection by a reply it could not write, the rest of them goes over a
    /// new connection: the session is not bound to one.
    pub(super) async fn make<C: Calls>(&mut self, calls: &mut C) -> Result<(), Error> {
        let mut next = 0;
        while next < calls.count() {
            if self.connection.has_ended() {
                let limits = self.limits.clone();
                self.connection =
                    Connection::open(&self.host, self.port, limits, self.timeouts.connect).await?;
            }
            next = self
                .connection
                .exchange(calls, next, self.timeouts.call)
                .await?;
        }
        Ok(())
    }
}

/// Opens a session.
pub(super) async fn open(
    endpoint: &Endpoint,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<Session, Error> {
    let server = match &endpoint.place {
        Place::Registry { host, port, name } => {
            look_up(host, *port, name, timeouts, limits).await?
        }
        Place::Stub { server, .. } => followable(server.clone(), &endpoint.to_string())?,
    };
    let port = endpoint.rmi_port.unwrap_or(server.port);
    let mut failure = None;
    for host in hosts(endpoint, &server.host) {
        match log_in(endpoint, host, port, &server.id, timeouts, limits).await {
            Ok(session) => return Ok(session),
            // Of several failures the first is told: that of the host which is meant to work.
            Err(error) if is_wrong_host(&error) => failure = failure.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| {
        Kind::Cancelled {
            address: address(endpoint.host(), port),
        }
        .into()
    }))
}

/// Whether another host may do better: nobody there, somebody else there, or another JVM there.
fn is_wrong_host(error: &Error) -> bool {
    error.is_connect()
        || error.is_timeout()
        || error.is_protocol()
        || error.is_closed()
        || error.is_no_such_object()
}

/// The hosts to try, in order.
fn hosts<'a>(endpoint: &'a Endpoint, advertised: &'a str) -> impl Iterator<Item = &'a str> {
    let configured = endpoint.host();
    let (first, second) = match endpoint.advertised_host {
        AdvertisedHost::Fallback => (configured, Some(advertised)),
        AdvertisedHost::First => (advertised, Some(configured)),
        AdvertisedHost::Never => (configured, None),
    };
    [Some(first), second.filter(|second| *second != first)]
        .into_iter()
        .flatten()
        .filter(|host| !host.is_empty())
}

/// Asks the registry for the server object.
async fn look_up(
    host: &str,
    port: u16,
    name: &str,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<RemoteRef, Error> {
    let mut registry = Connection::open(host, port, limits.clone(), timeouts.connect).await?;
    let mut request = Vec::new();
    encode::lookup(&mut request, name);
    let (id, value) = Call::new("asking the registry", request)
        .on(&mut registry, timeouts.call)
        .await?;
    let server = reference(&registry, &value)?;
    // The agent itself keeps the server object alive: acknowledged, never leased.
    let mut ack = Vec::new();
    encode::dgc_ack(&mut ack, &id);
    registry.send(&ack, ACKNOWLEDGING, timeouts.call).await?;
    Ok(server)
}

/// Opens a connection to the server object's host, gets a connection object of our own there and leases it.
async fn log_in(
    endpoint: &Endpoint,
    host: &str,
    port: u16,
    server: &ObjId,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<Session, Error> {
    let mut connection = Connection::open(host, port, limits.clone(), timeouts.connect).await?;
    let credentials = endpoint
        .credentials
        .as_ref()
        .map(|own| (own.user.as_str(), own.password.as_str()));
    let mut request = Vec::new();
    encode::new_client(&mut request, server, credentials);
    let (id, value) = Call::new("opening a session", request)
        .on(&mut connection, timeouts.call)
        .await?;
    let own = reference(&connection, &value)?;
    let mut holder = Holder::new(own.id, timeouts, limits.clone());
    let granted = holder.renew(&mut connection).await?;
    // Until now the server kept the object for the sake of this return; from now on for the lease.
    let mut ack = Vec::new();
    encode::dgc_ack(&mut ack, &id);
    connection.send(&ack, ACKNOWLEDGING, timeouts.call).await?;
    let (host, limits) = (host.to_owned(), limits.clone());
    let lease = Lease::keep(holder, host.clone(), port, granted);
    Ok(Session {
        connection,
        id: own.id,
        lease,
        host,
        port,
        limits,
        timeouts,
    })
}

/// The remote reference in a reply, if this client can follow it.
fn reference(connection: &Connection, value: &Decoded) -> Result<RemoteRef, Error> {
    let address = connection.address();
    let found = remote_ref(value).map_err(|source| Kind::Protocol {
        address: address.to_owned(),
        bean: None,
        source,
    })?;
    followable(found, address)
}

fn followable(found: RemoteRef, address: &str) -> Result<RemoteRef, Error> {
    match &found.socket_factory {
        None => Ok(found),
        Some(factory) => Err(Kind::Tls {
            address: address.to_owned(),
            why: format!("its stub has the socket factory {factory}"),
        }
        .into()),
    }
}
