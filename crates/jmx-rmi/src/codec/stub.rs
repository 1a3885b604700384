//! Remote references: RMI specification, section 10, and `sun.rmi.transport.LiveRef` as every JVM writes it.

use super::decoder::{Decoded, Decoder, Input, Stop};
use super::graph::{Content, Graph, Item, ObjectNode};
use super::map::shape;
use super::tags::STREAM_HEADER;
use super::{DecodeError, Limits, mutf8};

/// `java.rmi.server.ObjID`: which object on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjId {
    /// `objNum`; small numbers are the well-known objects.
    pub number: i64,
    /// `UID.unique` of the address space: which JVM of the host.
    pub unique: i32,
    /// `UID.time`: when that JVM started, milliseconds since the epoch.
    pub time: i64,
    /// `UID.count`.
    pub count: i16,
}

impl ObjId {
    /// `ObjID.REGISTRY_ID`.
    pub(crate) const REGISTRY: Self = Self::well_known(0);
    /// `ObjID.DGC_ID`.
    pub(crate) const DGC: Self = Self::well_known(2);

    const fn well_known(number: i64) -> Self {
        Self {
            number,
            unique: 0,
            time: 0,
            count: 0,
        }
    }

    /// `ObjID.write`: 22 bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.number.to_be_bytes());
        out.extend(self.unique.to_be_bytes());
        out.extend(self.time.to_be_bytes());
        out.extend(self.count.to_be_bytes());
    }

    fn decode(input: &mut Input<'_>) -> Result<Self, Stop> {
        Ok(Self {
            number: input.i64()?,
            unique: input.i32()?,
            time: input.i64()?,
            count: input.u16()? as i16,
        })
    }
}

/// Where a remote object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// As the JVM believes it is called.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Which object there.
    pub id: ObjId,
    /// Class of the socket factory which clients must use; none for plain TCP.
    pub socket_factory: Option<String>,
}

/// Class which writes the reference; stubs and the handlers of proxies derive from it.
const REMOTE_OBJECT: &str = "java.rmi.server.RemoteObject";
/// `TCPEndpoint.FORMAT_HOST_PORT_FACTORY`.
const WITH_FACTORY: u8 = 1;

/// Reads the reference out of a stub: an `…Impl_Stub` object, or a dynamic proxy with a handler.
pub fn remote_ref(reply: &Decoded) -> Result<RemoteRef, DecodeError> {
    let graph = &reply.graph;
    let wrong = || shape(graph, reply.root, "a remote stub");
    let stub = graph.object(reply.root).ok_or_else(wrong)?;
    let own = graph.annotation(stub, REMOTE_OBJECT);
    let written = own.or_else(|| {
        let handler: &ObjectNode = graph.object(graph.field(stub, "h")?)?;
        graph.annotation(handler, REMOTE_OBJECT)
    });
    parse(graph, written.ok_or_else(wrong)?).map_err(|stop| match stop {
        Stop::More => wrong(),
        Stop::Bad(error) => error,
    })
}

/// Reads the reference out of a stub which `ObjectOutputStream` wrote on its own: what a service URL holds in base64.
pub(crate) fn serialized(bytes: &[u8], limits: Limits) -> Result<RemoteRef, DecodeError> {
    let cut_off = || DecodeError::Shape {
        found: format!("{} bytes", bytes.len()),
        expected: "one whole object stream",
    };
    let mut rest = bytes.strip_prefix(&STREAM_HEADER).ok_or_else(cut_off)?;
    match Decoder::new(limits).decode(&mut rest)? {
        Some(stub) if rest.is_empty() => remote_ref(&stub),
        _ => Err(cut_off()),
    }
}

/// `RemoteObject.writeObject`: the name of the reference's class, then what `LiveRef.write` writes. A socket factory is
/// an object in the middle of it.
fn parse(graph: &Graph, written: &[Content]) -> Result<RemoteRef, Stop> {
    let (first, factory, rest) = match written {
        [Content::Block(block)] => (block, None, None),
        [
            Content::Block(block),
            Content::Item(factory),
            Content::Block(rest),
        ] => (block, Some(*factory), Some(rest)),
        _ => return Err(Stop::More),
    };
    let mut input = Input::new(first);
    let kind = mutf8::decode(input.utf()?)?;
    let with_factory = match &*kind {
        "UnicastRef" => false,
        "UnicastRef2" => input.u8()? == WITH_FACTORY,
        _ => {
            return Err(DecodeError::Shape {
                found: kind.to_string(),
                expected: "UnicastRef or UnicastRef2",
            }
            .into());
        }
    };
    let host = mutf8::decode(input.utf()?)?.to_string();
    let port = input.i32()?;
    let port = u16::try_from(port).map_err(|_| DecodeError::Length(i64::from(port)))?;
    if let Some(rest) = rest {
        input = Input::new(rest);
    }
    let id = ObjId::decode(&mut input)?;
    let factory = factory.filter(|item| with_factory && *item != Item::Null);
    Ok(RemoteRef {
        host,
        port,
        id,
        socket_factory: factory.map(|item| graph.describe(item).to_string()),
    })
}

/// The lease a server granted, in milliseconds (`java.rmi.dgc.Lease`).
pub fn granted_lease(reply: &Decoded) -> Result<i64, DecodeError> {
    let graph = &reply.graph;
    match graph
        .object(reply.root)
        .and_then(|lease| graph.field(lease, "value"))
    {
        Some(Item::Long(millis)) => Ok(millis),
        _ => Err(shape(graph, reply.root, "a Lease")),
    }
}
