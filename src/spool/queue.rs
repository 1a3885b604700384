//! The queue itself: blocks in order, a line a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame;
use super::held::{Held, Place};
use super::lend::Opened;
use super::segment::{self, Writer};
use super::{Ledger, Outcome, Pack, State};
use crate::clock::Millis;
use crate::dead_letter::Gone;

/// Segments that a full queue has: when it is full one of them goes.
pub(super) const SEGMENTS: u32 = 16;
/// The largest segment: one that is nearly done with keeps at most so much of the disk.
const LARGEST_SEGMENT: u64 = 64 << 20;
/// The smallest: a file for a few blocks would be a waste.
pub(super) const SMALLEST_SEGMENT: u64 = 256 << 10;

/// A segment on disk.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) bytes: u64,
    /// Blocks of it with records that are not settled.
    pub(super) live: usize,
    /// The ticks of its blocks lie between these.
    pub(super) oldest: Millis,
    pub(super) newest: Millis,
}

impl Default for Segment {
    fn default() -> Self {
        Self {
            bytes: 0,
            live: 0,
            oldest: Millis(u64::MAX),
            newest: Millis(0),
        }
    }
}

/// All of it, under one lock.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) directory: PathBuf,
    max_bytes: u64,
    /// Documents that are older go, where there is such a bound.
    pub(super) max_age: Option<Duration>,
    /// Blocks with records that are not settled, by their first sequence number.
    pub(super) blocks: BTreeMap<u64, Held>,
    /// Lent records whose loan ends at a time: first and count. Documents of a block come together, so that runs are few.
    pub(super) aside: BTreeMap<Instant, Vec<(u64, u64)>>,
    /// Blocks with records that wait, by stream: one that is held costs the others nothing.
    pub(super) lines: BTreeMap<Arc<str>, BTreeSet<u64>>,
    pub(super) segments: BTreeMap<u64, Segment>,
    pub(super) writer: Option<Writer>,
    /// Files that were written to since the last sync.
    pub(super) unsynced: Vec<File>,
    /// Segments without use, to be removed once the cursor says so.
    pub(super) doomed: Vec<u64>,
    /// Blocks that could not be written, and their bytes. None of those that are on disk came after them.
    pub(super) in_memory: BTreeSet<u64>,
    pub(super) memory: usize,
    /// The segment that was read last.
    pub(super) reader: Option<(u64, File)>,
    /// The block that was read last: a request may take a part of it.
    pub(super) opened: Option<(u64, Arc<Opened>)>,
    pub(super) next_seq: u64,
    /// Files of the dead letter up to this number are given up.
    pub(super) letters_gone: u64,
    pub(super) ledger: Ledger,
    /// Whether the cursor is behind.
    pub(super) is_dirty: bool,
    /// Whether the last write failed, so that it is said once.
    pub(super) fails: bool,
    /// The same of reading.
    pub(super) unreadable: bool,
}

impl Queue {
    /// Empty, from a sequence number on.
    pub(super) fn new(directory: PathBuf, max_bytes: u64) -> Self {
        Self {
            directory,
            max_bytes,
            max_age: None,
            blocks: BTreeMap::new(),
            aside: BTreeMap::new(),
            lines: BTreeMap::new(),
            segments: BTreeMap::new(),
            writer: None,
            unsynced: Vec::new(),
            doomed: Vec::new(),
            in_memory: BTreeSet::new(),
            memory: 0,
            reader: None,
            opened: None,
            next_seq: 0,
            letters_gone: 0,
            ledger: Ledger::default(),
            is_dirty: false,
            fails: false,
            unreadable: false,
        }
    }

    /// Takes records in, from the dead letter or from a collector; says how many older ones went for them.
    pub(super) fn append(&mut self, pack: Pack, replayed: bool) -> usize {
        let (first, count) = (self.next_seq, pack.rows.len());
        self.next_seq += count as u64;
        self.is_dirty = true;
        self.ledger.came(&pack.stream, replayed, count as u64);
        let frame = frame::encode(&pack, first, replayed);
        let (stream, tick) = (pack.stream, pack.timestamp);
        // A document of the dead letter has been sent before, and is as old as its coming back.
        let since = if replayed { Millis::now() } else { tick };
        let place = self.place(first, since, frame);
        let held = Held::new(stream, tick, count, place, replayed).since(since);
        self.insert(first, held);
        self.make_room()
    }

    /// Adds a block that waits.
    pub(super) fn insert(&mut self, first: u64, held: Held) {
        if let Place::Segment { number, .. } = held.place {
            self.segment_of(number, held.since).live += 1;
        }
        self.lines
            .entry(held.stream.clone())
            .or_default()
            .insert(first);
        self.blocks.insert(first, held);
    }

