//! Records as lines of JSON, for every output but Elasticsearch. Pure.
//!
//! A line is the document with `@metadata` before it, as Beats write it: Logstash and Filebeat take that away and use what
//! stands in it. `_id` is what the document has to be indexed under; only streams that take one have it, as in
//! [`bulk`](super::elasticsearch::bulk). `id` is there always, so that anybody can tell the same document twice.

use std::sync::Arc;

use crate::identity::DocumentId;
use crate::spool::Record;

/// What each line begins with: the id of the document follows.
const HEAD: &[u8] = b"{\"@metadata\":{\"id\":\"";
/// An id in hexadecimal.
const ID_LENGTH: usize = 32;

/// Lines behind one another.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// All of them, each with its line feed.
    pub(super) text: Vec<u8>,
    /// One for each record, in order.
    pub(super) rows: Vec<Row>,
}

/// A line.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it ends; it begins where the one before it ends. Empty where the record cannot be read.
    pub(super) end: usize,
    pub(super) id: DocumentId,
    pub(super) stream: Arc<str>,
    /// Whether it may have been taken already.
    pub(super) attempted: bool,
}

impl Lines {
    /// The lines of records, which are unpacked by the block.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut lines = Self::default();
        for run in
            records.chunk_by(|a, b| Arc::ptr_eq(a.entry.lines.block(), b.entry.lines.block()))
        {
            let text = run[0].entry.lines.block().unpack();
            for record in run {
                let both = text.get(record.entry.lines.range()).unwrap_or_default();
                lines.add(record, document(both).unwrap_or_default());
            }
        }
        lines
    }

    fn add(&mut self, record: &Record, document: &[u8]) {
        let entry = &record.entry;
        if let Some(fields) = document.strip_prefix(b"{") {
            add_metadata(&mut self.text, &entry.stream, entry.id);
            self.text.extend_from_slice(fields);
            self.text.push(b'\n');
        }
        self.rows.push(Row {
            end: self.text.len(),
            id: entry.id,
            stream: entry.stream.clone(),
            attempted: record.attempted,
        });
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> Option<(&Row, &[u8])> {
        let row = self.rows.get(index)?;
        let before = index
            .checked_sub(1)
            .and_then(|before| self.rows.get(before));
        let start = before.map_or(0, |before| before.end);
        Some((row, self.text.get(start..row.end)?))
    }

    /// Each line, with its line feed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Row, &[u8])> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let range = std::mem::replace(&mut start, row.end)..row.end;
            (row, self.text.get(range).unwrap_or_default())
        })
    }
}

/// The second of the two lines of a bulk request.
fn document(both: &[u8]) -> Option<&[u8]> {
    let action = both.iter().position(|byte| *byte == b'\n')?;
    both.get(action + 1..)?.strip_suffix(b"\n")
}

fn add_metadata(text: &mut Vec<u8>, stream: &str, id: DocumentId) {
    let id = id.to_hex();
    text.extend_from_slice(HEAD);
    text.extend_from_slice(id.as_bytes());
    if !stream.starts_with("metrics-") {
        text.extend_from_slice(b"\",\"_id\":\"");
        text.extend_from_slice(id.as_bytes());
    }
    let rest = concat!(
        "\",\"beat\":\"brokerbeat\",\"type\":\"_doc\",\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\"},"
    );
    text.extend_from_slice(rest.as_bytes());
}

/// The id of a line that [`Lines`] made.
pub(super) fn id_of(line: &[u8]) -> Option<DocumentId> {
    let hex = line.strip_prefix(HEAD)?.get(..ID_LENGTH)?;
    let number = u128::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
    Some(DocumentId::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Value;

    use super::*;
    use crate::clock::Millis;
    use crate::ship::elasticsearch::bulk::add_lines;
    use crate::spool::{Block, Pack, Packer, Row, Spool};

    /// Appends a block of documents `{"n":…}` of a stream.
    pub(crate) fn append(spool: &Spool, stream: &str, numbers: std::ops::Range<u64>) {
        let bodies = numbers.map(|n| (n, format!("{{\"n\":{n}}}")));
        append_bodies(spool, stream, &bodies.collect::<Vec<_>>());
    }

    /// Appends a block of documents, each with what makes its id.
    pub(crate) fn append_bodies(spool: &Spool, stream: &str, bodies: &[(u64, String)]) {
        let (mut text, mut rows) = (Vec::new(), Vec::new());
        for (n, body) in bodies {
            let id = DocumentId::new(stream, Millis(*n));
            add_lines(&mut text, stream, id, body.as_bytes());
            let end = u32::try_from(text.len()).unwrap();
            rows.push(Row { end, id });
        }
        let block: Arc<Block> = Arc::new(Packer::default().pack(&text));
        spool.append(Pack {
            stream: stream.into(),
            timestamp: Millis(1),
            rows,
            block,
        });
    }

    #[test]
    fn a_line_is_the_document_with_its_id_and_only_events_have_one_to_be_indexed_under() {
        let directory = crate::files::TestDirectory::new();
        let spool = Spool::open(directory.path(), 1 << 30).unwrap().0;
        let streams = [
            "metrics-brokerbeat.jvm-default",
            "logs-brokerbeat.event-default",
        ];
        streams
            .iter()
            .for_each(|stream| append(&spool, stream, 0..3));
        let records = spool.next(usize::MAX, usize::MAX, |_| true);
        let some: Vec<Record> = [0, 2, 4].map(|at| records[at].clone()).to_vec();
        let lines = Lines::of(&some);
        let parsed: Vec<Value> = lines
            .iter()
            .map(|(_, line)| serde_json::from_slice(line).unwrap())
            .collect();
        for (index, ((row, line), record)) in lines.iter().zip(&some).enumerate() {
            assert_eq!(lines.get(index).unwrap().1, line);
            assert_eq!(row.id, record.entry.id);
            assert_eq!(id_of(line), Some(row.id));
            assert!(line.ends_with(b"}\n"));
        }
        let numbers: Vec<_> = parsed
            .iter()
            .map(|line| line["n"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, [0, 2, 1]);
        let metadata = |at: usize| &parsed[at]["@metadata"];
        assert!(metadata(0)["_id"].is_null());
        assert_eq!(metadata(2)["_id"], metadata(2)["id"]);
        assert_eq!(metadata(2)["beat"], "brokerbeat");
        assert_eq!(id_of(b"{\"@metadata\":{\"id\":\"12\"}}\n"), None);
        assert_eq!(id_of(b"{\"n\":1}\n"), None);
    }
}
