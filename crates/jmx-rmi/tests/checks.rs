//! The small form of the fuzz targets: what must hold for any bytes, tried with the recorded replies, and with a
//! few thousand damaged ones, always the same.

use std::fs;
use std::path::{Path, PathBuf};

/// Shared with the fuzz targets.
#[path = "../fuzz/checks.rs"]
#[allow(unreachable_pub, reason = "public for the fuzz targets")]
mod checks;

use checks::Random;

/// Damaged inputs per check: some seconds without optimisation.
const DAMAGED: usize = 3000;
/// Longer inputs take time and add nothing: the damage would be in the same text over and over.
const LENGTH: usize = 16 << 10;
/// The header of a return, in front of the object stream.
const RETURN_HEADER: usize = 22;

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

fn replies() -> Vec<Vec<u8>> {
    let files = files("tests/data", "bin");
    assert!(files.len() > 60, "the captures are gone");
    files
        .iter()
        .map(|file| fs::read(file).expect("a listed file is there"))
        .filter(|bytes| bytes.len() < LENGTH)
        .collect()
}

fn streams() -> Vec<Vec<u8>> {
    let streams = replies().into_iter();
    streams
        .filter_map(|reply| reply.get(RETURN_HEADER..).map(<[u8]>::to_vec))
        .collect()
}

/// The first two columns of the tables that the JDK wrote, as pairs.
fn names() -> Vec<Vec<u8>> {
    let mut pairs = Vec::new();
    for file in files("tests/data", "tsv") {
        let table = fs::read_to_string(file).expect("a listed file is there");
        for line in table.lines() {
            let mut columns = line.split('\t').map(str::as_bytes);
            let mut column = || columns.next().unwrap_or_default();
            pairs.push([column(), b"\xff", column()].concat());
        }
    }
    assert!(pairs.len() > 500, "the tables are gone");
    pairs
}

/// One of the inputs with something changed, taken away, doubled, or from another input.
fn damaged(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = bytes.len().min(at + 1 + random.below(16));
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

fn check(inputs: &[Vec<u8>], holds: fn(&[u8])) {
    let mut random = Random(7);
    inputs.iter().for_each(|input| holds(input));
    for _ in 0..DAMAGED {
        holds(&damaged(inputs, &mut random));
    }
}

#[test]
fn decode() {
    check(&streams(), checks::decode);
}

#[test]
fn reply() {
    let mut replies = replies();
    replies.push(b"\x4e\x00\x09127.0.0.1\x00\x00\xd4\x31".to_vec());
    check(&replies, checks::reply);
}

#[test]
fn chunks() {
    let mut random = Random(11);
    let cut = |stream: Vec<u8>| [&random.next().to_le_bytes(), stream.as_slice()].concat();
    let inputs: Vec<Vec<u8>> = streams().into_iter().map(cut).collect();
    check(&inputs, checks::chunks);
}

#[test]
fn object_name() {
    check(&names(), checks::object_name);
}
