//! What a benchmark was asked for, and where its figures go.

use super::figures::Report;

/// The words behind the benchmark's name.
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn read() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    pub(crate) fn all(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|one| one == word)
    }

    /// What comes after a word.
    pub(crate) fn after(&self, word: &str) -> Option<&str> {
        let at = self.0.iter().position(|one| one == word)?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// Whether all is measured; `cargo test` starts benchmarks without this word, and they do the same in small.
    pub(crate) fn are_whole(&self) -> bool {
        self.has("--bench")
    }

    /// Prints the figures, writes them into the file of `--report`, and ends the process with 1 where a target was missed.
    pub(crate) fn conclude(&self, report: &Report) {
        print!("{}", report.text());
        if let Some(path) = self.after("--report") {
            std::fs::write(path, report.text()).unwrap();
        }
        if report.missed() {
            std::process::exit(1);
        }
    }
}
