//! The `_bulk` request and its answer. Pure.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use crate::identity::DocumentId;
use crate::spool::{Block, Gzip, Lines, Packer, Record};

/// What is wanted back: a status a document, and why where it failed.
pub const PATH: &str = "/_bulk?filter_path=errors,items.*.status,items.*.result,items.*.failure_store,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason";

/// Adds the lines of a document to the text of a block: an action, and the document.
///
/// Time-series streams compute their own `_id` and refuse a custom one. Whether a stream of metrics is one is known when it is
/// shipped to, so here an id is written to others only.
pub fn add_lines(text: &mut Vec<u8>, stream: &str, id: DocumentId, document: &[u8]) {
    add_action(text, stream, has_id(stream).then_some(id));
    text.extend_from_slice(document);
    text.push(b'\n');
}

/// Whether the lines of a stream have their ids from the beginning.
fn has_id(stream: &str) -> bool {
    !stream.starts_with("metrics-")
}

fn add_action(text: &mut Vec<u8>, stream: &str, id: Option<DocumentId>) {
    text.extend_from_slice(b"{\"create\":{\"_index\":\"");
    text.extend_from_slice(stream.as_bytes());
    if let Some(id) = id {
        text.extend_from_slice(b"\",\"_id\":\"");
        text.extend_from_slice(id.to_hex().as_bytes());
    }
    text.extend_from_slice(b"\"}}\n");
}

/// Body of a bulk request, as a gzip file: whole blocks as they are, parts of blocks packed anew. Documents of streams that
/// want an id get it.
pub fn encode(records: &[Record], wants_id: impl Fn(&str) -> bool) -> Bytes {
    let mut gzip = Gzip::default();
    let mut loose = Vec::new();
    for run in records.chunk_by(|a, b| Arc::ptr_eq(a.block(), b.block())) {
        let block = run[0].block();
        let stream = &*run[0].entry.stream;
        let lacks_id = !has_id(stream) && wants_id(stream);
        if !lacks_id && Lines::are_whole(run.iter().map(|record| &record.entry.lines)) {
            add_loose(&mut gzip, &mut loose);
            gzip.add(block);
            continue;
        }
        let text = block.unpack();
        for record in run {
            let both = text.get(record.entry.lines.range()).unwrap_or_default();
            let rest = if lacks_id { after_action(both) } else { None };
            if rest.is_some() {
                add_action(&mut loose, stream, Some(record.entry.id));
            }
            loose.extend_from_slice(rest.unwrap_or(both));
        }
    }
    add_loose(&mut gzip, &mut loose);
    gzip.finish()
}

/// The second of two lines.
fn after_action(both: &[u8]) -> Option<&[u8]> {
    let end = both.iter().position(|byte| *byte == b'\n')?;
    both.get(end + 1..)
}

fn add_loose(gzip: &mut Gzip, loose: &mut Vec<u8>) {
    if !loose.is_empty() {
        gzip.add(&Packer::default().pack(loose));
        loose.clear();
    }
}

impl Record {
    fn block(&self) -> &Arc<Block> {
        self.entry.lines.block()
    }
}

/// What Elasticsearch says about one document.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
pub struct Item {
    /// HTTP status of this document.
    pub status: u16,
    /// `created`, `noop` …
    pub result: Option<String>,
    /// `used` where the document went aside instead of into the index.
    pub failure_store: Option<String>,
    /// Why not.
    pub error: Option<ItemError>,
}

/// Why a document was not indexed.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
pub struct ItemError {
    /// `document_parsing_exception` …
    #[serde(rename = "type", default)]
    pub error_type: String,
    /// In words.
    #[serde(default)]
    pub reason: String,
    /// The words behind them.
    pub caused_by: Option<Cause>,
}

/// The words behind the words.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
pub struct Cause {
    /// In words.
    #[serde(default)]
    pub reason: String,
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    create: Item,
}

/// The items of an answer in the order of the request; anything else is said in words.
pub fn decode(body: &[u8], sent: usize) -> Result<Vec<Item>, String> {
    let answer: BulkAnswer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if answer.items.len() != sent {
        return Err(format!("{} items for {sent} documents", answer.items.len()));
    }
    Ok(answer
        .items
        .into_iter()
        .map(|action| action.create)
        .collect())
}

