//! Opening a session: registry, server object, connection object, lease (JSR 160, `RMIServer`; RMI specification,
//! section 9).

use std::io;

use super::call::Call;
use super::connection::{Connection, Route, tls_error, wanted};
use super::endpoint::Place;
use super::lanes::Lanes;
use super::lease::{Holder, Lease, Opened};
use super::tls_problem::TlsProblem;
use super::{AdvertisedHost, Endpoint, Error, Kind, Stats, Timeouts};
use crate::codec::stub::{ObjId, RemoteRef, remote_ref};
use crate::codec::{Decoded, Limits, encode};

/// The socket factory in the stub of a JVM with `com.sun.management.jmxremote.ssl=true`.
const TLS_FACTORY: &str = "javax.rmi.ssl.SslRMIClientSocketFactory";

const ACKNOWLEDGING: &str = "acknowledging a reference";

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) lanes: Lanes,
    pub(super) id: ObjId,
    pub(super) lease: Lease,
}

/// Opens a session.
pub(super) async fn open(
    endpoint: &Endpoint,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<Session, Error> {
    let (server, earlier) = match &endpoint.place {
        Place::Registry { name, .. } => look_up(endpoint, name, timeouts, limits).await?,
        Place::Stub { server, .. } => (server.clone(), Stats::default()),
    };
    follow(endpoint, &server)?;
    let mut route = Route {
        host: String::new(),
        port: endpoint.rmi_port.unwrap_or(server.port),
        tls: endpoint.tls(),
        limits: limits.clone(),
        within: timeouts.connect,
    };
    let mut failure = None;
    for host in hosts(endpoint, &server.host) {
        host.clone_into(&mut route.host);
        match log_in(endpoint, &route, &server.id, timeouts, earlier).await {
            Ok(session) => return Ok(session),
            // Of several failures the first is told: that of the host which is meant to work.
            Err(error) if is_wrong_host(&error) => failure = failure.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| {
        let address = endpoint.to_string();
        let what = "neither the configuration nor the JVM names a host";
        let source = io::Error::new(io::ErrorKind::InvalidInput, what);
        Kind::Connect { address, source }.into()
    }))
}

/// Whether this client can go where a stub of the server points to, and may.
fn follow(endpoint: &Endpoint, server: &RemoteRef) -> Result<(), Error> {
    let problem = match (server.socket_factory.as_deref(), endpoint.tls()) {
        (None, None) | (Some(TLS_FACTORY), Some(_)) => return Ok(()),
        (None, Some(_)) => TlsProblem::NotOffered,
        (Some(TLS_FACTORY), None) => wanted(),
        (Some(_), _) => TlsProblem::Factory,
    };
    Err(tls_error(&endpoint.to_string(), problem, None))
}

/// Whether another host may do better: nobody there, somebody else there, or another JVM there.
fn is_wrong_host(error: &Error) -> bool {
    error.is_connect()
        || error.is_timeout()
        || error.is_protocol()
        || error.is_closed()
        || error.is_no_such_object()
}

/// The hosts to try, in order. Credentials go to the configured host alone unless somebody asked for the other: the
/// answer of a registry is no reason to trust whom it names.
fn hosts<'a>(endpoint: &'a Endpoint, advertised: &'a str) -> impl Iterator<Item = &'a str> {
    let configured = endpoint.host();
    let (first, second) = match endpoint.advertised_host {
        AdvertisedHost::Fallback if endpoint.credentials.is_some() => (configured, None),
        AdvertisedHost::Fallback => (configured, Some(advertised)),
        AdvertisedHost::First => (advertised, Some(configured)),
        AdvertisedHost::Never => (configured, None),
    };
    [Some(first), second.filter(|second| *second != first)]
        .into_iter()
        .flatten()
        .filter(|host| !host.is_empty())
}

/// Asks the registry for the server object. A registry that does not know TLS is asked without, if that is allowed.
/// Also says what that cost.
async fn look_up(
    endpoint: &Endpoint,
    name: &str,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<(RemoteRef, Stats), Error> {
    let mut failure = None;
    for tls in endpoint.registry_tls() {
        let route = Route {
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            tls,
            limits: limits.clone(),
            within: timeouts.connect,
        };
        match Connection::open(&route).await {
            Ok(mut registry) => {
                let server = ask(&mut registry, name, timeouts).await?;
                return Ok((server, registry.stats));
            }
            Err(error) if error.tls_problem() == Some(TlsProblem::NotSpoken) => {
                failure = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| tls_error(&endpoint.to_string(), TlsProblem::NotSpoken, None)))
}

async fn ask(
    registry: &mut Connection,
    name: &str,
    timeouts: Timeouts,
) -> Result<RemoteRef, Error> {
    let mut request = Vec::new();
    encode::lookup(&mut request, name);
    let (id, value) = Call::new("asking the registry", request)
        .on(registry, timeouts.call)
        .await?;
    let server = reference(registry, &value)?;
    // The agent itself keeps the server object alive: acknowledged, never leased.
    let mut ack = Vec::new();
    encode::dgc_ack(&mut ack, &id);
    registry.send(&ack, ACKNOWLEDGING, timeouts.call).await?;
    Ok(server)
}

/// Opens a connection to the server object's host, gets a connection object of our own there and leases it.
async fn log_in(
    endpoint: &Endpoint,
    route: &Route,
    server: &ObjId,
    timeouts: Timeouts,
    earlier: Stats,
) -> Result<Session, Error> {
    let mut connection = Connection::open(route).await?;
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
    let mut holder = Holder::new(own.id, route.clone(), timeouts.call);
    // From here on there is a session to be left, whatever becomes of this attempt.
    let opened = Opened::new(&holder);
    let granted = holder.renew(&mut connection).await?;
    // Until now the server kept the object for the sake of this return; from now on for the lease.
    let mut ack = Vec::new();
    encode::dgc_ack(&mut ack, &id);
    connection.send(&ack, ACKNOWLEDGING, timeouts.call).await?;
    Ok(Session {
        lanes: Lanes::new(endpoint, route.clone(), timeouts.call, connection, earlier),
        id: own.id,
        lease: opened.keep(holder, granted),
    })
}

/// The remote reference in a reply.
fn reference(connection: &Connection, value: &Decoded) -> Result<RemoteRef, Error> {
    remote_ref(value).map_err(|source| {
        let address = connection.address().to_owned();
        Kind::Protocol {
            address,
            bean: None,
            source,
        }
        .into()
    })
}
