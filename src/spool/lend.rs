//! Loans: records on their way out, and back.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::frame::Head;
use super::held::{Held, Place};
use super::queue::Queue;
use super::{Block, Entry, LOCK_FILE, Lines, Record, Row, segment};

/// A block's records, unpacked as far as they need to be.
#[derive(Debug)]
pub(super) struct Opened {
    rows: Vec<Row>,
    block: Arc<Block>,
}

impl Queue {
    /// Ends a loan at that time.
    pub(super) fn set_aside(&mut self, seq: u64, until: Instant) {
        let runs = self.aside.entry(until).or_default();
        match runs.last_mut() {
            Some((first, count)) if *first + *count == seq => *count += 1,
            _ => runs.push((seq, 1)),
        }
    }

    /// Ends the loans that were to end exactly then.
    pub(super) fn bring_back_at(&mut self, until: Instant) {
        for (first, count) in self.aside.remove(&until).unwrap_or_default() {
            (first..first + count).for_each(|seq| self.give_back(seq, false));
        }
    }

    /// Ends the loans whose time has come; all of them where there is no time.
    pub(super) fn bring_back(&mut self, now: Option<Instant>) {
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
        let mut failed = None;
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
                Err(error) if self.is_lost(&error) => {
                    let documents = self.lose(first);
                    tracing::error!(documents, %error, "documents of the queue are damaged, dropped");
                }
                // Somebody can mend it: no right, no descriptor, a disk that is away. Other streams may be elsewhere.
                Err(error) => {
                    self.reader = None;
                    let stream = self.blocks.get(&first).map(|held| held.stream.clone());
                    open.retain(|other| Some(other) != stream.as_ref());
                    failed = Some(error);
                }
            }
            if lent.is_full {
                break;
            }
        }
        self.note_reading(failed.as_ref());
        lent.records
    }

    /// Whether what could not be read will never be: it is not what was written, or not there any more.
    fn is_lost(&self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => true,
            io::ErrorKind::NotFound => self.directory.join(LOCK_FILE).exists(),
            _ => false,
        }
    }

    /// Says once that something cannot be read, and once that all can again.
    fn note_reading(&mut self, failed: Option<&io::Error>) {
        let failed_before = std::mem::replace(&mut self.unreadable, failed.is_some());
        match failed {
            Some(error) if !failed_before => tracing::error!(
                directory = %self.directory.display(), %error,
                "the queue cannot be read: its documents wait; mend the directory"
            ),
            None if failed_before => tracing::info!("the queue is read again"),
            _ => {}
        }
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

    fn open(&mut self, first: u64) -> io::Result<Arc<Opened>> {
        if let Some((_, opened)) = self.opened.as_ref().filter(|(of, _)| *of == first) {
            return Ok(opened.clone());
        }
        let held = self.blocks.get(&first).ok_or_else(damaged)?;
        let opened = match &held.place {
            Place::Memory(frame) => opened(frame)?,
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

/// What a frame holds that waits in memory.
fn opened(frame: &[u8]) -> io::Result<Opened> {
    let head = Head::read(frame).map_err(|_| damaged())?;
    let body = frame.len().checked_sub(head.body_len);
    let body = body.and_then(|at| frame.get(at..)).ok_or_else(damaged)?;
    let (rows, block) = head.open(body).map_err(|_| damaged())?;
    Ok(Opened { rows, block })
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the segment is damaged there")
}
