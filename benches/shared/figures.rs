//! Medians, quartiles, and the page they are written on.

use std::time::Duration;

/// The median and the quartiles of a series.
pub(crate) struct Spread {
    pub(crate) median: f64,
    low: f64,
    high: f64,
}

impl Spread {
    /// Of a series that is not empty.
    pub(crate) fn of(mut series: Vec<f64>) -> Self {
        series.sort_by(f64::total_cmp);
        let at = |quarter: usize| series[(series.len() - 1) * quarter / 4];
        Self {
            median: at(2),
            low: at(1),
            high: at(3),
        }
    }

    pub(crate) fn of_times(times: &[Duration]) -> Self {
        Self::of(times.iter().map(|time| time.as_secs_f64() * 1e3).collect())
    }

    /// "12.3 | 11.9 – 13.0"
    pub(crate) fn cells(&self) -> String {
        format!("{:.2} | {:.2} – {:.2}", self.median, self.low, self.high)
    }
}

/// What was measured, in Markdown.
pub(crate) struct Report {
    text: String,
    missed: bool,
}

impl Report {
    pub(crate) fn new(bench: &str) -> Self {
        let text = format!(
            "# Benchmarks

Written by `cargo bench --bench {bench}`, on {}. Times are milliseconds: median | quartiles.
",
            stack::conditions()
        );
        Self {
            text,
            missed: false,
        }
    }

    pub(crate) fn title(&mut self, title: &str) {
        self.line(&format!("\n## {title}\n"));
    }

    pub(crate) fn line(&mut self, line: &str) {
        eprintln!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The head of a table and the line below it.
    pub(crate) fn head(&mut self, cells: &str) {
        let columns = cells.matches('|').count().saturating_sub(1);
        self.line(cells);
        self.line(&format!("|{}", "---|".repeat(columns)));
    }

    /// Says whether a target is met, and remembers if it is not.
    pub(crate) fn target(&mut self, what: &str, met: bool) {
        self.missed |= !met;
        let verdict = if met { "met" } else { "**missed**" };
        self.line(&format!("\nTarget: {what}: {verdict}."));
    }

    pub(crate) fn missed(&self) -> bool {
        self.missed
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
