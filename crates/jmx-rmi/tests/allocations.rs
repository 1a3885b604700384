//! What decoding allocates, counted by the allocator itself: in proportion to the bytes that came, whatever they claim;
//! and no more than it was for the replies that matter.
//!
//! One test, since the counters are those of the whole process.

use std::alloc::System;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use jmx_rmi::Limits;
use jmx_rmi::codec::reply::{Outcome, Reply, ReplyDecoder, Returns};
use jmx_rmi::codec::{Decoder, map};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes allocated in all, freed ones included, per byte of a stream. The worst are empty strings: three bytes become a
/// node, a handle, an element and a text, all but the last in vectors that double.
const PER_BYTE: usize = 128;
/// The decoder itself, and the vectors it begins with.
const CONSTANT: usize = 8 << 10;

/// Allocations and bytes allocated.
fn cost(work: impl FnOnce()) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    let calls = change.allocations + change.reallocations;
    // A vector that grows is counted as new bytes, as if nothing could be reused.
    (calls, change.bytes_allocated)
}

fn decode(bytes: &[u8], piece: usize) {
    let mut decoder = Decoder::new(Limits::default());
    let (mut taken, mut end) = (0, 0);
    while end < bytes.len() {
        end = bytes.len().min(end + piece);
        let mut rest = &bytes[taken..end];
        if !matches!(black_box(decoder.decode(&mut rest)), Ok(None)) {
            return;
        }
        taken = end - rest.len();
    }
}

fn capture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(folder.join(format!("{name}.bin"))).expect("the capture is there")
}

/// A class descriptor without annotation and super class; its handle is the next one.
fn class(name: &str, flags: u8) -> Vec<u8> {
    let length = (name.len() as u16).to_be_bytes();
    let head = [&[0x72], length.as_slice(), name.as_bytes(), &[0; 8]].concat();
    [head.as_slice(), &[flags, 0, 0, 0x78, 0x70]].concat()
}

/// An array of objects which says that it has a million elements, and has some.
fn array(element: &[u8], count: usize) -> Vec<u8> {
    let head = [&[0x75], class("[Ljava.lang.Object;", 2).as_slice()].concat();
    [
        head,
        1_000_000_i32.to_be_bytes().to_vec(),
        element.repeat(count),
    ]
    .concat()
}

/// Streams that try to cost more than they are: what, and the bytes.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let annotated = [&[0x73], class("A", 3).as_slice()].concat();
    let externalizable = [&[0x73], class("A", 0x0c).as_slice()].concat();
    // Handles: the array's class, the array, then the first element's class.
    let object = [[0x73].as_slice(), &class("A", 3), &[0x78]].concat();
    let same = [0x73, 0x71, 0, 0x7e, 0, 2, 0x78].repeat(10_000);
    vec![
        ("nulls", array(&[0x70], 60_000)),
        ("empty strings", array(&[0x74, 0, 0], 30_000)),
        ("the same handle", array(&[0x71, 0, 0x7e, 0, 1], 30_000)),
        ("classes", array(&class("", 2), 5_000)),
        (
            "class objects",
            array(&[&[0x76], class("", 2).as_slice()].concat(), 5_000),
        ),
        ("annotated objects", array(&object, 5_000)),
        ("objects of one class", [array(&object, 1), same].concat()),
        (
            "empty blocks",
            [annotated, [0x77, 0].repeat(30_000)].concat(),
        ),
        (
            "blocks of protocol 2",
            [externalizable, [0x77, 1, 9].repeat(30_000)].concat(),
        ),
        (
            "proxies",
            array(&[0x73, 0x7d, 0, 0, 0, 0, 0x78, 0x70], 5_000),
        ),
        ("nested arrays", array(&[], 1).repeat(400)),
        ("a claimed array", array(&[], 1)),
        (
            "a claimed string",
            [[0x7c, 0, 0, 0, 0].as_slice(), &4_000_000_i32.to_be_bytes()].concat(),
        ),
        ("claimed interfaces", vec![0x73, 0x7d, 0, 0, 4, 0]),
    ]
}

fn memory_is_in_proportion() {
    for (what, bytes) in hostile() {
        for piece in [bytes.len(), 1] {
            let (_, allocated) = cost(|| decode(&bytes, piece));
            let allowed = CONSTANT + PER_BYTE * bytes.len();
            assert!(
                allocated <= allowed,
                "{what}: {allocated} bytes allocated for {} in pieces of {piece}",
                bytes.len()
            );
        }
    }
}

/// Twice the bytes cost twice as much and not four times; in pieces of one byte they cost what they cost in one piece.
fn work_is_linear() {
    for (element, what) in [
        ([0x70].as_slice(), "nulls"),
        (&[0x74, 0, 1, b'x'], "strings"),
    ] {
        let (once, _) = cost(|| decode(&array(element, 20_000), usize::MAX));
        let (twice, _) = cost(|| decode(&array(element, 40_000), usize::MAX));
        assert!(
            twice <= 2 * once + 16,
            "{what}: {once}, then {twice} allocations"
        );
        let bytes = array(element, 20_000);
        let whole = cost(|| decode(&bytes, usize::MAX));
        assert_eq!(cost(|| decode(&bytes, 1)), whole, "{what} byte by byte");
    }
}

/// From bytes to values, as the client does it.
fn read(name: &str, bytes: &[u8]) {
    let limits = Limits::default();
    let mut rest = bytes;
    let reply = ReplyDecoder::new(Returns::Object, limits.clone()).decode(&mut rest);
    let Ok(Some(Reply {
        outcome: Outcome::Value(value),
        ..
    })) = reply
    else {
        panic!("{name} is not a value");
    };
    let read = match name.starts_with("names") {
        true => black_box(map::names(&value)).is_ok(),
        false => black_box(map::attributes(&value, &limits)).is_ok(),
    };
    assert!(read, "{name} cannot be read");
}

/// Allocations for what a full read of a broker consists of. More than this is a regression; less is worth noting here.
fn replies_cost_what_they_did() {
    for (name, allowed) in ALLOCATIONS {
        let bytes = capture(name);
        let (calls, _) = cost(|| read(name, &bytes));
        assert!(
            calls <= allowed,
            "{name}: {calls} allocations where {allowed} were enough"
        );
    }
}

const ALLOCATIONS: [(&str, usize); 4] = [
    ("attributes-kafka-4.2.0-gauge", 33),
    ("attributes-kafka-4.2.0-meter", 69),
    ("attributes-zookeeper-3.9.4-server", 83),
    ("names-kafka-4.2.0", 244),
];

#[test]
fn what_decoding_allocates() {
    memory_is_in_proportion();
    work_is_linear();
    replies_cost_what_they_did();
}
