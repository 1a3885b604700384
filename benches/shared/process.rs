//! What a process takes, by the kernel's word.

use std::fs;
use std::time::Duration;

/// Ticks of the clock in `/proc/<pid>/stat`, on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory in kilobytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// `VmRSS` is kept per processor and lags behind; the sum over all maps does not.
pub(crate) fn memory(pid: u32) -> Memory {
    Memory {
        resident: kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Rss:"),
        peak: kilobytes(&format!("/proc/{pid}/status"), "VmHWM:"),
    }
}

fn kilobytes(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// User and system time so far: the 14th and 15th field, counted behind the name in brackets.
pub(crate) fn cpu(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let sum: f64 = ticks.map(|field| field.parse::<f64>().unwrap()).sum();
    Duration::from_secs_f64(sum / TICKS_PER_SECOND)
}
