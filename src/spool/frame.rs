//! A block of records as it lies in a segment. Pure.
//!
//! ```text
//! magic  4  "bbRC"
//! crc    4  CRC-32 of the rest of the head and of the stream's name
//! body   4  length of the body
//! bcrc   4  CRC-32 of the body
//! seq    8  sequence number of the first record; the others follow without a gap
//! tick   8  @timestamp of all of them, milliseconds since the epoch
//! count  4  records
//! name   4  length of the stream's name
//! kind   4  0: collected, 1: taken back from the dead letter
//! …         the stream's name
//! body:     count × (end 4, id 16) · length of the text 4 · CRC-32 of the text 4 · packed text
//! ```
//! All numbers are little endian. The head can be read and believed without the body, so that a queue of gigabytes is
//! indexed at a start without reading it.

use std::sync::Arc;

use crc32fast::Hasher;

use super::{Block, Pack, Row};
use crate::clock::Millis;
use crate::identity::DocumentId;

/// First bytes of every frame: where one is damaged, the next one is looked for.
pub(super) const MAGIC: [u8; 4] = *b"bbRC";
/// Bytes of a head without the name.
pub(super) const HEAD: usize = 44;
/// Names of data streams are shorter than that (Elasticsearch: 255 bytes).
pub(super) const MAX_NAME: usize = 255;
/// A longer body is none of ours: a block is 128 KiB of text and one document more, and a document is far below that.
pub(super) const MAX_BODY: usize = 256 << 20;
/// The same of its text, unpacked: what it says is reserved before it is read.
const MAX_TEXT: u32 = 256 << 20;
/// The kind of records that come from the dead letter.
const REPLAYED: u32 = 1;
/// Bytes of a row.
const ROW: usize = 4 + 16;
/// Bytes between the rows and the packed text.
const TEXT: usize = 8;

/// What is known of a frame without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first_seq: u64,
    pub(super) tick: Millis,
    pub(super) count: u32,
    pub(super) stream: String,
    /// Whether the records come from the dead letter.
    pub(super) replayed: bool,
    pub(super) body_len: usize,
    body_crc: u32,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// They end before the frame does.
    Torn,
    /// They are not what was written.
    Damaged,
}

impl Head {
    /// Bytes of the frame.
    pub(super) fn frame_len(&self) -> usize {
        HEAD + self.stream.len() + self.body_len
    }

    /// Sequence number behind the last record.
    pub(super) fn end_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }

    /// Reads a head from the beginning of some bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let fixed: &[u8; HEAD] = bytes.first_chunk().ok_or(Broken::Torn)?;
        let name_len = number(fixed, 36) as usize;
        let body_len = number(fixed, 8) as usize;
        if fixed[..4] != MAGIC || name_len > MAX_NAME || body_len > MAX_BODY {
            return Err(Broken::Damaged);
        }
        let name = bytes.get(HEAD..HEAD + name_len).ok_or(Broken::Torn)?;
        if !is_sum(&[&fixed[8..], name], number(fixed, 4)) {
            return Err(Broken::Damaged);
        }
        let head = Self {
            first_seq: long(fixed, 16),
            tick: Millis(long(fixed, 24)),
            count: number(fixed, 32),
            replayed: number(fixed, 40) == REPLAYED,
            stream: std::str::from_utf8(name)
                .map_err(|_| Broken::Damaged)?
                .to_owned(),
            body_len,
            body_crc: number(fixed, 12),
        };
        let rows = (head.count as usize)
            .checked_mul(ROW)
            .filter(|rows| rows + TEXT <= body_len);
        let ends = head.first_seq.checked_add(u64::from(head.count));
        match (rows, ends, head.count) {
            (Some(_), Some(_), 1..) => Ok(head),
            _ => Err(Broken::Damaged),
        }
    }

    /// Reads the records of the frame that this head begins.
    pub(super) fn open(&self, body: &[u8]) -> Result<(Vec<Row>, Arc<Block>), Broken> {
        if body.len() != self.body_len || !is_sum(&[body], self.body_crc) {
            return Err(Broken::Damaged);
        }
        let (rows, rest) = body
            .split_at_checked(self.count as usize * ROW)
            .ok_or(Broken::Damaged)?;
        let (text, packed) = rest.split_at_checked(TEXT).ok_or(Broken::Damaged)?;
        let rows: Vec<Row> = rows.chunks_exact(ROW).map(row).collect();
        let length = number(text, 0);
        let last = rows.last().map(|row| row.end);
        if last != Some(length) || length > MAX_TEXT || !rows.is_sorted_by_key(|row| row.end) {
            return Err(Broken::Damaged);
        }
        let block = Block::from_parts(packed.to_vec(), length, number(text, 4));
        Ok((rows, Arc::new(block)))
    }
}

