//! `hsperfdata`: a file in which a HotSpot JVM shows its counters (`perfMemory.hpp`, `PerfDataBuffer` of jdk.jcmd).
//!
//! Header: magic `CAFEC0C0`, byte order, major and minor version, whether it is ready; used bytes, overflow, time stamp,
//! offset of the first entry, number of entries. Entry: its length, offset of the name, length of the vector, type,
//! flags, unit, variability, offset of the data. The file is written while it is read, or by anybody: every number in
//! it is a claim.

use std::collections::HashMap;

const MAGIC: [u8; 4] = [0xca, 0xfe, 0xc0, 0xc0];
/// Of the layout above; the first one (JDK 1.4.1) was another.
const MAJOR: u8 = 2;
const HEADER: usize = 32;
const ENTRY: usize = 20;
/// Entries of a real JVM: 250–500.
const MOST_ENTRIES: u32 = 10_000;
/// A file of a JVM is 32 KiB; `-XX:PerfDataMemorySize` may make it longer.
pub(crate) const LIMIT: u64 = 1 << 20;

/// Names and values of its texts; numbers are left out.
pub(crate) fn texts(data: &[u8]) -> HashMap<String, String> {
    let mut all = HashMap::new();
    let Some((order, mut at, entries)) = header(data) else {
        return all;
    };
    for _ in 0..entries.min(MOST_ENTRIES) {
        let Some(length) = order
            .number(data, at)
            .filter(|&length| length as usize >= ENTRY)
        else {
            break;
        };
        if let Some((name, value)) = entry(data, order, at) {
            all.insert(name, value);
        }
        let Some(next) = at.checked_add(length as usize) else {
            break;
        };
        at = next;
    }
    all
}

/// Byte order, offset of the first entry, number of entries.
fn header(data: &[u8]) -> Option<(Order, usize, u32)> {
    if data.len() < HEADER || !data.starts_with(&MAGIC) || data.get(5) != Some(&MAJOR) {
        return None;
    }
    let order = match data.get(4)? {
        0 => Order::Big,
        _ => Order::Little,
    };
    Some((
        order,
        order.number(data, 24)? as usize,
        order.number(data, 28)?,
    ))
}

/// Name and value, if it is a text.
fn entry(data: &[u8], order: Order, at: usize) -> Option<(String, String)> {
    let own = data.get(at..)?;
    let name = order.number(own, 4)? as usize;
    let length = order.number(own, 8)? as usize;
    if length == 0 || own.get(12) != Some(&b'B') {
        return None;
    }
    let value = order.number(own, 16)? as usize;
    Some((
        text(own.get(name..)?),
        text(own.get(value..value.checked_add(length)?)?),
    ))
}

/// Up to the zero byte that ends it.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn number(self, data: &[u8], at: usize) -> Option<u32> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file with these texts and a number.
    fn file(texts: &[(&str, &str)]) -> Vec<u8> {
        let mut data = MAGIC.to_vec();
        data.extend([1, MAJOR, 0, 1]);
        data.extend([0; 16]);
        data.extend((HEADER as u32).to_le_bytes());
        data.extend((texts.len() as u32 + 1).to_le_bytes());
        let number = ("sun.number", "12345678", b'J', 0);
        let all = texts.iter().map(|&(n, v)| (n, v, b'B', v.len() as u32 + 1));
        for (name, value, kind, length) in std::iter::once(number).chain(all) {
            let name_end = ENTRY + name.len() + 1;
            let size = name_end + value.len() + 1;
            for number in [size as u32, ENTRY as u32, length] {
                data.extend(number.to_le_bytes());
            }
            data.extend([kind, 0, 0, 0]);
            data.extend((name_end as u32).to_le_bytes());
            data.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        data
    }

    #[test]
    fn texts_are_read_and_numbers_left_out() {
        let found = texts(&file(&[("sun.rt.javaCommand", "kafka.Kafka a"), ("x", "")]));
        assert_eq!(found.len(), 2);
        assert_eq!(found["sun.rt.javaCommand"], "kafka.Kafka a");
    }

    proptest! {
        #[test]
        fn torn_and_spoilt_files_do_no_harm(
            end in 0usize..200, at in 0usize..200, byte in any::<u8>()
        ) {
            let mut data = file(&[("sun.rt.javaCommand", "kafka.Kafka"), ("java.version", "25")]);
            if let Some(place) = data.get_mut(at) {
                *place = byte;
            }
            data.truncate(end);
            texts(&data);
        }
    }
}
