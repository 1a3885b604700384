//! The queue itself: blocks in order, a line a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::cursor::Cursor;
use super::frame;
use super::held::{Held, Place};
use super::segment::{self, Writer};
use super::{Block, Entry, Ledger, Lines, Outcome, Pack, Record, Row, State};
use crate::dead_letter::Gone;

/// Segments that a full queue has: when it is full one of them goes.
const SEGMENTS: u64 = 16;
/// The largest segment: one that is nearly done with keeps at most so much of the disk.
const LARGEST_SEGMENT: u64 = 64 << 20;
/// The smallest: a file for a few blocks would be a waste.
const SMALLEST_SEGMENT: u64 = 256 << 10;
/// What may wait in memory while nothing can be written.
const MEMORY_ROOM: usize = 8 << 20;

/// A segment on disk.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) bytes: u64,
    /// Blocks of it with records that are not settled.
    pub(super) live: usize,
}

/// A block's records, unpacked as far as they need to be.
#[derive(Debug)]
struct Opened {
    rows: Vec<Row>,
    block: Arc<Block>,
}

/// All of it, under one lock.
#[derive(Debug)]
pub(super) struct Queue {
    directory: PathBuf,
    max_bytes: u64,
    /// Blocks with records that are not settled, by their first sequence number.
    pub(super) blocks: BTreeMap<u64, Held>,
    /// Lent records whose loan ends at a time: first and count. Documents of a block come together, so that runs are few.
    aside: BTreeMap<Instant, Vec<(u64, u64)>>,
    /// Blocks with records that wait, by stream: one that is held costs the others nothing.
    lines: BTreeMap<Arc<str>, BTreeSet<u64>>,
    pub(super) segments: BTreeMap<u64, Segment>,
    writer: Option<Writer>,
    /// Files that were written to since the last sync.
    unsynced: Vec<File>,
    /// Segments without use, to be removed once the cursor says so.
    doomed: Vec<u64>,
    /// Bytes of blocks that could not be written.
    memory: usize,
    /// The segment that was read last.
    reader: Option<(u64, File)>,
    /// The block that was read last: a request may take a part of it.
    opened: Option<(u64, Arc<Opened>)>,
    pub(super) next_seq: u64,
    /// Files of the dead letter up to this number are given up.
    pub(super) letters_gone: u64,
    pub(super) ledger: Ledger,
    /// Whether the cursor is behind.
    pub(super) is_dirty: bool,
    /// Whether the last write failed, so that it is said once.
    fails: bool,
}

/// What [`Queue::checkpoint`] gives to whoever may wait for a disk.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// Segments that are no longer written to.
    pub(super) closed: Vec<File>,
    /// The one that is.
    pub(super) open: Option<File>,
    pub(super) cursor: Vec<u8>,
    pub(super) doomed: Vec<u64>,
    /// Files of the dead letter up to this number may go.
    pub(super) letters_gone: u64,
}

impl Queue {
    /// Empty, from a sequence number on.
    pub(super) fn new(directory: PathBuf, max_bytes: u64) -> Self {
        Self {
            directory,
            max_bytes,
            blocks: BTreeMap::new(),
            aside: BTreeMap::new(),
            lines: BTreeMap::new(),
            segments: BTreeMap::new(),
            writer: None,
            unsynced: Vec::new(),
            doomed: Vec::new(),
            memory: 0,
            reader: None,
            opened: None,
            next_seq: 0,
            letters_gone: 0,
            ledger: Ledger::default(),
            is_dirty: false,
            fails: false,
        }
    }

