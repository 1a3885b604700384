//! What must hold for any bytes whatever. The fuzz targets call these functions with what the fuzzer makes up; the
//! crate's tests (`tests/checks.rs`) with its recorded replies and a few thousand damaged ones.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use jmx_rmi::codec::reply::{Outcome, Reply, ReplyDecoder, Returns};
use jmx_rmi::codec::{Decoded, Decoder, handshake, map, stub};
use jmx_rmi::{Limits, ObjectName, quote, unquote};

/// Counted memory per byte read: the worst is an empty string in an array, three bytes that take a node, a handle and
/// an element. A constant of one decoded class is on top.
const MEMORY_PER_BYTE: usize = 40;
const MEMORY: usize = 1024;

/// The defaults, with fewer values: one run should take milliseconds.
fn limits() -> Limits {
    Limits {
        values: 20_000,
        ..Limits::default()
    }
}

/// An object stream without its header: decoded, counted, and read as everything a reply can be.
pub fn decode(bytes: &[u8]) {
    let mut decoder = Decoder::new(limits());
    let mut rest = bytes;
    let decoded = decoder.decode(&mut rest);
    assert!(rest.len() <= bytes.len());
    let counted = decoder.memory();
    assert!(
        counted <= MEMORY + MEMORY_PER_BYTE * bytes.len(),
        "{counted} bytes of memory for {} bytes",
        bytes.len()
    );
    if let Ok(Some(decoded)) = decoded {
        views(&decoded);
    }
}

/// Everything a value can be taken for.
fn views(decoded: &Decoded) {
    let limits = limits();
    let shown = map::attributes(decoded, &limits).map(|values| format!("{values:?}").len());
    let single = format!("{:?}", map::attribute(decoded, &limits)).len();
    let info = map::mbean_info(decoded, &limits).map(|info| format!("{info:?}").len());
    let names = map::names(decoded).map(|names| names.len());
    let thrown = map::exception(decoded, None).to_string().len();
    let stub = (stub::remote_ref(decoded), stub::granted_lease(decoded));
    drop(std::hint::black_box((
        shown,
        single,
        info,
        names,
        thrown,
        map::text(decoded),
        stub,
    )));
}

/// A peer's answer to the handshake, and a whole return.
pub fn reply(bytes: &[u8]) {
    std::hint::black_box(handshake::looks_like(bytes));
    if let Some(handshake::Answer::Rmi(length)) = handshake::answer(bytes) {
        assert!(length <= bytes.len());
    }
    for returns in [Returns::Object, Returns::Void] {
        let mut rest = bytes;
        let found = ReplyDecoder::new(returns, limits()).decode(&mut rest);
        if let Ok(Some(reply)) = found {
            assert!(rest.len() < bytes.len());
            outcome(&reply);
        }
    }
}

fn outcome(reply: &Reply) {
    match &reply.outcome {
        Outcome::Void => {}
        Outcome::Value(decoded) | Outcome::Exception(decoded) => views(decoded),
    }
}

/// The same bytes in one piece and in many give the same. The first eight bytes say where to cut.
pub fn chunks(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let mut random = Random(u64::from_le_bytes(*seed));
    let mut rest = bytes;
    let whole = Decoder::new(limits()).decode(&mut rest);
    let whole = (format!("{whole:?}"), rest.len());
    assert_eq!(in_pieces(bytes, &mut random), whole);
}

/// What a decoder says and how many bytes it leaves, when the bytes come in pieces.
fn in_pieces(bytes: &[u8], random: &mut Random) -> (String, usize) {
    let mut decoder = Decoder::new(limits());
    let (mut taken, mut end) = (0, 0);
    loop {
        end = bytes.len().min(end + 1 + random.below(40));
        let mut rest = &bytes[taken..end];
        let found = decoder.decode(&mut rest);
        taken = end - rest.len();
        if end == bytes.len() || !matches!(found, Ok(None)) {
            // What was not fed yet is left as well.
            return (format!("{found:?}"), bytes.len() - taken);
        }
    }
}

/// Names and patterns: parsing, the canonical form, comparing, matching, quoting. 0xff separates two texts.
pub fn object_name(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0xff);
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (first, second) = (text(), text());
    for text in [&first, &second] {
        quoting(text);
    }
    let (first, second) = (ObjectName::parse(&first), ObjectName::parse(&second));
    if let Ok(name) = &first {
        alone(name);
    }
    if let (Ok(first), Ok(second)) = (&first, &second) {
        together(first, second);
    }
}

fn quoting(text: &str) {
    let quoted = quote(text);
    assert_eq!(unquote(&quoted).as_deref(), Some(text));
    let name = ObjectName::parse(&format!("d:k={quoted}")).expect("a quoted value is a value");
    assert_eq!(name.key("k"), Some(quoted.as_str()));
    assert!(!name.is_pattern());
    if let Some(inner) = unquote(text) {
        assert_eq!(quote(&inner), text);
    }
}

fn alone(name: &ObjectName) {
    let again = ObjectName::parse(name.canonical()).expect("a canonical name is a name");
    assert_eq!(again.canonical(), name.canonical());
    assert_eq!(again.as_str(), name.canonical());
    assert_eq!(&again, name);
    let same = ObjectName::parse(name.as_str()).expect("a printed name is a name");
    assert_eq!(same.as_str(), name.as_str());
    assert_eq!(name.matches(name), !name.is_pattern());
    let all = ObjectName::parse("").expect("the empty text is *:*");
    assert_eq!(all.matches(name), !name.is_pattern());
}

fn together(first: &ObjectName, second: &ObjectName) {
    assert_eq!(first == second, first.cmp(second).is_eq());
    assert_eq!(first.cmp(second), second.cmp(first).reverse());
    if first == second {
        assert_eq!(hash(first), hash(second));
    }
    let matches = first.matches(second);
    if second.is_pattern() {
        assert!(!matches);
    } else if !first.is_pattern() {
        assert_eq!(matches, first == second);
    }
}

fn hash(name: &ObjectName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// SplitMix64: repeatable, and good enough to cut and damage bytes with.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
