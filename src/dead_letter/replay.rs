//! Back from the dead letter: what is asked for, and by whom it is done.
//!
//! `queue dead-letter replay` leaves a request in the directory. The agent takes it up: it alone moves documents, so that a
//! running one is not disturbed. Done is what a file no longer has; so a request that was cut off is simply begun again, and what
//! was on its way then comes a second time, which Elasticsearch answers with 409.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{self, Stored};
use super::{DeadLetter, Letter};
use crate::clock::Millis;
use crate::collect::kafka::pattern;
use crate::identity::DocumentId;

const PREFIX: &str = "replay-";
const SUFFIX: &str = "json";

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Streams, with `*` for anything; all of them where it is not there.
    pub stream: Option<String>,
    /// Files up to this number: what is refused again is not asked for again.
    pub up_to: u64,
}

impl Request {
    /// Whether documents of the stream are asked for.
    pub fn wants(&self, stream: &str) -> bool {
        let pattern = self.stream.as_deref();
        pattern.is_none_or(|pattern| pattern::matches(pattern, stream))
    }

    /// Leaves it for the agent.
    pub fn leave(stream: Option<String>, directory: &Path) -> io::Result<()> {
        let newest = files::list(directory)?.pop();
        let up_to = newest.map_or(0, |file| file.number);
        let json = serde_json::to_vec(&Self { stream, up_to })?;
        let name = format!("{PREFIX}{}.{SUFFIX}", uuid::Uuid::new_v4());
        crate::files::replace(&directory.join(name), &json)
    }

    /// Those that the agent has not finished, with their files. What is none is left alone.
    pub fn pending(directory: &Path) -> io::Result<Vec<(PathBuf, Self)>> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut pending = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if !name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
                continue;
            }
            if let Ok(request) = serde_json::from_slice(&std::fs::read(&path)?) {
                pending.push((path, request));
            }
        }
        Ok(pending)
    }
}

/// A file of the dead letter on its way back.
#[derive(Debug)]
pub(crate) struct Returning {
    file: Stored,
    /// What is asked for.
    pub(crate) back: Vec<Returned>,
    /// Lines that stay.
    rest: Vec<u8>,
}

/// A document on its way back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) letter: Letter,
    pub(crate) id: DocumentId,
    pub(crate) timestamp: Millis,
}

impl Returning {
    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.file.bytes
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.file.number
    }

    /// The documents are in the queue, on disk: takes them out of the dead letter.
    pub(crate) fn done(&self) -> io::Result<()> {
        if !self.rest.is_empty() {
            return crate::files::replace_private(&self.file.path, &self.rest);
        }
        std::fs::remove_file(&self.file.path)?;
        let directory = self.file.path.parent().unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
}

impl DeadLetter {
    /// Files that the request is about, the oldest first. None of them is added to from now on.
    pub(crate) fn asked_for(&self, request: &Request) -> io::Result<Vec<u64>> {
        let mut inner = self.lock();
        inner.leave_file();
        inner.closed = inner.closed.max(request.up_to);
        let files = files::list(self.directory())?;
        let numbers = files.iter().map(|file| file.number);
        Ok(numbers.filter(|number| *number <= request.up_to).collect())
    }

    /// What is asked for of a file, which is not given up before [`returned`](Self::returned); nothing if that has been done, or there is nothing.
    pub(crate) fn returning(
        &self,
        number: u64,
        request: &Request,
    ) -> io::Result<Option<Returning>> {
        {
            let mut inner = self.lock();
            if number <= inner.gone {
                return Ok(None);
            }
            inner.returning = Some(number);
        }
        let back = self.pick(number, request);
        // Of a file that gives nothing back nobody says that it is done.
        if !matches!(back, Ok(Some(_))) {
            self.returned();
        }
        back
    }

    fn pick(&self, number: u64, request: &Request) -> io::Result<Option<Returning>> {
        let path = files::path(self.directory(), number);
        let lines = files::read(&path)?;
        let (mut back, mut rest) = (Vec::new(), Vec::new());
        for line in lines.all() {
            let Some(letter) = Letter::read(line) else {
                continue;
            };
            match letter.key().filter(|_| request.wants(&letter.stream)) {
                Some((id, timestamp)) => back.push(Returned {
                    letter,
                    id,
                    timestamp,
                }),
                None => rest.extend([line, b"\n"].concat()),
            }
        }
        let bytes = lines.len();
        let file = Stored {
            number,
            path,
            bytes,
        };
        Ok((!back.is_empty()).then_some(Returning { file, back, rest }))
    }

    /// No file is on its way back any more.
    pub(crate) fn returned(&self) {
        self.lock().returning = None;
    }
}
