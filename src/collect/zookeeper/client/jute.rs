//! Jute, ZooKeeper's serialisation: big-endian numbers, a length before each text and list.
//!
//! Source: `org.apache.jute.BinaryInputArchive` and `BinaryOutputArchive`. Pure.

use thiserror::Error;

/// What is wrong with bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// They end before the value does.
    #[error("an answer ends within a value")]
    Short,
    /// A length that cannot be.
    #[error("a length of {0}")]
    Length(i32),
}

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// At the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes that were not read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// `int`
    pub fn int(&mut self) -> Result<i32, Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*taken))
    }

    /// `long`
    pub fn long(&mut self) -> Result<i64, Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*taken))
    }

    /// `buffer` or the bytes of a `ustring`; null, which has the length -1, is `None`.
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            length => {
                let count = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
                self.take(count).map(Some)
            }
        }
    }

    /// How many entries a `vector` has that follow; null is none.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        match self.int()? {
            -1 => Ok(0),
            count => usize::try_from(count).map_err(|_| Malformed::Length(count)),
        }
    }
}

/// Writes a `buffer` or a `ustring`.
pub fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend(bytes);
}

/// Writes what `body` writes, with its length before it.
pub fn put_frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    body(out);
    let length = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Nothing that we send comes near to the largest length.
fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend(i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_more() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..500 {
            let texts: Vec<Vec<u8>> = (0..random.usize(0..5))
                .map(|_| (0..random.usize(0..40)).map(|_| random.u8(..)).collect())
                .collect();
            let mut out = Vec::new();
            put_frame(&mut out, |out| {
                texts.iter().for_each(|text| put_buffer(out, text))
            });
            let mut reader = Reader::new(&out);
            let frame = reader.buffer().unwrap().unwrap();
            assert!(reader.rest().is_empty());
            let mut inner = Reader::new(frame);
            for text in &texts {
                assert_eq!(inner.buffer().unwrap(), Some(text.as_slice()));
            }
            assert!(inner.rest().is_empty());
            // Every shorter one is found to be short, wherever it ends.
            let cut = random.usize(0..out.len());
            assert_eq!(Reader::new(&out[..cut]).buffer(), Err(Malformed::Short));
        }
    }

    #[test]
    fn null_is_no_empty_text_and_no_length_is_believed() {
        assert_eq!(Reader::new(&[255; 4]).buffer(), Ok(None));
        assert_eq!(Reader::new(&[0; 4]).buffer(), Ok(Some([].as_slice())));
        let length = Malformed::Length(-2);
        assert_eq!(Reader::new(&[255, 255, 255, 254]).buffer(), Err(length));
        assert_eq!(Reader::new(&[255; 4]).count(), Ok(0));
    }
}
