//! Constants of the Java Object Serialization Specification, section 6.4.2, and of the RMI wire protocol, section 10.2.

pub(crate) const STREAM_HEADER: [u8; 4] = [0xac, 0xed, 0x00, 0x05];

pub(crate) const TC_NULL: u8 = 0x70;
pub(crate) const TC_REFERENCE: u8 = 0x71;
pub(crate) const TC_CLASSDESC: u8 = 0x72;
pub(crate) const TC_OBJECT: u8 = 0x73;
pub(crate) const TC_STRING: u8 = 0x74;
pub(crate) const TC_ARRAY: u8 = 0x75;
pub(crate) const TC_CLASS: u8 = 0x76;
pub(crate) const TC_BLOCKDATA: u8 = 0x77;
pub(crate) const TC_ENDBLOCKDATA: u8 = 0x78;
pub(crate) const TC_RESET: u8 = 0x79;
pub(crate) const TC_BLOCKDATALONG: u8 = 0x7a;
pub(crate) const TC_EXCEPTION: u8 = 0x7b;
pub(crate) const TC_LONGSTRING: u8 = 0x7c;
pub(crate) const TC_PROXYCLASSDESC: u8 = 0x7d;
pub(crate) const TC_ENUM: u8 = 0x7e;

/// The number of the first object in a stream.
pub(crate) const BASE_HANDLE: u32 = 0x7e_0000;

pub(crate) const SC_WRITE_METHOD: u8 = 0x01;
pub(crate) const SC_SERIALIZABLE: u8 = 0x02;
pub(crate) const SC_EXTERNALIZABLE: u8 = 0x04;
pub(crate) const SC_BLOCK_DATA: u8 = 0x08;

/// RMI transport: a call, a return, the acknowledgement of a return that carried remote references.
pub(crate) const CALL: u8 = 0x50;
pub(crate) const RETURN: u8 = 0x51;
pub(crate) const DGC_ACK: u8 = 0x54;
