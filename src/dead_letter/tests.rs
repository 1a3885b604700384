//! Sentences about what is kept beside the queue.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::*;
use crate::clock::Millis;
use crate::files::TestDirectory;
use crate::identity::DocumentId;
use crate::spool::{Entry, Lines, Packer, Record};

const ROOM: u64 = 1 << 30;

/// Records of one block, by their text.
fn records(documents: &[&str]) -> Vec<Record> {
    let (mut text, mut ends) = (Vec::new(), vec![0]);
    for document in documents {
        text.extend_from_slice(format!("{{\"create\":{{}}}}\n{document}\n").as_bytes());
        ends.push(u32::try_from(text.len()).unwrap());
    }
    let block = Arc::new(Packer::default().pack(&text));
    let record = |range: &[u32]| Record {
        seq: 0,
        entry: Entry {
            stream: "metrics-a".into(),
            timestamp: Millis(1_700_000_000_000),
            id: DocumentId::new("s", Millis(1)),
            lines: Lines::new(block.clone(), range[0]..range[1]),
        },
        attempted: false,
    };
    ends.windows(2).map(record).collect()
}

fn refusal(reason: &str) -> Refusal {
    Refusal {
        status: Some(400),
        error_type: "document_parsing_exception".to_owned(),
        reason: reason.to_owned(),
    }
}

fn put(dead_letter: &DeadLetter, document: &str) -> io::Result<Gone> {
    let records = records(&[document]);
    dead_letter.put(&lines(&[(&records[0], refusal("why"))], Millis(0)))?;
    Ok(dead_letter.gone())
}

fn documents(directory: &Path) -> Vec<String> {
    let files = files::list(directory).unwrap();
    let read = |file: &files::Stored| files::read(&file.path).unwrap();
    let letters = files
        .iter()
        .map(read)
        .flat_map(|lines| lines.letters().collect::<Vec<_>>());
    letters
        .map(|letter| letter.document.get().to_owned())
        .collect()
}

#[test]
fn a_letter_has_the_reason_and_the_document_byte_by_byte() {
    let documents = [
        r#"{"b":1.50, "a":"\u00e9"}"#,
        "no JSON",
        r#"{"c":12345678901234567890123}"#,
    ];
    let records = records(&documents);
    let refused = [&records[0], &records[1], &records[2]].map(|record| (record, refusal("wh\ny")));
    let lines = lines(&refused, Millis(1_000));
    let read: Vec<Letter> = lines
        .split(|byte| *byte == b'\n')
        .filter_map(Letter::read)
        .collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[0].document.get(), documents[0]);
    assert_eq!(read[1].document.get(), "\"no JSON\"");
    assert_eq!(read[2].document.get(), documents[2]);
    let first = serde_json::to_value(&read[0]).unwrap();
    assert_eq!(first["time"], "1970-01-01T00:00:01.000Z");
    assert_eq!(first["timestamp"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        (&first["stream"], &first["status"]),
        (&"metrics-a".into(), &400.into())
    );
    assert_eq!(first["error_type"], "document_parsing_exception");
    assert_eq!(
        (&first["reason"], &first["id"]),
        (&"wh\ny".into(), &records[0].entry.id.to_hex().into())
    );
}

#[test]
fn a_torn_last_line_is_no_letter_and_does_not_spoil_the_next_one() {
    let directory = TestDirectory::new();
    let path = directory.path();
    put(&DeadLetter::new(path.to_owned(), ROOM, 0), "{\"a\":1}").unwrap();
    let file = files::path(path, 1);
    let whole = std::fs::read(&file).unwrap();
    for cut in 0..whole.len() {
        let torn = [&whole[..], &whole[..cut]].concat();
        std::fs::write(&file, &torn).unwrap();
        put(&DeadLetter::new(path.to_owned(), ROOM, 0), "{\"a\":2}").unwrap();
        let expected = match cut + 1 == whole.len() {
            // Only the end of the line was missing.
            true => vec!["{\"a\":1}", "{\"a\":1}", "{\"a\":2}"],
            false => vec!["{\"a\":1}", "{\"a\":2}"],
        };
        assert_eq!(documents(path), expected, "{cut} bytes of a line");
    }
}

#[test]
fn documents_are_their_owners_alone() {
    let directory = TestDirectory::new();
    let path = directory.path().join("letters");
    put(&DeadLetter::new(path.clone(), ROOM, 0), "{}").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&files::path(&path, 1))), (0o700, 0o600));
}

