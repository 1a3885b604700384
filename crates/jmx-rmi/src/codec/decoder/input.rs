//! A cursor over the bytes at hand. A step of the decoder reads through a copy and keeps it only when the step was
//! complete, so that nothing is half-read.

use super::super::DecodeError;

/// Why a step did not happen. `More` never leaves the decoder as an error: it becomes the value "not yet".
#[derive(Debug)]
pub(in crate::codec) enum Stop {
    More,
    Bad(DecodeError),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Bad(error)
    }
}

#[derive(Debug, Clone, Copy)]
pub(in crate::codec) struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub(in crate::codec) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(in crate::codec) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(in crate::codec) fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(Stop::More)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(in crate::codec) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(Stop::More)?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(in crate::codec) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(u8::from_be_bytes)
    }

    pub(in crate::codec) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::codec) fn i32(&mut self) -> Result<i32, Stop> {
        self.array().map(i32::from_be_bytes)
    }

    pub(in crate::codec) fn i64(&mut self) -> Result<i64, Stop> {
        self.array().map(i64::from_be_bytes)
    }

    /// The bytes of a string with a length of 16 bits (`DataOutput.writeUTF`).
    pub(in crate::codec) fn utf(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}
