//! `output.file`: documents as NDJSON in files that follow one another.
//!
//! * A record is settled when its line has been written and synced: a batch is a write and a sync.
//! * A process that dies may leave a torn line; the next one cuts it off before it writes, as its record still waits.
//! * A process that dies between the sync and the queue's cursor leaves records in the queue that are in a file. So
//!   what the files end with is read back at the start, and such a record is a duplicate and not written again.
//! * A full disk holds the records. What was written of the batch is cut back to its last whole line.

mod config;
mod files;
mod tail;
#[cfg(test)]
mod tests;

pub use config::FileConfig;

use std::path::PathBuf;

use thiserror::Error;

use self::files::Files;
use super::batches::Attempt;
use super::lines::Lines;

/// Why there is no such output.
#[derive(Debug, Error)]
pub enum FileError {
    /// The directory cannot be used.
    #[error(
        "cannot use the directory {directory} of output.file; make it writable or set another output.file.path"
    )]
    Io {
        /// Which.
        directory: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Two would write over each other.
    #[error(
        "another agent writes the files {filename}-*.ndjson in {directory}; stop it or set another output.file.filename"
    )]
    InUse {
        /// Where.
        directory: PathBuf,
        /// What its files' names begin with, too.
        filename: String,
    },
}

/// Writes files.
#[derive(Debug)]
pub(super) struct FileOutput {
    /// Away while a thread writes.
    files: Option<Files>,
}

impl FileOutput {
    /// Takes the directory, which is made if it is not there.
    pub(super) fn open(config: &FileConfig) -> Result<Self, FileError> {
        let files = Some(Files::open(config)?);
        Ok(Self { files })
    }

    /// Waits for the disk on a thread for that.
    pub(super) async fn take(&mut self, lines: Lines) -> Attempt {
        let Some(mut files) = self.files.take() else {
            return over("the thread that writes the files has failed");
        };
        let written = tokio::task::spawn_blocking(move || {
            let attempt = files.take(&lines);
            (files, attempt)
        });
        match written.await {
            Ok((files, attempt)) => {
                self.files = Some(files);
                attempt
            }
            Err(error) => over(&format!("writing files failed: {error}")),
        }
    }
}

fn over(why: &str) -> Attempt {
    Attempt {
        trouble: Some(why.to_owned()),
        is_over: true,
        ..Attempt::default()
    }
}