#[test]
fn a_full_dead_letter_gives_up_its_oldest_file_once_and_counts_it() {
    let directory = TestDirectory::new();
    let path = directory.path();
    let room = 4 * SMALLEST_FILE;
    let text = "x".repeat(1_000);
    let (mut given_up, mut last) = (0, 0);
    const COUNT: u64 = 1_000;
    let mut dead_letter = DeadLetter::new(path.to_owned(), room, 0);
    for number in 0..COUNT {
        let gone = put(
            &dead_letter,
            &format!("{{\"n\":{number},\"x\":\"{text}\"}}"),
        )
        .unwrap();
        given_up += gone.documents.get("metrics-a").copied().unwrap_or(0);
        last = last.max(gone.up_to);
        if gone.up_to > 0 && number % 2 == 0 {
            // A process that dies after its cursor was written and before the file went.
            dead_letter = DeadLetter::new(path.to_owned(), room, last);
        }
        // The cursor comes later than the letters.
        if number % 100 > 0 {
            continue;
        }
        dead_letter.remove(last);
        let bytes: u64 = files::list(path)
            .unwrap()
            .iter()
            .map(|file| file.bytes)
            .sum();
        assert!(bytes <= room, "{bytes}");
    }
    dead_letter.remove(last);
    let left = documents(path);
    assert!(given_up > 0 && left.len() > 100);
    assert_eq!(given_up + left.len() as u64, COUNT);
    assert!(
        left[0].starts_with(&format!("{{\"n\":{given_up},")),
        "the oldest have gone"
    );
}

#[test]
fn a_file_that_somebody_removed_takes_nothing_with_it() {
    let directory = TestDirectory::new();
    let path = directory.path();
    let dead_letter = DeadLetter::new(path.to_owned(), ROOM, 0);
    put(&dead_letter, "{\"a\":1}").unwrap();
    std::fs::remove_file(files::path(path, 1)).unwrap();
    put(&dead_letter, "{\"a\":2}").unwrap();
    assert_eq!(documents(path), ["{\"a\":2}"]);
    dead_letter.sync().unwrap();
}

#[test]
fn where_nothing_can_be_written_it_is_an_error_and_later_it_goes_on() {
    let directory = TestDirectory::new();
    let path = directory.path().join("letters");
    std::fs::write(&path, "a file in the way").unwrap();
    let dead_letter = DeadLetter::new(path.clone(), ROOM, 0);
    assert!(put(&dead_letter, "{}").is_err() && put(&dead_letter, "{}").is_err());
    std::fs::remove_file(&path).unwrap();
    put(&dead_letter, "{\"a\":1}").unwrap();
    assert_eq!(documents(&path), ["{\"a\":1}"]);
}

#[test]
fn a_file_of_which_nothing_is_taken_back_may_go_for_others() {
    let directory = TestDirectory::new();
    let path = directory.path();
    let room = 4 * SMALLEST_FILE;
    let dead_letter = DeadLetter::new(path.to_owned(), room, 0);
    put(&dead_letter, "{}").unwrap();
    let request = |stream: Option<&str>| Request {
        stream: stream.map(str::to_owned),
        up_to: 1,
    };
    let nothing = dead_letter.returning(1, &request(Some("another")));
    assert!(nothing.unwrap().is_none());
    grow(&dead_letter, room);
    // A file that cannot be read.
    let file = files::path(path, 900);
    std::fs::create_dir(&file).unwrap();
    dead_letter.returning(900, &request(None)).unwrap_err();
    std::fs::remove_dir(&file).unwrap();
    grow(&dead_letter, room);
    let back = dead_letter.returning(files::list(path).unwrap()[0].number, &request(None));
    assert!(back.unwrap().is_some());
}

/// More than there is room for.
fn grow(dead_letter: &DeadLetter, room: u64) {
    let document = format!("{{\"x\":\"{}\"}}", "x".repeat(8_000));
    for _ in 0..room / 4_000 {
        let gone = put(dead_letter, &document).unwrap();
        if gone.up_to > 0 {
            dead_letter.remove(gone.up_to);
        }
    }
    let bytes = DeadLetter::disk_bytes(dead_letter.directory()).unwrap();
    assert!(bytes <= room, "{bytes} of {room}");
}
