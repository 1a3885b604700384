//! A block of records in the queue: which of them wait, are lent or settled. Pure.

use std::sync::Arc;

use crate::clock::Millis;

/// Where a block's bytes are.
#[derive(Debug)]
pub(super) enum Place {
    /// In the segment of that number.
    Segment { number: u64, offset: u64 },
    /// In memory, as the frame that could not be written.
    Memory(Arc<Vec<u8>>),
}

/// A block of which not all records are settled.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stream: Arc<str>,
    pub(super) tick: Millis,
    /// What its age is counted from: its tick, or when it came back from the dead letter.
    pub(super) since: Millis,
    pub(super) place: Place,
    /// By record.
    states: Box<[State]>,
    waiting: usize,
    unsettled: usize,
}

/// What has become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `attempted`: an earlier attempt ended without an answer.
    Waiting {
        attempted: bool,
    },
    Lent {
        attempted: bool,
    },
    Settled,
}

impl Held {
    /// All of them wait.
    pub(super) fn new(
        stream: Arc<str>,
        tick: Millis,
        count: usize,
        place: Place,
        attempted: bool,
    ) -> Self {
        Self {
            stream,
            tick,
            since: tick,
            place,
            states: vec![State::Waiting { attempted }; count].into(),
            waiting: count,
            unsettled: count,
        }
    }

    /// The same, as old as that.
    pub(super) fn since(self, since: Millis) -> Self {
        Self { since, ..self }
    }

    /// Where it is in memory: what its age is counted from, and its frame.
    pub(super) fn in_memory(&self) -> Option<(Millis, Arc<Vec<u8>>)> {
        match &self.place {
            Place::Memory(frame) => Some((self.since, frame.clone())),
            Place::Segment { .. } => None,
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many are not settled.
    pub(super) fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// Lends a record that waits; says whether it was attempted before.
    pub(super) fn lend(&mut self, index: usize) -> Option<bool> {
        let state = self.states.get_mut(index)?;
        let State::Waiting { attempted } = *state else {
            return None;
        };
        *state = State::Lent { attempted };
        self.waiting -= 1;
        Some(attempted)
    }

    /// Whether the record waits.
    pub(super) fn is_waiting(&self, index: usize) -> bool {
        matches!(self.states.get(index), Some(State::Waiting { .. }))
    }

    /// Ends a loan; says whether there was one.
    pub(super) fn give_back(&mut self, index: usize, tried: bool) -> bool {
        let Some(state @ State::Lent { .. }) = self.states.get_mut(index) else {
            return false;
        };
        let before = matches!(state, State::Lent { attempted: true });
        *state = State::Waiting {
            attempted: before || tried,
        };
        self.waiting += 1;
        true
    }

    /// Ends all loans after a request whose outcome is unknown.
    pub(super) fn give_back_all(&mut self) {
        for index in 0..self.states.len() {
            self.give_back(index, true);
        }
    }

    /// Settles a record; says whether it was not settled before.
    pub(super) fn settle(&mut self, index: usize) -> bool {
        let Some(state) = self.states.get_mut(index) else {
            return false;
        };
        match std::mem::replace(state, State::Settled) {
            State::Settled => return false,
            State::Waiting { .. } => self.waiting -= 1,
            State::Lent { .. } => {}
        }
        self.unsettled -= 1;
        true
    }

    /// Settles what waits, and says how many that were: what is lent is on its way and stays.
    pub(super) fn settle_waiting(&mut self) -> usize {
        let waiting: Vec<usize> = (0..self.states.len())
            .filter(|index| self.is_waiting(*index))
            .collect();
        waiting
            .into_iter()
            .filter(|index| self.settle(*index))
            .count()
    }

    /// Runs of records that are not settled, as index and length.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let is_open = |state: &State| *state != State::Settled;
        let mut start = 0;
        self.states
            .chunk_by(move |a, b| is_open(a) == is_open(b))
            .filter_map(move |run| {
                let at = start;
                start += run.len();
                (run[0] != State::Settled).then_some((at, run.len()))
            })
    }
}
