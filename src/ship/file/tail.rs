//! What a file ends with.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::identity::DocumentId;
use crate::ship::lines::id_of;

/// How far back ids are read: more than is ever written between two cursors of the queue, which are 100 ms and a batch apart.
const READ_BACK: u64 = 32 << 20;
/// A torn line is looked for in steps of so much.
const STEP: usize = 64 << 10;

/// Cuts off what stands behind the last line feed; gives the length that is left.
pub(super) fn cut_torn_line(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut step = vec![0; STEP];
    let whole = loop {
        let start = end.saturating_sub(STEP as u64);
        let part = &mut step[..usize::try_from(end - start).unwrap_or(STEP)];
        file.read_exact_at(part, start)?;
        match part.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => break start + at as u64 + 1,
            None if start == 0 => break 0,
            None => end = start,
        }
    };
    if whole < length {
        file.set_len(whole)?;
        tracing::info!(
            bytes = length - whole,
            "a line that was not finished is cut off; its document waits in the queue"
        );
    }
    Ok(whole)
}

/// Ids of the last lines of files, newest file first.
pub(super) fn ids(files: impl Iterator<Item = PathBuf>) -> io::Result<HashSet<DocumentId>> {
    let mut ids = HashSet::new();
    let mut left = READ_BACK;
    for path in files {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(left)))?;
        let mut reader = BufReader::new(file.take(left));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            ids.extend(id_of(&line));
            line.clear();
        }
        left = left.saturating_sub(length);
        if left == 0 {
            break;
        }
    }
    Ok(ids)
}
