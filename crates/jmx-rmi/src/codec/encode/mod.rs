//! What a client sends. All functions append to the caller's buffer.
//!
//! - this file: the call header and the calls
//! - `object`: the objects which are arguments

mod object;

use object::*;

use super::stub::ObjId;
use super::tags::{CALL, DGC_ACK, STREAM_HEADER, TC_BLOCKDATA, TC_NULL};
use crate::ObjectName;
use crate::codec::reply::ReturnId;

/// A call by method hash has no operation number (RMI specification, section 10.2).
const BY_HASH: i32 = -1;

/// `java.rmi.registry.Registry`: the interface hash of its version 1.1 stubs, which is what `LocateRegistry` uses.
const REGISTRY_HASH: i64 = 4_905_912_898_345_647_071;
const REGISTRY_LOOKUP: i32 = 2;
/// `java.rmi.dgc.DGC`: likewise.
const DGC_HASH: i64 = -669_196_253_586_618_813;
const DGC_DIRTY: i32 = 1;

// Method hashes (RMI specification, section 8.3): the first eight bytes of a SHA-1 over name and descriptor. The test
// `hashes_are_those_of_the_signatures` computes them.
/// `RMIServer.newClient(Object)`.
const NEW_CLIENT: i64 = -1_089_742_558_549_201_240;
/// `RMIConnection.queryNames(ObjectName, MarshalledObject, Subject)`.
const QUERY_NAMES: i64 = 9_152_567_528_369_059_802;
/// `RMIConnection.getAttributes(ObjectName, String[], Subject)`.
const GET_ATTRIBUTES: i64 = 6_285_293_806_596_348_999;
/// `RMIConnection.getAttribute(ObjectName, String, Subject)`.
const GET_ATTRIBUTE: i64 = -1_089_783_104_982_388_203;
/// `RMIConnection.getMBeanInfo(ObjectName, Subject)`.
const GET_MBEAN_INFO: i64 = -7_404_813_916_326_233_354;
/// `RMIConnection.getDefaultDomain(Subject)`.
const GET_DEFAULT_DOMAIN: i64 = 6_047_668_923_998_658_472;
/// `RMIConnection.getConnectionId()`.
const GET_CONNECTION_ID: i64 = -67_907_180_346_059_933;
/// `RMIConnection.close()`.
const CLOSE: i64 = -4_742_752_445_160_157_748;

/// The header of a call: message type, stream header, and one block with object, operation and hash.
fn call(out: &mut Vec<u8>, target: &ObjId, operation: i32, hash: i64) {
    out.push(CALL);
    out.extend(STREAM_HEADER);
    let mut block = Vec::with_capacity(34);
    target.encode(&mut block);
    block.extend(operation.to_be_bytes());
    block.extend(hash.to_be_bytes());
    block_data(out, &block);
}

/// `Registry.lookup(name)`.
pub(crate) fn lookup(out: &mut Vec<u8>, name: &str) {
    call(out, &ObjId::REGISTRY, REGISTRY_LOOKUP, REGISTRY_HASH);
    string(out, name);
}

/// `RMIServer.newClient(credentials)`: JSR 160 has a `String[]` of user and password, or null.
pub(crate) fn new_client(out: &mut Vec<u8>, server: &ObjId, credentials: Option<(&str, &str)>) {
    call(out, server, BY_HASH, NEW_CLIENT);
    match credentials {
        Some((user, password)) => string_array(out, [user, password].into_iter()),
        None => out.push(TC_NULL),
    }
}

/// `RMIConnection.queryNames(pattern, no query, no delegation subject)`.
pub(crate) fn query_names(out: &mut Vec<u8>, connection: &ObjId, pattern: Option<&ObjectName>) {
    call(out, connection, BY_HASH, QUERY_NAMES);
    match pattern {
        Some(pattern) => object_name(out, pattern),
        None => out.push(TC_NULL),
    }
    out.extend([TC_NULL, TC_NULL]);
}

/// `RMIConnection.getAttributes(name, attributes, no delegation subject)`.
pub(crate) fn get_attributes(
    out: &mut Vec<u8>,
    connection: &ObjId,
    name: &ObjectName,
    attributes: &[String],
) {
    call(out, connection, BY_HASH, GET_ATTRIBUTES);
    object_name(out, name);
    string_array(out, attributes.iter().map(String::as_str));
    out.push(TC_NULL);
}

/// `RMIConnection.getAttribute(name, attribute, no delegation subject)`.
pub(crate) fn get_attribute(
    out: &mut Vec<u8>,
    connection: &ObjId,
    name: &ObjectName,
    attribute: &str,
) {
    call(out, connection, BY_HASH, GET_ATTRIBUTE);
    object_name(out, name);
    string(out, attribute);
    out.push(TC_NULL);
}

/// `RMIConnection.getMBeanInfo(name, no delegation subject)`.
pub(crate) fn get_mbean_info(out: &mut Vec<u8>, connection: &ObjId, name: &ObjectName) {
    call(out, connection, BY_HASH, GET_MBEAN_INFO);
    object_name(out, name);
    out.push(TC_NULL);
}

/// `RMIConnection.getDefaultDomain(no delegation subject)`.
pub(crate) fn get_default_domain(out: &mut Vec<u8>, connection: &ObjId) {
    call(out, connection, BY_HASH, GET_DEFAULT_DOMAIN);
    out.push(TC_NULL);
}

/// `RMIConnection.getConnectionId()`.
pub(crate) fn get_connection_id(out: &mut Vec<u8>, connection: &ObjId) {
    call(out, connection, BY_HASH, GET_CONNECTION_ID);
}

/// `RMIConnection.close()`.
pub(crate) fn close(out: &mut Vec<u8>, connection: &ObjId) {
    call(out, connection, BY_HASH, CLOSE);
}

/// Who holds a lease (`java.rmi.dgc.VMID`). It must be unique, and the same in every renewal: with another one the
/// server would keep a second lease for the same client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vmid {
    pub(crate) address: [u8; 8],
    pub(crate) unique: i32,
    pub(crate) time: i64,
    pub(crate) count: i16,
}

/// `DGC.dirty(ids, sequence number, lease)`: takes or renews the lease on an exported object (RMI specification,
/// section 9).
pub(crate) fn dirty(out: &mut Vec<u8>, object: &ObjId, sequence: i64, millis: i64, holder: &Vmid) {
    call(out, &ObjId::DGC, DGC_DIRTY, DGC_HASH);
    object_ids(out, object);
    block_data(out, &sequence.to_be_bytes());
    lease(out, millis, holder);
}

/// `DgcAck` (RMI specification, section 10.2): the references in a return have been taken over. It has no answer.
pub(crate) fn dgc_ack(out: &mut Vec<u8>, id: &ReturnId) {
    out.push(DGC_ACK);
    out.extend(id);
}

/// Block data of up to 255 bytes, which is more than any call here needs.
fn block_data(out: &mut Vec<u8>, block: &[u8]) {
    out.push(TC_BLOCKDATA);
    out.push(block.len() as u8);
    out.extend(block);
}

#[cfg(test)]
mod tests;
