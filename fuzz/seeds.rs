//! Writes the first inputs into a folder: a queue as an agent leaves it, and answers as Elasticsearch gives them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brokerbeat::clock::Millis;
use brokerbeat::identity::DocumentId;
use brokerbeat::ship::elasticsearch::bulk;
use brokerbeat::spool::{Outcome, Pack, Packer, Row, Spool};

const ANSWERS: &[&str] = &[
    r#"{"errors":false,"items":[{"create":{"result":"created","status":201}}]}"#,
    r#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:2] failed to parse field [a]","caused_by":{"reason":"For input string"}}}}]}"#,
    r#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"timestamp_error","reason":"the document timestamp [2024-01-01T00:00:00.000Z] is outside of ranges of currently writable indices [[2025-06-15T10:00:00.000Z,2025-06-15T14:00:00.000Z]]"}}}]}"#,
    r#"{"errors":true,"items":[{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"}}}]}"#,
    r#"{"errors":false,"items":[{"create":{"result":"created","status":201,"failure_store":"used"}}]}"#,
];

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let folder = Path::new(&folder);
    for name in ["records", "answers"] {
        fs::create_dir_all(folder.join(name)).expect("it can be written");
    }
    for (number, answer) in ANSWERS.iter().enumerate() {
        let input = [&[1], answer.as_bytes()].concat();
        fs::write(folder.join(format!("answers/{number}")), input).expect("it can be written");
    }
    for settled in [0, 1, 4] {
        let path = folder.join(format!("records/settled-{settled}"));
        fs::write(path, queue(folder, settled)).expect("it can be written");
    }
}

/// Two blocks, of which so many records are settled.
fn queue(folder: &Path, settled: usize) -> Vec<u8> {
    let directory = folder.join("queue");
    let (spool, _) = Spool::open(&directory, 1 << 30).expect("it can be written");
    for stream in [
        "metrics-brokerbeat.jvm-default",
        "logs-brokerbeat.event-default",
    ] {
        spool.append(pack(stream));
    }
    for record in spool.next(usize::MAX, settled, |_| settled > 0) {
        spool.ack(record.seq, Outcome::Indexed);
    }
    spool.keep().expect("it can be written");
    let cursor = fs::read(directory.join("cursor")).expect("it was written");
    let segment = fs::read(segment(&directory)).expect("it was written");
    drop(spool);
    fs::remove_dir_all(directory).expect("it is ours");
    let length = u16::try_from(cursor.len()).expect("a short cursor");
    [&length.to_le_bytes()[..], &cursor, &segment].concat()
}

fn segment(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory).expect("it is there");
    let mut paths = entries.map(|entry| entry.expect("it can be read").path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "seg");
    paths.find(is_segment).expect("one was written")
}

fn pack(stream: &str) -> Pack {
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for number in 0..3_u64 {
        let id = DocumentId::new(stream, Millis(number));
        bulk::add_lines(
            &mut text,
            stream,
            id,
            format!("{{\"n\":{number}}}").as_bytes(),
        );
        let end = u32::try_from(text.len()).expect("short");
        rows.push(Row { end, id });
    }
    Pack {
        stream: stream.into(),
        timestamp: Millis(1_750_000_000_000),
        rows,
        block: Arc::new(Packer::default().pack(&text)),
    }
}
