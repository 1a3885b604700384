//! What may have been true at some moment of a time span, by who did it: values with the moments at which they were sent
//! and acknowledged.
//!
//! A change takes effect at one moment between the two, which nobody knows. So a value may be current from when it was
//! sent until the next one was acknowledged.

use crate::observer::{Micros, Window, now};

/// Not acknowledged: it may take effect at any time from when it was sent.
const NEVER: Micros = Micros::MAX;

#[derive(Clone, Debug)]
struct Write<T> {
    value: T,
    sent: Micros,
    acked: Micros,
}

/// A value that one writer at a time sets.
#[derive(Clone, Debug)]
pub(crate) struct Register<T> {
    writes: Vec<Write<T>>,
}

impl<T: Clone + PartialEq> Register<T> {
    pub(crate) fn new(value: T) -> Self {
        let first = Write {
            value,
            sent: Micros::MIN,
            acked: Micros::MIN,
        };
        Self {
            writes: vec![first],
        }
    }

    /// Before it is sent.
    pub(crate) fn send(&mut self, value: T) {
        self.writes.push(Write {
            value,
            sent: now(),
            acked: NEVER,
        });
    }

    /// The last one took effect.
    pub(crate) fn acknowledge(&mut self) {
        self.last().acked = now();
    }

    /// The last one did not take effect, and will not.
    pub(crate) fn refuse(&mut self) {
        self.writes.pop();
    }

    fn last(&mut self) -> &mut Write<T> {
        self.writes.last_mut().expect("there is a first one")
    }

    /// The last that was sent.
    pub(crate) fn latest(&self) -> &T {
        let last = self.writes.last();
        &last.expect("there is a first one").value
    }

    /// How many were sent.
    pub(crate) fn count(&self) -> usize {
        self.writes.len() - 1
    }

    /// The values that may have been current at some moment, in their order.
    pub(crate) fn possible(&self, window: Window) -> Vec<T> {
        // What is sent after the window's end comes too late.
        let end = self.writes.partition_point(|one| one.sent <= window.to);
        let mut found = Vec::new();
        // From the last to the first: until one that was surely overwritten before the window.
        for (index, one) in self.writes.iter().enumerate().take(end).rev() {
            found.push(one.value.clone());
            if self.writes[index].acked <= window.from {
                break;
            }
        }
        found.reverse();
        found
    }
}

/// The records of a partition, from its making to its end. The index of a record is its offset.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    sent: Vec<Micros>,
    acked: Vec<Micros>,
    /// The log's start, as records are deleted.
    pub(crate) start: Register<i64>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            sent: Vec::new(),
            acked: Vec::new(),
            start: Register::new(0),
        }
    }

    /// Before a record is sent: its offset and its timestamp.
    pub(crate) fn send(&mut self) -> (usize, i64) {
        let at = now();
        self.sent.push(at);
        (self.sent.len() - 1, at / 1_000)
    }

    /// Acknowledgements come in the order of offsets.
    pub(crate) fn acknowledge(&mut self, offset: i64) {
        assert_eq!(
            usize::try_from(offset).ok(),
            Some(self.acked.len()),
            "records have other offsets than were thought: the model is wrong"
        );
        self.acked.push(now());
    }

    /// Records that are there for sure.
    pub(crate) fn end(&self) -> i64 {
        self.acked.len() as i64
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.len()
    }

    /// The least and the greatest end that the log may have had at some moment.
    pub(crate) fn ends(&self, window: Window) -> (i64, i64) {
        let least = self.acked.partition_point(|at| *at <= window.from);
        let most = self.sent.partition_point(|at| *at <= window.to);
        (least as i64, most as i64)
    }

    /// When the record was sent and when it was acknowledged, or later than all where it is not there.
    pub(crate) fn times(&self, offset: i64) -> Window {
        let index = usize::try_from(offset).unwrap_or(0);
        let at = |all: &[Micros]| all.get(index).copied().unwrap_or(NEVER);
        Window {
            from: at(&self.sent),
            to: at(&self.acked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(writes: &[(i64, Micros, Micros)]) -> Register<i64> {
        let mut register = Register::new(0);
        let writes = writes.iter();
        let writes = writes.map(|&(value, sent, acked)| Write { value, sent, acked });
        register.writes.extend(writes);
        register
    }

    #[test]
    fn a_value_is_possible_from_when_it_was_sent_until_the_next_was_acknowledged() {
        let register = register(&[(1, 10, 12), (2, 20, 22), (3, 30, NEVER), (4, 40, 42)]);
        let possible = |from, to| register.possible(Window { from, to });
        assert_eq!(possible(0, 5), [0]);
        assert_eq!(possible(5, 11), [0, 1]);
        assert_eq!(possible(12, 19), [1]);
        assert_eq!(possible(21, 21), [1, 2]);
        assert_eq!(possible(22, 29), [2]);
        assert_eq!(possible(31, 35), [2, 3]);
        assert_eq!(possible(41, 41), [2, 3, 4]);
        assert_eq!(possible(42, 99), [4]);
    }

    #[test]
    fn a_log_ends_between_what_was_acknowledged_and_what_was_sent() {
        let log = Log {
            sent: vec![10, 20, 30],
            acked: vec![15, 25],
            start: Register::new(0),
        };
        let ends = |from, to| log.ends(Window { from, to });
        assert_eq!(ends(0, 9), (0, 0));
        assert_eq!(ends(14, 14), (0, 1));
        assert_eq!(ends(15, 24), (1, 2));
        assert_eq!(ends(40, 50), (2, 3));
    }
}
