//! Records packed together, as the bulk request will carry them.
//!
//! A cycle's documents are alike: packed they take a tenth. So records are packed once, when they come, and wait and
//! travel like that. A block holds the lines of a bulk request — action and document, in turn — as a piece of a DEFLATE
//! stream that begins with an empty window and ends at a byte (RFC 1951; `pigz --independent` makes such pieces): any
//! number of blocks behind one another is a valid stream, see [`Gzip`].

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// Room for a flush marker: with less a flush would need a second call and write a second marker.
const FLUSH_ROOM: usize = 64;

/// `ID1 ID2 CM FLG MTIME XFL OS` of RFC 1952: DEFLATE, no name, no time, unknown system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block with fixed codes.
const DEFLATE_END: [u8; 2] = [0x03, 0x00];

/// Packed text.
#[derive(Debug)]
pub struct Block {
    packed: Bytes,
    /// CRC-32 of the text.
    crc: u32,
    length: u32,
}

impl Block {
    /// Bytes that it takes.
    pub fn packed_len(&self) -> usize {
        self.packed.len()
    }

    /// What a segment keeps of it: the packed text, the length of the text and its CRC-32.
    pub fn parts(&self) -> (&[u8], u32, u32) {
        (&self.packed, self.length, self.crc)
    }

    /// What a segment kept.
    pub fn from_parts(packed: Vec<u8>, length: u32, crc: u32) -> Self {
        let packed = packed.into();
        Self {
            packed,
            crc,
            length,
        }
    }

    /// The text.
    pub fn unpack(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.length as usize);
        // The text fits, so that one call does it; what cannot be read stays empty and is refused by Elasticsearch.
        let unpacked =
            Decompress::new(false).decompress_vec(&self.packed, &mut text, FlushDecompress::Sync);
        debug_assert!(cfg!(fuzzing) || unpacked.is_ok() && text.len() == self.length as usize);
        text
    }
}

/// Packs blocks. Keeps its tables, some hundred kilobytes, from block to block.
#[derive(Debug)]
pub struct Packer {
    compress: Compress,
}

impl Default for Packer {
    /// The fastest level: documents are so much alike that the others gain little.
    fn default() -> Self {
        Self {
            compress: Compress::new(Compression::fast(), false),
        }
    }
}

impl Packer {
    /// Packs a text of less than 4 GiB.
    pub fn pack(&mut self, text: &[u8]) -> Block {
        self.compress.reset();
        let mut packed = Vec::with_capacity(text.len() / 16 + FLUSH_ROOM);
        loop {
            let done = usize::try_from(self.compress.total_in()).unwrap_or(usize::MAX);
            let rest = text.get(done..).unwrap_or_default();
            self.compress
                .compress_vec(rest, &mut packed, FlushCompress::Sync)
                .expect("a stream that was reset takes any text");
            // Room that is left means that everything is out.
            if packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(text.len() / 4 + FLUSH_ROOM);
        }
        packed.shrink_to_fit();
        Block {
            packed: packed.into(),
            crc: crc32fast::hash(text),
            length: u32::try_from(text.len()).expect("a block is far below 4 GiB"),
        }
    }
}

/// A part of a block: the lines of one record.
#[derive(Debug, Clone)]
pub struct Lines {
    block: Arc<Block>,
    start: u32,
    end: u32,
}

impl Lines {
    /// This part of a block.
    pub fn new(block: Arc<Block>, range: Range<u32>) -> Self {
        Self {
            block,
            start: range.start,
            end: range.end,
        }
    }

    /// Unpacked length.
    pub fn len(&self) -> usize {
        self.range().len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.range().is_empty()
    }

    /// Its part of what the block takes.
    pub fn packed_len(&self) -> usize {
        (self.block.packed_len() * self.len()).div_ceil(self.block.length.max(1) as usize)
    }

    /// The block.
    pub fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// Where in the unpacked block.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether these records are a whole block, in order.
    pub fn are_whole<'l>(all: impl Iterator<Item = &'l Self>) -> bool {
        let (mut at, mut length) = (0, None);
        for lines in all {
            if lines.start != at {
                return false;
            }
            at = lines.end;
            length = Some(lines.block.length);
        }
        length == Some(at)
    }
}

/// A gzip file in the making: blocks behind one another.
#[derive(Debug)]
pub struct Gzip {
    bytes: Vec<u8>,
    crc: Hasher,
    /// Of the text; modulo 2³², as the format has it.
    length: u32,
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            bytes: GZIP_HEAD.to_vec(),
            crc: Hasher::new(),
            length: 0,
        }
    }
}

impl Gzip {
    /// Adds a block.
    pub fn add(&mut self, block: &Block) {
        self.bytes.extend_from_slice(&block.packed);
        let crc = Hasher::new_with_initial_len(block.crc, u64::from(block.length));
        self.crc.combine(&crc);
        self.length = self.length.wrapping_add(block.length);
    }

    /// The file.
    pub fn finish(mut self) -> Bytes {
        self.bytes.extend_from_slice(&DEFLATE_END);
        let crc = self.crc.finalize();
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.bytes.extend_from_slice(&self.length.to_le_bytes());
        self.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn any_text(random: &mut fastrand::Rng) -> Vec<u8> {
        let length = [0, 1, 100, 5_000, 200_000][random.usize(0..5)];
        let letters = [2, 256][random.usize(0..2)];
        let mut letter = || u8::try_from(random.u16(0..letters)).unwrap();
        (0..length).map(|_| letter()).collect()
    }

    /// Text that packs well, text that does not, and none.
    #[test]
    fn blocks_unpack_to_their_text_and_together_are_one_gzip_file() {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut packer = Packer::default();
        for _ in 0..50 {
            let (mut gzip, mut all) = (Gzip::default(), Vec::new());
            for _ in 0..random.usize(0..4) {
                let text = any_text(&mut random);
                let block = packer.pack(&text);
                assert!(block.unpack() == text, "seed {seed}");
                gzip.add(&block);
                all.extend(text);
            }
            let mut unpacked = Vec::new();
            let file = gzip.finish();
            GzDecoder::new(&file[..])
                .read_to_end(&mut unpacked)
                .unwrap();
            assert!(unpacked == all, "seed {seed}");
        }
    }

    #[test]
    fn only_all_records_of_a_block_in_order_are_the_block() {
        let block = Arc::new(Packer::default().pack(b"aabbbc"));
        let lines = |range| Lines::new(block.clone(), range);
        let parts = [lines(0..2), lines(2..5), lines(5..6)];
        assert!(Lines::are_whole(parts.iter()));
        assert!(!Lines::are_whole(parts.iter().rev()));
        assert!(!Lines::are_whole(parts[..2].iter()));
        assert!(!Lines::are_whole(parts[1..].iter()));
        assert!(!Lines::are_whole([].iter()));
    }
}
