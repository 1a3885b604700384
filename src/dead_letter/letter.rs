//! A document that an output refused for good, with the reason beside it: a line of the dead letter. Pure.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::Millis;
use crate::identity::DocumentId;
use crate::spool::Record;

/// A reason may quote the document; so much of it is kept.
const REASON_CHARS: usize = 2_000;

/// Why an output refused a document for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, where the output speaks HTTP.
    pub status: Option<u16>,
    /// In a word: `document_parsing_exception`, `too_large`, `too_old` …
    pub error_type: String,
    /// In words.
    pub reason: String,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Letter {
    /// When it was refused.
    pub time: String,
    /// Its data stream.
    pub stream: String,
    /// Its own `@timestamp`.
    pub timestamp: String,
    /// Its id.
    pub id: String,
    /// HTTP status of the refusal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// In a word.
    pub error_type: String,
    /// In words.
    pub reason: String,
    /// The document, byte by byte as it was.
    pub document: Box<RawValue>,
}

impl Letter {
    /// Reads a line; nothing if it is none, as the last one before a crash may be.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// What it is kept by: its id and tick; nothing where somebody has written into it.
    pub(super) fn key(&self) -> Option<(DocumentId, Millis)> {
        // What is no object cannot be indexed: the text of a block that was damaged.
        let is_object = self.document.get().starts_with('{');
        let timestamp: jiff::Timestamp = self.timestamp.parse().ok()?;
        let tick = u64::try_from(timestamp.as_millisecond()).ok()?;
        is_object.then_some((DocumentId::from_hex(&self.id)?, Millis(tick)))
    }
}

/// The lines of some records. Records of one block stand together, so that each block is unpacked once.
pub(crate) fn lines(refused: &[(&Record, Refusal)], now: Millis) -> Vec<u8> {
    let mut lines = Vec::new();
    let time = now.to_rfc3339();
    let block = |(record, _): &(&Record, Refusal)| record.entry.lines.block().clone();
    for run in refused.chunk_by(|a, b| std::sync::Arc::ptr_eq(&block(a), &block(b))) {
        let text = block(&run[0]).unpack();
        for (record, refusal) in run {
            let entry = &record.entry;
            let letter = Letter {
                time: time.clone(),
                stream: entry.stream.to_string(),
                timestamp: entry.timestamp.to_rfc3339(),
                id: entry.id.to_hex(),
                status: refusal.status,
                error_type: refusal.error_type.clone(),
                reason: refusal.reason.chars().take(REASON_CHARS).collect(),
                document: document(text.get(entry.lines.range()).unwrap_or_default()),
            };
            serde_json::to_writer(&mut lines, &letter).expect("texts and numbers are JSON");
            lines.push(b'\n');
        }
    }
    lines
}

/// The second line of a record. What is no JSON (a block that cannot be unpacked) is kept as a text.
fn document(lines: &[u8]) -> Box<RawValue> {
    let document = lines.splitn(2, |byte| *byte == b'\n').nth(1);
    let document = document.unwrap_or_default().trim_ascii_end();
    serde_json::from_slice(document).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(document);
        serde_json::value::to_raw_value(&text).expect("a text is JSON")
    })
}