    pub(super) fn write(&mut self, first: u64, since: Millis, frame: &[u8]) -> io::Result<Place> {
        let full = (self.max_bytes / u64::from(SEGMENTS)).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        let is_over =
            |writer: &Writer| writer.length >= full || self.spans_enough(writer.number, since);
        if self.writer.as_ref().is_some_and(is_over) {
            self.close_segment();
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(Writer::create(&self.directory, first)?),
        };
        let offset = writer.add(frame)?;
        let (number, bytes) = (writer.number, writer.length);
        self.segments.entry(number).or_default().bytes = bytes;
        Ok(Place::Segment { number, offset })
    }

    /// The next block begins another segment.
    pub(super) fn close_segment(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        let number = writer.number;
        self.unsynced.push(writer.into_file());
        self.doom_if_done(number);
    }

    pub(super) fn doom_if_done(&mut self, number: u64) {
        let is_written = self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.number == number);
        let is_done = self
            .segments
            .get(&number)
            .is_some_and(|segment| segment.live == 0);
        if is_done && !is_written && !self.doomed.contains(&number) {
            self.doomed.push(number);
        }
    }

    /// Gives up the oldest until the rest fits. What is lent is on its way and stays counted.
    pub(super) fn make_room(&mut self) -> usize {
        let mut dropped = 0;
        while self.disk_bytes() > self.max_bytes {
            let Some(number) = self.segments.keys().next().copied() else {
                break;
            };
            dropped += self.drop_segment(number);
        }
        dropped + self.bound_memory()
    }

    pub(super) fn state(&self) -> State {
        State {
            bytes: self.disk_bytes(),
            oldest: self.blocks.values().next().map(|held| held.tick),
            is_written: !self.fails,
        }
    }

    /// Bytes of all segments.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// Whether so many bytes more would make the oldest go.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.disk_bytes() + bytes <= self.max_bytes
    }

    pub(super) fn drop_segment(&mut self, number: u64) -> usize {
        // What is aside only waits.
        self.bring_back(None);
        if self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.number == number)
        {
            self.writer = None;
        }
        let of_it =
            |held: &Held| matches!(held.place, Place::Segment { number: of, .. } if of == number);
        let blocks = self.blocks.range(number..).filter(|(_, held)| of_it(held));
        let blocks: Vec<u64> = blocks.map(|(first, _)| *first).collect();
        let dropped = blocks.into_iter().map(|first| self.lose(first)).sum();
        self.segments.remove(&number);
        self.doomed.retain(|doomed| *doomed != number);
        if let Err(error) = std::fs::remove_file(segment::path(&self.directory, number)) {
            tracing::warn!(segment = number, %error, "a segment of the queue cannot be removed");
        }
        dropped
    }

    /// Drops what waits of a block.
    pub(super) fn lose(&mut self, first: u64) -> usize {
        let Some(held) = self.blocks.get_mut(&first) else {
            return 0;
        };
        let lost = held.settle_waiting();
        let stream = held.stream.clone();
        self.ledger.settled(&stream, Outcome::Dropped, lost as u64);
        self.is_dirty = true;
        self.tidy(first);
        lost
    }

    /// After a change of a block: where nothing of it waits it is not in line, where all is settled it goes.
    pub(super) fn tidy(&mut self, first: u64) {
        let Some(held) = self.blocks.get(&first) else {
            return;
        };
        let line = self.lines.entry(held.stream.clone()).or_default();
        match held.waiting() {
            0 => line.remove(&first),
            _ => line.insert(first),
        };
        if held.unsettled() > 0 {
            return;
        }
        match self.blocks.remove(&first).map(|held| held.place) {
            Some(Place::Segment { number, .. }) => {
                if let Some(segment) = self.segments.get_mut(&number) {
                    segment.live -= 1;
                }
                self.doom_if_done(number);
            }
            Some(Place::Memory(frame)) => {
                self.memory -= frame.len();
                self.in_memory.remove(&first);
            }
            None => {}
        }
    }

    /// The block of a record, and which of its records it is.
    pub(super) fn find(&mut self, seq: u64) -> Option<(u64, &mut Held, usize)> {
        let (first, held) = self.blocks.range_mut(..=seq).next_back()?;
        Some((*first, held, usize::try_from(seq - first).ok()?))
    }

    /// Settles a record.
    pub(super) fn settle(&mut self, seq: u64, outcome: Outcome) {
        let Some((first, held, index)) = self.find(seq) else {
            return;
        };
        if held.settle(index) {
            let stream = held.stream.clone();
            self.ledger.settled(&stream, outcome, 1);
            self.is_dirty = true;
            self.tidy(first);
        }
    }

    /// Counts dead letters that went for others.
    pub(super) fn give_up(&mut self, gone: &Gone) {
        for (stream, letters) in &gone.documents {
            let stream = self.ledger.name(stream);
            self.ledger.given_up(&stream, *letters);
        }
        self.letters_gone = self.letters_gone.max(gone.up_to);
    }
}
