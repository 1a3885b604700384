//! What is wrong with single values, told in as few faults as there are sorts of it.

use crate::collect::{Fault, FaultKind};

/// What went wrong, each sort as one fault however often.
#[derive(Default)]
pub(super) struct Complaints {
    /// Values that do not fit their field.
    pub(super) misfits: Several,
    /// Second values for a field.
    pub(super) clashes: Several,
}

/// The first of its sort, and how many there were.
#[derive(Default)]
pub(super) struct Several {
    first: Option<String>,
    count: usize,
}

impl Several {
    /// Notes one more.
    pub(super) fn add(&mut self, what: String) {
        self.first.get_or_insert(what);
        self.count += 1;
    }

    fn fault(self, address: &str, sort: &str) -> Option<Fault> {
        let first = self.first?;
        Some(partial(format!(
            "{address}: {} {sort}, the first: {first}",
            self.count
        )))
    }
}

impl Complaints {
    /// At most one fault of each sort.
    pub(super) fn into_faults(self, address: &str) -> Vec<Fault> {
        let misfits = self
            .misfits
            .fault(address, "values left out that do not fit their field");
        let clashes = self
            .clashes
            .fault(address, "values left out that came twice");
        misfits.into_iter().chain(clashes).collect()
    }
}

/// A part of the answer is missing.
pub(super) fn partial(message: String) -> Fault {
    Fault::new(FaultKind::Partial, message)
}
