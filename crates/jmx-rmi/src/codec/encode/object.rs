//! Arguments as objects. Every class descriptor is written in full where it is used first; handles are counted by hand
//! where one is used twice, which is in two places.

use super::Vmid;
use crate::ObjectName;
use crate::codec::mutf8;
use crate::codec::stub::ObjId;
use crate::codec::tags::*;

/// Length which `TC_STRING` can hold.
const SHORT: usize = u16::MAX as usize;

/// `java.rmi.server.UID`: as a field's type and as a class.
const UID_CLASS: &str = "java.rmi.server.UID";
const UID_TYPE: &str = "Ljava/rmi/server/UID;";
const UID_VERSION: i64 = 1_086_053_664_494_604_050;

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    let mut bytes = Vec::with_capacity(text.len());
    mutf8::encode(text, &mut bytes);
    if bytes.len() > SHORT {
        out.push(TC_LONGSTRING);
        out.extend((bytes.len() as u64).to_be_bytes());
    } else {
        out.push(TC_STRING);
        out.extend((bytes.len() as u16).to_be_bytes());
    }
    out.extend(bytes);
}

/// The names of classes and fields: short and ASCII, all of them are in this file.
fn utf(out: &mut Vec<u8>, name: &str) {
    out.extend((name.len() as u16).to_be_bytes());
    out.extend(name.as_bytes());
}

/// A class descriptor without its fields' types, annotated with no code base as RMI wants it (`MarshalOutputStream`),
/// and without super class.
fn class(out: &mut Vec<u8>, name: &str, version: i64, flags: u8, fields: &[(u8, &str, &str)]) {
    out.push(TC_CLASSDESC);
    utf(out, name);
    out.extend(version.to_be_bytes());
    out.push(flags);
    out.extend((fields.len() as u16).to_be_bytes());
    for (code, name, kind) in fields {
        out.push(*code);
        utf(out, name);
        if !kind.is_empty() {
            string(out, kind);
        }
    }
    out.extend([TC_NULL, TC_ENDBLOCKDATA, TC_NULL]);
}

pub(super) fn string_array<'a>(out: &mut Vec<u8>, texts: impl ExactSizeIterator<Item = &'a str>) {
    out.push(TC_ARRAY);
    class(
        out,
        "[Ljava.lang.String;",
        -5_921_575_005_990_323_385,
        SC_SERIALIZABLE,
        &[],
    );
    out.extend((texts.len() as u32).to_be_bytes());
    for text in texts {
        string(out, text);
    }
}

/// `ObjectName.writeObject`: no field, one string.
pub(super) fn object_name(out: &mut Vec<u8>, name: &ObjectName) {
    out.push(TC_OBJECT);
    let flags = SC_SERIALIZABLE | SC_WRITE_METHOD;
    class(
        out,
        "javax.management.ObjectName",
        1_081_892_073_854_801_359,
        flags,
        &[],
    );
    string(out, name.as_str());
    out.push(TC_ENDBLOCKDATA);
}

/// `ObjID[]` with one element.
pub(super) fn object_ids(out: &mut Vec<u8>, id: &ObjId) {
    out.push(TC_ARRAY);
    class(
        out,
        "[Ljava.rmi.server.ObjID;",
        -8_713_620_060_265_225_090,
        SC_SERIALIZABLE,
        &[],
    );
    out.extend(1_i32.to_be_bytes());
    out.push(TC_OBJECT);
    let fields = [(b'J', "objNum", ""), (b'L', "space", UID_TYPE)];
    class(
        out,
        "java.rmi.server.ObjID",
        -6_386_392_263_968_365_220,
        SC_SERIALIZABLE,
        &fields,
    );
    out.extend(id.number.to_be_bytes());
    out.push(TC_OBJECT);
    uid_class(out);
    uid_fields(out, id.unique, id.time, id.count);
}

fn uid_class(out: &mut Vec<u8>) {
    class(
        out,
        UID_CLASS,
        UID_VERSION,
        SC_SERIALIZABLE,
        &[
            (b'S', "count", ""),
            (b'J', "time", ""),
            (b'I', "unique", ""),
        ],
    );
}

/// Fields are written sorted by name.
fn uid_fields(out: &mut Vec<u8>, unique: i32, time: i64, count: i16) {
    out.extend(count.to_be_bytes());
    out.extend(time.to_be_bytes());
    out.extend(unique.to_be_bytes());
}

/// Handle of the class `UID` in the arguments of `dirty`: array class, array, class `ObjID`, type string, object, and
/// it.
const UID_HANDLE: u32 = BASE_HANDLE + 5;
/// Handle of the type string of `space`, which the field `uid` of `VMID` has as well.
const UID_TYPE_HANDLE: u32 = BASE_HANDLE + 3;

/// `java.rmi.dgc.Lease`, behind [`object_ids`] in the same stream.
pub(super) fn lease(out: &mut Vec<u8>, millis: i64, holder: &Vmid) {
    out.push(TC_OBJECT);
    let fields = [(b'J', "value", ""), (b'L', "vmid", "Ljava/rmi/dgc/VMID;")];
    class(
        out,
        "java.rmi.dgc.Lease",
        -5_713_411_624_328_831_948,
        SC_SERIALIZABLE,
        &fields,
    );
    out.extend(millis.to_be_bytes());
    out.push(TC_OBJECT);
    vmid_class(out);
    out.push(TC_ARRAY);
    class(out, "[B", -5_984_413_125_824_719_648, SC_SERIALIZABLE, &[]);
    out.extend((holder.address.len() as u32).to_be_bytes());
    out.extend(holder.address);
    out.push(TC_OBJECT);
    reference(out, UID_HANDLE);
    uid_fields(out, holder.unique, holder.time, holder.count);
}

/// Written apart from [`class`] because the type of its second field is a reference.
fn vmid_class(out: &mut Vec<u8>) {
    out.push(TC_CLASSDESC);
    utf(out, "java.rmi.dgc.VMID");
    out.extend((-538_642_295_484_486_218_i64).to_be_bytes());
    out.push(SC_SERIALIZABLE);
    out.extend(2_u16.to_be_bytes());
    out.push(b'[');
    utf(out, "addr");
    string(out, "[B");
    out.push(b'L');
    utf(out, "uid");
    reference(out, UID_TYPE_HANDLE);
    out.extend([TC_NULL, TC_ENDBLOCKDATA, TC_NULL]);
}

fn reference(out: &mut Vec<u8>, handle: u32) {
    out.push(TC_REFERENCE);
    out.extend(handle.to_be_bytes());
}
