//! The cursor: what has been settled, and the accounts, in one file that is replaced as a whole. Pure.
//!
//! It says which records of those before `next_seq` still wait. A record of a segment that is behind `next_seq` has come
//! since, and waits too. So a cursor that is some records behind costs a second attempt of those, which Elasticsearch
//! answers with 409, and no account goes wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Account;

/// First line; another form is another line.
const BEGIN: &str = "brokerbeat cursor 1";

/// What is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Sequence number of the next record.
    pub next_seq: u64,
    /// Sequence numbers of records that are not settled: first and count.
    pub waiting: Vec<(u64, u64)>,
    /// Files of the dead letter up to this number are given up, and counted.
    pub letters_gone: u64,
    /// `@timestamp` of the oldest document that waits, in milliseconds since the epoch.
    pub oldest: Option<u64>,
    /// By data stream.
    pub accounts: BTreeMap<String, Account>,
}

impl Cursor {
    /// The file: a line that names it with the SHA-256 of the rest, and JSON.
    pub(super) fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).expect("numbers and texts are JSON");
        format!("{BEGIN} {}\n{json}\n", hash(&json)).into_bytes()
    }

    /// What was stored; nothing where a byte is wrong.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (first, json) = text.split_once('\n')?;
        let json = json.strip_suffix('\n')?;
        let stored = first.strip_prefix(BEGIN)?.strip_prefix(' ')?;
        (cfg!(fuzzing) || stored == hash(json)).then(|| serde_json::from_str(json).ok())?
    }

    /// All streams together.
    pub fn total(&self) -> Account {
        self.accounts.values().sum()
    }

    /// Whether the record waits, as far as the cursor knows.
    pub(super) fn is_waiting(&self, seq: u64) -> bool {
        let behind = self.waiting.partition_point(|(first, _)| *first <= seq);
        let before = behind.checked_sub(1).and_then(|at| self.waiting.get(at));
        seq >= self.next_seq || before.is_some_and(|(first, count)| seq - first < *count)
    }
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        let account = Account {
            collected: 7,
            indexed: 3,
            queued: 4,
            ..Account::default()
        };
        Cursor {
            next_seq: 100,
            waiting: vec![(90, 2), (95, 1)],
            letters_gone: 3,
            oldest: Some(17),
            accounts: BTreeMap::from([("metrics-a-b".into(), account)]),
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let bytes = cursor().encode();
        assert_eq!(Cursor::decode(&bytes), Some(cursor()));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Cursor::decode(&wrong), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Cursor::decode(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn what_waits_is_in_a_run_or_behind_the_cursor() {
        let waiting: Vec<u64> = (80..103).filter(|seq| cursor().is_waiting(*seq)).collect();
        assert_eq!(waiting, [90, 91, 95, 100, 101, 102]);
    }
}