/// The bytes of a frame. The sequence number is the queue's to give.
pub(super) fn encode(pack: &Pack, first_seq: u64, replayed: bool) -> Vec<u8> {
    let (packed, text_len, text_crc) = pack.block.parts();
    let body_len = pack.rows.len() * ROW + TEXT + packed.len();
    let mut body = Vec::with_capacity(body_len);
    for row in &pack.rows {
        body.extend_from_slice(&row.end.to_le_bytes());
        body.extend_from_slice(row.id.as_bytes());
    }
    body.extend_from_slice(&text_len.to_le_bytes());
    body.extend_from_slice(&text_crc.to_le_bytes());
    body.extend_from_slice(packed);
    let small = |length: usize| {
        u32::try_from(length)
            .expect("a block is far below 4 GiB")
            .to_le_bytes()
    };
    let mut rest = Vec::with_capacity(HEAD + pack.stream.len());
    rest.extend_from_slice(&small(body.len()));
    rest.extend_from_slice(&crc(&[&body]).to_le_bytes());
    rest.extend_from_slice(&first_seq.to_le_bytes());
    rest.extend_from_slice(&pack.timestamp.0.to_le_bytes());
    rest.extend_from_slice(&small(pack.rows.len()));
    rest.extend_from_slice(&small(pack.stream.len()));
    let kind = if replayed { REPLAYED } else { 0 };
    rest.extend_from_slice(&kind.to_le_bytes());
    rest.extend_from_slice(pack.stream.as_bytes());
    let mut frame = Vec::with_capacity(8 + rest.len() + body.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&crc(&[&rest]).to_le_bytes());
    frame.extend_from_slice(&rest);
    frame.extend_from_slice(&body);
    frame
}

fn row(bytes: &[u8]) -> Row {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[4..ROW]);
    Row {
        end: number(bytes, 0),
        id: DocumentId::from_bytes(id),
    }
}

/// A fuzzer would never find a sum: it may leave it out.
fn is_sum(parts: &[&[u8]], stored: u32) -> bool {
    cfg!(fuzzing) || crc(parts) == stored
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = Hasher::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.finalize()
}

/// Both callers have looked at the length.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_le_bytes(four.unwrap_or_default())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes
        .get(at..at + 8)
        .and_then(|eight| eight.try_into().ok());
    u64::from_le_bytes(eight.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Packer;

    fn pack() -> Pack {
        let text = b"{\"create\":{}}\n{\"a\":1}\n{\"create\":{}}\n{\"a\":2}\n";
        let row = |n: u8| Row {
            end: u32::from(n) * 22,
            id: DocumentId::from_bytes([n; 16]),
        };
        Pack {
            stream: "metrics-brokerbeat.target-default".into(),
            timestamp: Millis(1_700_000_000_000),
            rows: vec![row(1), row(2)],
            block: Arc::new(Packer::default().pack(text)),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let frame = encode(&pack(), 7, false);
        let head = Head::read(&frame).unwrap();
        let replayed = |frame: &[u8]| Head::read(frame).unwrap().replayed;
        assert!(!replayed(&frame) && replayed(&encode(&pack(), 7, true)));
        assert_eq!(
            (head.first_seq, head.end_seq(), head.frame_len()),
            (7, 9, frame.len())
        );
        assert_eq!(head.stream, "metrics-brokerbeat.target-default");
        let (rows, block) = head.open(&frame[frame.len() - head.body_len..]).unwrap();
        assert_eq!(rows, pack().rows);
        assert_eq!(block.unpack(), pack().block.unpack());
    }

    /// Every bit of it, and every length.
    #[test]
    fn a_frame_with_a_wrong_bit_or_without_its_end_is_none() {
        let frame = encode(&pack(), 7, true);
        let read = |frame: &[u8]| {
            let head = Head::read(frame)?;
            let body = frame
                .get(frame.len().min(HEAD + head.stream.len())..)
                .unwrap_or_default();
            head.open(body).map(|_| ())
        };
        assert_eq!(read(&frame), Ok(()));
        for bit in 0..frame.len() * 8 {
            let mut wrong = frame.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&wrong).is_err(), "bit {bit}");
        }
        for length in 0..frame.len() {
            assert!(read(&frame[..length]).is_err(), "{length} bytes");
        }
    }
}
