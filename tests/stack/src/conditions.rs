//! Under which conditions a figure was measured.

use std::process::Command;

/// Date, commit, processor, cores and kernel: what a proof or a benchmark says of itself.
pub fn conditions() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let date = said("date", &["-u", "+%F"]);
    format!(
        "{date}, commit {}, {model}, {cores} cores, Linux {}",
        commit(),
        kernel.trim()
    )
}

/// The commit, with a plus sign where files differ from it.
fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
    // What the proofs themselves write is no difference.
    let sources = ["status", "--porcelain", "--", ".", ":!docs"];
    match said("git", &sources).is_empty() {
        true => commit,
        false => commit + "+",
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
