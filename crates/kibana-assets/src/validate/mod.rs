//! What Kibana would refuse, or take and show wrong: an import does not look into panels.

mod dashboard;
mod fields;
mod lens;
mod objects;
mod rules;
mod written;

pub use objects::ndjson;
pub use rules::rules_ndjson;
pub use written::source;

/// Complaints, each with its place.
struct Problems {
    found: Vec<String>,
}

impl Problems {
    fn new() -> Self {
        Self { found: Vec::new() }
    }

    fn add(&mut self, place: &str, what: impl std::fmt::Display) {
        self.found.push(format!("{place}: {what}"));
    }

    /// Complains unless it holds.
    fn check(&mut self, holds: bool, place: &str, what: impl std::fmt::Display) {
        if !holds {
            self.add(place, what);
        }
    }
}
