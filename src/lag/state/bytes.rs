//! Numbers of variable length (LEB128, zigzag for signed ones), as protocol buffers have them.

/// Bits of a number in a byte; the highest says that more follow.
const BITS: u32 = 7;
const MORE: u8 = 0x80;

/// Where a state is written to.
pub(super) struct Sink {
    bytes: Vec<u8>,
    origin: u64,
    base: i64,
}

impl Sink {
    /// Empty; moments count back from `origin`.
    pub(super) fn new(origin: u64) -> Self {
        Self {
            bytes: Vec::new(),
            origin,
            base: 0,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= u64::from(MORE) {
            self.bytes.push(number as u8 | MORE);
            number >>= BITS;
        }
        self.bytes.push(number as u8);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    pub(super) fn moment(&mut self, moment: u64) {
        self.signed(self.origin.wrapping_sub(moment) as i64);
    }

    /// Offsets count from here.
    pub(super) fn offsets_from(&mut self, base: i64) {
        self.base = base;
    }

    pub(super) fn offset(&mut self, offset: i64) {
        self.signed(offset.wrapping_sub(self.base));
    }

    pub(super) fn some<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.raw(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            put(self, value);
        }
    }
}

/// Where a state is read from. `None` is the end of the bytes, or what no [`Sink`] writes.
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    origin: u64,
    base: i64,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            origin: 0,
            base: 0,
        }
    }

    /// Moments count back from here.
    pub(super) fn origin(&mut self, origin: u64) {
        self.origin = origin;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(BITS as usize) {
            let byte = self.byte()?;
            let bits = u64::from(byte & !MORE);
            // The tenth byte has room for one bit.
            if bits.checked_shl(shift)? >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & MORE == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// How many things follow: each takes at least a byte.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    pub(super) fn moment(&mut self) -> Option<u64> {
        Some(self.origin.wrapping_sub(self.signed()? as u64))
    }

    /// Offsets count from here.
    pub(super) fn offsets_from(&mut self, base: i64) {
        self.base = base;
    }

    pub(super) fn offset(&mut self) -> Option<i64> {
        Some(self.signed()?.wrapping_add(self.base))
    }

    /// Outside: whether it can be read; inside: whether there is one.
    #[expect(clippy::option_option, reason = "the two mean different things")]
    pub(super) fn some<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.flag()? {
            true => Some(Some(take(self)?)),
            false => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut sink = Sink::new(7);
        let numbers = [0, 1, 127, 128, 1 << 62, u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        numbers.into_iter().for_each(|number| sink.number(number));
        signed.into_iter().for_each(|number| sink.signed(number));
        numbers.into_iter().for_each(|number| sink.moment(number));
        sink.offsets_from(-5);
        signed.into_iter().for_each(|number| sink.offset(number));
        let bytes = sink.into_bytes();
        let mut bytes = Bytes::new(&bytes);
        bytes.origin(7);
        assert!(numbers.into_iter().all(|n| bytes.number() == Some(n)));
        assert!(signed.into_iter().all(|n| bytes.signed() == Some(n)));
        assert!(numbers.into_iter().all(|n| bytes.moment() == Some(n)));
        bytes.offsets_from(-5);
        assert!(signed.into_iter().all(|n| bytes.offset() == Some(n)));
        assert!(bytes.is_empty());
    }

    #[test]
    fn what_no_sink_writes_is_nothing() {
        assert_eq!(Bytes::new(&[0x80]).number(), None, "cut off");
        assert_eq!(Bytes::new(&[0xff; 11]).number(), None, "too long");
        assert_eq!(Bytes::new(&[200, 1, 0]).count(), None, "more than follows");
        assert_eq!(Bytes::new(&[2]).flag(), None);
        assert_eq!(Bytes::new(&[1, 0xff]).text(), None);
    }
}