    /// Takes records in, from the dead letter or from a collector; says how many older ones went for them.
    pub(super) fn append(&mut self, pack: Pack, replayed: bool) -> usize {
        let (first, count) = (self.next_seq, pack.rows.len());
        self.next_seq += count as u64;
        self.is_dirty = true;
        self.ledger.came(&pack.stream, replayed, count as u64);
        let bytes = frame::encode(&pack, first, replayed);
        let (stream, tick) = (pack.stream.clone(), pack.timestamp);
        let place = match self.write(first, &bytes) {
            Ok(place) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!("the queue is written to disk again");
                }
                place
            }
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::error!(
                        directory = %self.directory.display(), %error,
                        "the queue cannot be written: documents wait in memory, a few megabytes of them; make room or mend the directory"
                    );
                }
                self.memory += bytes.len();
                Place::Memory(Arc::new(pack), bytes.len())
            }
        };
        // A document of the dead letter has been sent before.
        self.insert(first, Held::new(stream, tick, count, place, replayed));
        self.make_room()
    }

    /// Adds a block that waits.
    pub(super) fn insert(&mut self, first: u64, held: Held) {
        if let Place::Segment { number, .. } = held.place {
            self.segments.entry(number).or_default().live += 1;
        }
        self.lines
            .entry(held.stream.clone())
            .or_default()
            .insert(first);
        self.blocks.insert(first, held);
    }

    fn write(&mut self, first: u64, frame: &[u8]) -> io::Result<Place> {
        let full = (self.max_bytes / SEGMENTS).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        if self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.length >= full)
        {
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
    fn close_segment(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        self.unsynced.extend(writer.handle());
        self.doom_if_done(writer.number);
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
        while self.memory > MEMORY_ROOM {
            let mut held = self.blocks.iter();
            let Some((first, _)) = held.find(|(_, held)| matches!(held.place, Place::Memory(..)))
            else {
                break;
            };
            dropped += self.lose(*first);
        }
        dropped
    }

    pub(super) fn state(&self) -> State {
        State {
            bytes: self.disk_bytes(),
            oldest: self.blocks.values().next().map(|held| held.tick),
            is_written: !self.fails,
        }
    }

    fn disk_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    fn drop_segment(&mut self, number: u64) -> usize {
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
    fn lose(&mut self, first: u64) -> usize {
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
    fn tidy(&mut self, first: u64) {
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
            Some(Place::Memory(_, bytes)) => self.memory -= bytes,
            None => {}
        }
    }

    /// Ends a loan at that time.
    pub(super) fn set_aside(&mut self, seq: u64, until: Instant) {
        let runs = self.aside.entry(until).or_default();
        match runs.last_mut() {
            Some((first, count)) if *first + *count == seq => *count += 1,
            _ => runs.push((seq, 1)),
        }
    }

    /// Ends the loans whose time has come; all of them where there is no time.
    fn bring_back(&mut self, now: Option<Instant>) {
        while let Some(due) = self.aside.first_entry() {
            if now.is_some_and(|now| *due.key() > now) {
                break;
            }
            for (first, count) in due.remove() {
                (first..first + count).for_each(|seq| self.give_back(seq, false));
            }
        }
    }

    /// Lends the oldest waiting records of the streams that `ready` allows.
    pub(super) fn lend(
        &mut self,
        max_bytes: usize,
        max_records: usize,
        mut ready: impl FnMut(&str) -> bool,
    ) -> Vec<Record> {
        self.bring_back(Some(Instant::now()));
        let mut open: Vec<Arc<str>> = self
            .lines
            .keys()
            .filter(|stream| ready(stream))
            .cloned()
            .collect();
        let mut lent = Lent::new(max_bytes, max_records);
        loop {
            let first =
                |stream: &Arc<str>| self.lines.get(stream).and_then(BTreeSet::first).copied();
            open.retain(|stream| first(stream).is_some());
            let Some(first) = open.iter().filter_map(first).min() else {
                break;
            };
            match self.open(first) {
                Ok(opened) => {
                    if let Some(held) = self.blocks.get_mut(&first) {
                        lent.take(first, held, &opened);
                    }
                    self.tidy(first);
                }
                Err(error) => {
                    let documents = self.lose(first);
                    tracing::error!(documents, %error, "documents of the queue cannot be read back, dropped");
                }
            }
            if lent.is_full {
                break;
            }
        }
        lent.records
    }

    fn open(&mut self, first: u64) -> io::Result<Arc<Opened>> {
        if let Some((_, opened)) = self.opened.as_ref().filter(|(of, _)| *of == first) {
            return Ok(opened.clone());
        }
        let held = self.blocks.get(&first).ok_or_else(damaged)?;
        let opened = match &held.place {
            Place::Memory(pack, _) => Opened {
                rows: pack.rows.clone(),
                block: pack.block.clone(),
            },
            Place::Segment { number, offset, .. } => {
                let (number, offset) = (*number, *offset);
                let file = self.reader(number)?;
                let head = segment::read_head(file, offset)?.map_err(|_| damaged())?;
                let body = segment::read_body(file, offset, &head)?;
                if head.first_seq != first {
                    return Err(damaged());
                }
                let (rows, block) = head.open(&body).map_err(|_| damaged())?;
                Opened { rows, block }
            }
        };
        let opened = Arc::new(opened);
        self.opened = Some((first, opened.clone()));
        Ok(opened)
    }

    fn reader(&mut self, number: u64) -> io::Result<&File> {
        if self.reader.as_ref().is_none_or(|(of, _)| *of != number) {
            self.reader = None;
        }
        let path = segment::path(&self.directory, number);
        let (_, file) = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert((number, File::open(path)?)),
        };
        Ok(file)
    }

    /// The block of a record, and which of its records it is.
    fn find(&mut self, seq: u64) -> Option<(u64, &mut Held, usize)> {
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

    /// Ends a loan.
    pub(super) fn give_back(&mut self, seq: u64, tried: bool) {
        let Some((first, held, index)) = self.find(seq) else {
            return;
        };
        if held.give_back(index, tried) {
            self.tidy(first);
        }
    }

    /// Ends all loans.
    pub(super) fn give_back_all(&mut self) {
        // They are among them.
        self.aside.clear();
        let all: Vec<u64> = self.blocks.keys().copied().collect();
        for first in all {
            if let Some(held) = self.blocks.get_mut(&first) {
                held.give_back_all();
            }
            self.tidy(first);
        }
    }

    /// Streams that have waiting records.
    pub(super) fn waiting_streams(&mut self) -> Vec<Arc<str>> {
        self.bring_back(Some(Instant::now()));
        let waiting = self.lines.iter().filter(|(_, line)| !line.is_empty());
        waiting.map(|(stream, _)| stream.clone()).collect()
    }

    /// What has to be written for the state to be on disk; nothing if it is.
    pub(super) fn checkpoint(&mut self) -> Option<Checkpoint> {
        if !std::mem::take(&mut self.is_dirty) {
            return None;
        }
        let done = |writer: &Writer| {
            let live = self
                .segments
                .get(&writer.number)
                .map_or(0, |segment| segment.live);
            live == 0 && writer.length > SMALLEST_SEGMENT
        };
        if self.writer.as_ref().is_some_and(done) {
            self.close_segment();
        }
        Some(Checkpoint {
            closed: std::mem::take(&mut self.unsynced),
            open: self.writer.as_ref().and_then(|writer| writer.handle().ok()),
            cursor: self.cursor().encode(),
            doomed: std::mem::take(&mut self.doomed),
            letters_gone: self.letters_gone,
        })
    }

    /// A checkpoint has been written: the segments that it did without have been removed.
    pub(super) fn removed(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.segments.remove(number);
        }
    }

    /// A checkpoint could not be written.
    pub(super) fn not_kept(&mut self, checkpoint: Checkpoint) {
        self.unsynced.extend(checkpoint.closed);
        self.doomed.extend(checkpoint.doomed);
        self.is_dirty = true;
    }

    fn cursor(&self) -> Cursor {
        let mut waiting: Vec<(u64, u64)> = Vec::new();
        for (first, held) in &self.blocks {
            for (index, count) in held.runs() {
                let (at, count) = (first + index as u64, count as u64);
                match waiting.last_mut() {
                    Some((last, length)) if *last + *length == at => *length += count,
                    _ => waiting.push((at, count)),
                }
            }
        }
        let accounts = self.ledger.accounts().iter();
        Cursor {
            next_seq: self.next_seq,
            waiting,
            letters_gone: self.letters_gone,
            accounts: accounts
                .map(|(stream, account)| (stream.to_string(), *account))
                .collect(),
        }
    }
}

