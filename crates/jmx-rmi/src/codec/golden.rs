//! Replies recorded from real JVMs: `tests/data/*.bin` with what they mean in the `.txt` beside each. Every file is a
//! case; the first word of its name says what it is. `JMX_RMI_GOLDEN=write cargo test -p jmx-rmi golden` writes the texts
//! anew, for a person to read the difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs};

use proptest::prelude::*;

use super::reply::{Outcome, Reply, ReplyDecoder, Returns};
use super::stub::{granted_lease, remote_ref};
use super::{DecodeError, Limits, map};

/// Name and bytes of every capture.
static CASES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    files.sort();
    assert!(files.len() > 40, "the captures are gone");
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
});

/// Those that are replies.
fn replies() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    CASES
        .iter()
        .filter(|(name, _)| !name.starts_with("invalid"))
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
}

fn decoder(name: &str) -> ReplyDecoder {
    let returns = if name.starts_with("void") {
        Returns::Void
    } else {
        Returns::Object
    };
    ReplyDecoder::new(returns, Limits::default())
}

/// What a reply means, a line per thing.
fn text(name: &str, reply: Result<Option<Reply>, DecodeError>) -> String {
    let mut out = String::new();
    let reply = match reply {
        Ok(reply) => reply.expect("a capture is a whole reply"),
        Err(error) => return format!("error: {error}\n"),
    };
    match reply.outcome {
        Outcome::Void => out.push_str("nothing\n"),
        Outcome::Exception(thrown) => writeln!(out, "{}", map::exception(&thrown, None)).unwrap(),
        Outcome::Value(value) if name.starts_with("attributes") => {
            for (key, value) in map::attributes(&value, &Limits::default()).unwrap() {
                writeln!(out, "{key} = {}", shortened(format!("{value:?}"))).unwrap();
            }
        }
        Outcome::Value(value) if name.starts_with("names") => {
            for name in map::names(&value).unwrap() {
                writeln!(out, "{name}").unwrap();
            }
        }
        Outcome::Value(value) if name.starts_with("info") => {
            writeln!(
                out,
                "{:#?}",
                map::mbean_info(&value, &Limits::default()).unwrap()
            )
            .unwrap();
        }
        Outcome::Value(value) if name.starts_with("text") => {
            writeln!(out, "{}", map::text(&value).unwrap()).unwrap();
        }
        Outcome::Value(value) if name.starts_with("lease") => {
            writeln!(out, "{} ms", granted_lease(&value).unwrap()).unwrap();
        }
        Outcome::Value(value) => writeln!(out, "{:#?}", remote_ref(&value).unwrap()).unwrap(),
    }
    out
}

/// A text of tens of thousands of characters is not for people.
fn shortened(text: String) -> String {
    match text.char_indices().nth(5000) {
        Some((at, _)) => format!("{}… ({} characters)", text.split_at(at).0, text.len()),
        None => text,
    }
}

#[test]
fn golden_replies_mean_what_is_written_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (name, bytes) in CASES.iter() {
        let mut rest = bytes.as_slice();
        let found = text(name, decoder(name).decode(&mut rest));
        let expected = folder.join(format!("{name}.txt"));
        if env::var_os("JMX_RMI_GOLDEN").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(
            found,
            fs::read_to_string(&expected).unwrap_or_default(),
            "{name}"
        );
        if !name.starts_with("invalid") {
            assert!(rest.is_empty(), "{name}: {} bytes are left", rest.len());
        }
    }
}

#[test]
fn golden_replies_may_come_byte_by_byte() {
    for (name, bytes) in replies() {
        let whole = text(name, decoder(name).decode(&mut &*bytes));
        let (mut decoder, mut pending, mut done) = (decoder(name), Vec::new(), None);
        for (position, byte) in bytes.iter().enumerate() {
            assert!(
                done.is_none(),
                "{name} ended {} bytes early",
                bytes.len() - position
            );
            pending.push(*byte);
            let mut rest = pending.as_slice();
            done = decoder.decode(&mut rest).unwrap();
            let taken = pending.len() - rest.len();
            pending.drain(..taken);
        }
        assert_eq!(text(name, Ok(done)), whole, "{name}");
    }
}

#[test]
fn every_prefix_of_a_golden_reply_needs_more() {
    for (name, bytes) in replies() {
        // Every prefix of the short ones; of the long ones a sample, since byte by byte they are all tried anyway.
        let step = if bytes.len() > 2000 { 61 } else { 1 };
        for length in (0..bytes.len()).step_by(step) {
            let reply = decoder(name).decode(&mut &bytes[..length]);
            assert!(
                matches!(reply, Ok(None)),
                "{name}: {length} bytes gave {reply:?}"
            );
        }
    }
}

#[test]
fn what_follows_a_reply_is_left_alone() {
    for (name, bytes) in replies() {
        let bytes = [bytes, b"next"].concat();
        let mut rest = bytes.as_slice();
        assert!(decoder(name).decode(&mut rest).unwrap().is_some());
        assert_eq!(rest, b"next", "{name}");
    }
}

/// Decodes and maps whatever comes of it: nothing here may panic or run away.
fn survive(bytes: &[u8], limits: &Limits) {
    let decoded = ReplyDecoder::new(Returns::Object, limits.clone()).decode(&mut &*bytes);
    if let Ok(Some(Reply {
        outcome: Outcome::Value(value) | Outcome::Exception(value),
        ..
    })) = decoded
    {
        let attributes = map::attributes(&value, limits).map(|values| format!("{values:?}").len());
        let names = map::names(&value).map(|names| names.len());
        let text = map::exception(&value, None).to_string();
        let found = (attributes, names, text, remote_ref(&value));
        drop(found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_replies_are_survived(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = which.get(&CASES).1.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let limits = Limits { memory: 1 << 20, values: 10_000, ..Limits::default() };
        survive(&bytes, &limits);
    }

    #[test]
    fn any_stream_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        // Tags, small lengths and type codes more often than chance would have them.
        let likely = |byte: u8| match byte {
            0..128 => 0x70 + byte % 15,
            128..192 => byte % 4,
            192..200 => b'L',
            _ => byte,
        };
        let mut reply = vec![0x51, 0xac, 0xed, 0, 5, 0x77, 15, 1];
        reply.extend([0; 14]);
        reply.extend(bytes.into_iter().map(likely));
        survive(&reply, &Limits::default());
    }
}