impl Item {
    /// Elasticsearch's reason in one line.
    pub fn why(&self) -> String {
        let Some(error) = &self.error else {
            return format!("status {}", self.status);
        };
        let behind = error
            .caused_by
            .as_ref()
            .map_or("", |cause| cause.reason.as_str());
        let separator = if behind.is_empty() { "" } else { ": " };
        format!(
            "{} ({}): {}{separator}{behind}",
            error.error_type, self.status, error.reason
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::clock::Millis;
    use crate::spool::Entry;

    const METRICS: &str = "metrics-brokerbeat.jvm-default";
    const EVENTS: &str = "logs-brokerbeat.event-default";

    /// A block of so many records of a stream.
    fn records(stream: &str, count: usize) -> Vec<Record> {
        let id = DocumentId::new("s", Millis(1));
        let (mut text, mut ends) = (Vec::new(), vec![0]);
        for n in 0..count {
            add_lines(&mut text, stream, id, format!("{{\"a\":{n}}}").as_bytes());
            ends.push(u32::try_from(text.len()).unwrap());
        }
        let block = Arc::new(Packer::default().pack(&text));
        let record = |range: &[u32]| Record {
            seq: 0,
            entry: Entry {
                stream: stream.into(),
                timestamp: Millis(1),
                id,
                lines: Lines::new(block.clone(), range[0]..range[1]),
            },
            attempted: false,
        };
        ends.windows(2).map(record).collect()
    }

    fn lines(records: &[Record]) -> Vec<String> {
        lines_with(records, false)
    }

    fn lines_with(records: &[Record], ids: bool) -> Vec<String> {
        let mut text = String::new();
        let body = encode(records, |_| ids);
        GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_streams_that_take_an_id_get_one() {
        let lines = lines(&[records(METRICS, 1), records(EVENTS, 1)].concat());
        assert_eq!(
            lines[0],
            r#"{"create":{"_index":"metrics-brokerbeat.jvm-default"}}"#
        );
        assert!(lines[2].contains("\"_id\":\""), "{}", lines[2]);
        assert_eq!((&*lines[1], &*lines[3]), ("{\"a\":0}", "{\"a\":0}"));
    }

    #[test]
    fn metrics_get_an_id_where_their_stream_is_no_time_series() {
        let records = [records(METRICS, 2), records(EVENTS, 1)].concat();
        let id = DocumentId::new("s", Millis(1)).to_hex();
        let action =
            |stream| format!("{{\"create\":{{\"_index\":\"{stream}\",\"_id\":\"{id}\"}}}}");
        let expected = [
            &*action(METRICS),
            "{\"a\":0}",
            &*action(METRICS),
            "{\"a\":1}",
            &*action(EVENTS),
            "{\"a\":0}",
        ];
        assert_eq!(lines_with(&records, true), expected);
        assert_eq!(lines_with(&records[1..2], true), expected[2..4]);
    }

    #[test]
    fn any_choice_of_records_is_sent_as_they_are_chosen() {
        let all = [records(METRICS, 5), records(EVENTS, 3), records(METRICS, 2)].concat();
        let whole = lines(&all);
        for choice in 0..1 << all.len() {
            let chosen = |index: &usize| choice >> index & 1 == 1;
            let some: Vec<usize> = (0..all.len()).filter(chosen).collect();
            let sent: Vec<Record> = some.iter().map(|index| all[*index].clone()).collect();
            let two = |index: &usize| [&*whole[2 * index], &*whole[2 * index + 1]];
            let expected: Vec<&str> = some.iter().flat_map(two).collect();
            assert_eq!(lines(&sent), expected);
        }
    }

    #[test]
    fn an_answer_that_is_not_one_is_said() {
        assert!(decode(b"<html>", 1).is_err());
        assert!(
            decode(b"{\"items\":[]}", 1)
                .unwrap_err()
                .contains("0 items for 1")
        );
        let items = decode(br#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"x","reason":"y","caused_by":{"reason":"z"}}}}]}"#, 1).unwrap();
        assert_eq!(items[0].why(), "x (400): y: z");
    }
}
