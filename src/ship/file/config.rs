//! `output.file`.

use std::path::PathBuf;

use crate::config::Section;

/// Beats' `rotate_every_kb: 10240`.
const DEFAULT_ROTATE_EVERY: u64 = 10 << 20;
/// Beats' default.
const DEFAULT_FILES: u64 = 7;
/// For nobody else: documents name hosts, topics and groups.
const DEFAULT_PERMISSIONS: u32 = 0o600;
/// All that a file's mode may say.
const ALL_PERMISSIONS: u32 = 0o777;

/// Files of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// Their directory.
    pub path: PathBuf,
    /// What their names begin with.
    pub filename: String,
    /// A file that has no room for another document is followed by the next one.
    pub rotate_every: u64,
    /// How many there are; older ones are removed.
    pub number_of_files: usize,
    /// Mode of the files.
    pub permissions: u32,
}

impl FileConfig {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let path = section.text("path").unwrap_or_default();
        if path.is_empty() {
            section.problem("path", "is missing; write the directory for the files");
        }
        let filename = section.text_or("filename", "brokerbeat");
        if filename.is_empty() || filename.contains('/') {
            section.problem(
                "filename",
                format!("`{filename}` is not the name of a file"),
            );
        }
        let sizes = (64 << 10)..=(1 << 40);
        let files = section.number_or("number_of_files", DEFAULT_FILES, 2..=1024);
        Self {
            path: path.into(),
            filename,
            rotate_every: section.bytes_or("rotate_every", DEFAULT_ROTATE_EVERY, sizes),
            number_of_files: usize::try_from(files).unwrap_or(usize::MAX),
            permissions: section.parsed_or(
                "permissions",
                DEFAULT_PERMISSIONS,
                |mode| format!("0{mode:o}").into(),
                mode,
            ),
        }
    }
}

/// A mode as `chmod` takes it. The agent itself has to write, and to read what it wrote.
fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= ALL_PERMISSIONS && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err("is not a mode such as 0600 or 0640 by which the agent may read and write".into()),
    }
}
