//! What was found below `/consumers`, plain.

use std::collections::BTreeMap;

use super::store::{OddNodes, OldStore};
use crate::collect::kafka::snapshot::{Answer, Missing, Reason};
use crate::collect::zookeeper::client::message::Code;

/// How many nodes of a kind are named.
const EXAMPLES: usize = 5;

/// Characters of a node's data that are shown.
const SHOWN_CHARS: usize = 20;

/// Something that was asked for, or `None` as long as nobody has answered.
pub type Asked<T> = Option<Answer<T>>;

/// All groups.
#[derive(Debug, Default)]
pub struct Tree {
    /// Whether there is a node `/consumers`; `None` where nobody has said.
    pub present: Option<bool>,
    /// Whether the list of groups is refused to us.
    pub refused: Option<Missing>,
    /// The groups that were asked for.
    pub groups: Vec<OldGroup>,
    /// Nodes that could not be made use of.
    pub odd: BTreeMap<OddNodes, (u64, Vec<String>)>,
}

/// A group.
#[derive(Debug, Default)]
pub struct OldGroup {
    /// Its id.
    pub id: String,
    /// Consumer ids of its members; `Ok(None)` where none ever joined.
    pub members: Asked<Option<Vec<String>>>,
    /// Whether its topics with offsets are known.
    pub listed: Asked<()>,
    /// Topics with an offset or an owner.
    pub topics: BTreeMap<String, OldTopic>,
}

/// A topic of a group.
#[derive(Debug, Default)]
pub struct OldTopic {
    /// Whether its partitions with offsets are known: `None` where there is no node to list them.
    pub listed: Asked<()>,
    /// Committed offsets.
    pub offsets: BTreeMap<i32, Asked<Option<i64>>>,
    /// Who reads a partition: `<consumer>-<thread>`.
    pub owners: BTreeMap<i32, Option<String>>,
}

impl Tree {
    /// Notes a node that cannot be made use of.
    pub fn note(&mut self, kind: OddNodes, example: impl FnOnce() -> String) {
        self.note_many(kind, 1, example);
    }

    /// Notes several at once, with one example.
    pub fn note_many(&mut self, kind: OddNodes, count: u64, example: impl FnOnce() -> String) {
        let (sum, examples) = self.odd.entry(kind).or_default();
        *sum = sum.saturating_add(count);
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }

    /// The error of a node as a missing value; one that is refused is noted.
    pub fn refusal(&mut self, code: Code, path: &str) -> Missing {
        match code {
            Code::NO_AUTH => {
                self.note(OddNodes::Refused, || path.to_owned());
                Missing::new(Reason::NotAuthorized, "an ACL of ZooKeeper refuses it")
            }
            Code(code) => {
                self.note(OddNodes::Failed, || format!("{path}: {code}"));
                Missing::new(Reason::Error, format!("ZooKeeper's error {code}"))
            }
        }
    }

    /// The offset that a node has.
    pub fn offset(&mut self, data: &[u8], path: &str) -> Answer<Option<i64>> {
        match parse_offset(data) {
            Some(offset) => Ok(offset),
            None => {
                self.note(OddNodes::NoOffset, || format!("{path}: `{}`", shown(data)));
                Err(Missing::new(Reason::Unreadable, "the node has no offset"))
            }
        }
    }

    /// What the snapshot keeps of the store itself.
    pub fn into_store(self, place: String, away: Option<Missing>) -> OldStore {
        let away = away.or(self.refused);
        OldStore {
            place,
            incomplete: away.is_some() && !self.groups.is_empty(),
            away,
            odd: self.odd,
        }
    }
}

/// `Long.parseLong`, as the old consumer reads it; −1 is what its tools take for no commit.
fn parse_offset(data: &[u8]) -> Option<Option<i64>> {
    let offset: i64 = std::str::from_utf8(data).ok()?.parse().ok()?;
    match offset {
        -1 => Some(None),
        offset => (offset >= 0).then_some(Some(offset)),
    }
}

fn shown(data: &[u8]) -> String {
    // Four bytes are the most that a character takes.
    let start = data.get(..SHOWN_CHARS * 4).unwrap_or(data);
    let text = String::from_utf8_lossy(start);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(SHOWN_CHARS).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_an_offset() {
        for (data, offset) in [
            ("0", Some(Some(0))),
            ("42", Some(Some(42))),
            ("+42", Some(Some(42))),
            ("9223372036854775807", Some(Some(i64::MAX))),
            ("-1", Some(None)),
            ("-2", None),
            ("9223372036854775808", None),
            ("", None),
            ("42\n", None),
            ("4 2", None),
            ("0x2a", None),
            ("NaN", None),
        ] {
            assert_eq!(parse_offset(data.as_bytes()), offset, "{data}");
        }
        assert_eq!(parse_offset(&[255, 254]), None);
    }

    #[test]
    fn what_is_noted_is_counted_but_named_a_few_times_only() {
        let mut tree = Tree::default();
        for number in 0..100 {
            let data = format!("x{number}\n{}", "y".repeat(1_000_000));
            assert!(tree.offset(data.as_bytes(), "/p").is_err());
        }
        let (count, examples) = &tree.odd[&OddNodes::NoOffset];
        assert_eq!((*count, examples.len()), (100, EXAMPLES));
        assert_eq!(examples[0], format!("/p: `x0 {}`", "y".repeat(17)));
    }
}
