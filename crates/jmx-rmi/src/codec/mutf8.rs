//! Modified UTF-8 (`java.io.DataInput`): U+0000 takes two bytes, supplementary characters are two surrogates of three
//! bytes each.

use std::sync::Arc;

use super::DecodeError;

/// Decodes a string. Half of a surrogate pair, which Java allows and Rust does not, becomes U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Result<Arc<str>, DecodeError> {
    // ASCII is the same in both and is what nearly every string is.
    if bytes.is_ascii() {
        return std::str::from_utf8(bytes)
            .map(Arc::from)
            .map_err(|_| DecodeError::Utf);
    }
    let mut units = Units { bytes };
    let mut failed = false;
    let units = std::iter::from_fn(|| {
        let unit = units.take()?;
        failed = unit.is_err();
        unit.ok()
    });
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if failed {
        Err(DecodeError::Utf)
    } else {
        Ok(text.into())
    }
}

/// The UTF-16 units in some bytes.
struct Units<'a> {
    bytes: &'a [u8],
}

impl Units<'_> {
    fn take(&mut self) -> Option<Result<u16, DecodeError>> {
        let unit = match *self.bytes {
            [] => return None,
            [a, ..] if a < 0x80 => (u16::from(a), 1),
            [a, b, ..] if a >> 5 == 0b110 && b >> 6 == 0b10 => {
                (u16::from(a & 0x1f) << 6 | low(b), 2)
            }
            [a, b, c, ..] if a >> 4 == 0b1110 && b >> 6 == 0b10 && c >> 6 == 0b10 => {
                (u16::from(a & 0x0f) << 12 | low(b) << 6 | low(c), 3)
            }
            _ => return Some(Err(DecodeError::Utf)),
        };
        self.bytes = self.bytes.get(unit.1..).unwrap_or_default();
        Some(Ok(unit.0))
    }
}

fn low(byte: u8) -> u16 {
    u16::from(byte & 0x3f)
}

/// Appends the text without a length.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    for unit in text.encode_utf16() {
        let byte = |shift: u32| (unit >> shift & 0x3f) as u8 | 0x80;
        match unit {
            0x01..=0x7f => out.push(unit as u8),
            0 | 0x80..=0x7ff => out.extend([(unit >> 6) as u8 | 0xc0, byte(0)]),
            _ => out.extend([(unit >> 12) as u8 | 0xe0, byte(6), byte(0)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in any::<String>()) {
            let mut bytes = Vec::new();
            encode(&text, &mut bytes);
            prop_assert!(!bytes.contains(&0));
            prop_assert_eq!(&*decode(&bytes).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_text_or_an_error(bytes in any::<Vec<u8>>()) {
            if let Ok(text) = decode(&bytes) {
                prop_assert!(text.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn java_encodes_nul_and_emoji_its_own_way() {
        assert_eq!(&*decode(&[0xc0, 0x80]).unwrap(), "\0");
        assert_eq!(
            &*decode(&[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]).unwrap(),
            "😀"
        );
        assert_eq!(&*decode(&[0xed, 0xa0, 0xbd]).unwrap(), "\u{fffd}");
        assert_eq!(
            decode(&[b'a', 0xf0, 0x9f, 0x98, 0x80]),
            Err(DecodeError::Utf)
        );
        assert_eq!(decode(&[0xe0, 0x80]), Err(DecodeError::Utf));
    }
}
