//! What decoding costs: recorded replies, from bytes to values.
//!
//! - `cargo bench -p jmx-rmi --bench codec`: time per reply and megabytes per second, the best of some rounds
//! - `make instructions`: the same work counted in instructions, which do not depend on what else the machine does:
//!   `codec KIND TIMES` decodes one kind so many times and prints nothing

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use jmx_rmi::Limits;
use jmx_rmi::codec::map;
use jmx_rmi::codec::reply::{Outcome, ReplyDecoder, Returns};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Kinds of replies and the captures of each: what a full read of a broker consists of, and what is costlier.
const KINDS: [(&str, &[&str]); 6] = [
    ("gauge", &["attributes-kafka-4.2.0-gauge"]),
    ("meter", &["attributes-kafka-4.2.0-meter"]),
    ("histogram", &["attributes-kafka-4.2.0-histogram"]),
    (
        "composite",
        &[
            "attributes-jdk25-memory",
            "attributes-jdk25-garbage-collector",
        ],
    ),
    ("names", &["names-kafka-4.2.0"]),
    ("info", &["info-kafka-4.2.0-meter", "info-jdk25-zoo-mxbean"]),
];

/// Rounds of which the best counts, and how long one should take at least.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(200);

/// One capture: what it is, and its bytes.
type Capture = (&'static str, Vec<u8>);

fn captures(kind: &str) -> Result<Vec<Capture>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let names = KINDS.iter().find(|(name, _)| *name == kind);
    let (_, names) = names.ok_or_else(|| format!("there is no kind {kind}"))?;
    let read = |name: &&'static str| Ok((*name, fs::read(folder.join(format!("{name}.bin")))?));
    names.iter().map(read).collect()
}

/// From bytes to values, as the client does it for each reply.
fn decode((name, bytes): &Capture, limits: &Limits) -> Result<()> {
    let mut decoder = ReplyDecoder::new(Returns::Object, limits.clone());
    let reply = decoder.decode(&mut bytes.as_slice())?;
    let Some(Outcome::Value(value)) = reply.map(|reply| reply.outcome) else {
        return Err(format!("{name} is not a value").into());
    };
    match name.split('-').next() {
        Some("names") => drop(black_box(map::names(&value)?)),
        Some("info") => drop(black_box(map::mbean_info(&value, limits)?)),
        _ => drop(black_box(map::attributes(&value, limits)?)),
    }
    Ok(())
}

fn repeat(captures: &[Capture], times: usize) -> Result<()> {
    let limits = Limits::default();
    for _ in 0..times {
        for capture in captures {
            decode(capture, &limits)?;
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "a benchmark's figures are printed")]
fn measure(kind: &str) -> Result<()> {
    let captures = captures(kind)?;
    let bytes: usize = captures.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut times = 1;
    let mut took = Duration::ZERO;
    while took < ROUND {
        times *= 2;
        took = timed(&captures, times)?;
    }
    let mut best = took;
    for _ in 1..ROUNDS {
        best = best.min(timed(&captures, times)?);
    }
    let seconds = best.as_secs_f64() / times as f64;
    let (per_reply, speed) = (
        seconds * 1e9 / captures.len() as f64,
        bytes as f64 / seconds / 1e6,
    );
    println!(
        "{kind:<10} {per_reply:>8.0} ns a reply of {:>5} bytes {speed:>7.0} MB/s",
        bytes / captures.len()
    );
    Ok(())
}

fn timed(captures: &[Capture], times: usize) -> Result<Duration> {
    let start = Instant::now();
    repeat(captures, times)?;
    Ok(start.elapsed())
}

fn main() -> Result<()> {
    // Cargo adds `--bench` to the arguments; under `cargo test --all-targets` it does not.
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bench"] => KINDS.iter().try_for_each(|(kind, _)| measure(kind)),
        [kind, times] => repeat(&captures(kind)?, times.parse()?),
        _ => KINDS
            .iter()
            .try_for_each(|(kind, _)| repeat(&captures(kind)?, 1)),
    }
}