/// Records on their way out.
struct Lent {
    records: Vec<Record>,
    bytes: usize,
    max_bytes: usize,
    max_records: usize,
    is_full: bool,
}

impl Lent {
    fn new(max_bytes: usize, max_records: usize) -> Self {
        Self {
            records: Vec::new(),
            bytes: 0,
            max_bytes,
            max_records,
            is_full: false,
        }
    }

    /// Takes the waiting records of a block until there are enough; one at least in all.
    fn take(&mut self, first: u64, held: &mut Held, opened: &Opened) {
        let mut start = 0;
        for (index, row) in opened.rows.iter().enumerate() {
            let range = std::mem::replace(&mut start, row.end)..row.end;
            if !held.is_waiting(index) {
                continue;
            }
            let size = range.len();
            let enough =
                self.bytes + size > self.max_bytes || self.records.len() >= self.max_records;
            if enough && !self.records.is_empty() {
                self.is_full = true;
                return;
            }
            let Some(attempted) = held.lend(index) else {
                continue;
            };
            self.bytes += size;
            self.records.push(Record {
                seq: first + index as u64,
                entry: Entry {
                    stream: held.stream.clone(),
                    timestamp: held.tick,
                    id: row.id,
                    lines: Lines::new(opened.block.clone(), range),
                },
                attempted,
            });
        }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the segment is damaged there")
}
