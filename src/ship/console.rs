//! `output.console`: documents on stdout, a JSON object a line. Log lines go to stderr.

use std::io::{self, Write};

use serde_json::Value;

use super::batches::{Attempt, Fate};
use super::lines::Lines;
use crate::config::Section;

/// `output.console`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Over several lines each, for people.
    pub pretty: bool,
}

impl ConsoleConfig {
    /// Reads it.
    pub fn read(section: &mut Section<'_>) -> Self {
        Self {
            pretty: section.flag_or("pretty", false),
        }
    }
}

/// Writes to stdout.
#[derive(Debug)]
pub(super) struct Console {
    pretty: bool,
    /// Whether the last line was cut off: the next one begins below it.
    is_torn: bool,
}

impl Console {
    pub(super) fn new(config: &ConsoleConfig) -> Self {
        Self {
            pretty: config.pretty,
            is_torn: false,
        }
    }

    /// A reader that is slow is waited for, on a thread for that.
    pub(super) async fn take(&mut self, lines: Lines) -> Attempt {
        let (pretty, is_torn) = (self.pretty, self.is_torn);
        let written = tokio::task::spawn_blocking(move || {
            write(&mut io::stdout().lock(), &lines, pretty, is_torn)
        });
        match written.await {
            Ok((attempt, is_torn)) => {
                self.is_torn = is_torn;
                attempt
            }
            Err(error) => Attempt {
                trouble: Some(format!("writing to stdout failed: {error}")),
                is_over: true,
                ..Attempt::default()
            },
        }
    }
}

/// Writes lines one by one; the fates, and whether a line was cut off.
fn write(out: &mut impl Write, lines: &Lines, pretty: bool, is_torn: bool) -> (Attempt, bool) {
    let mut attempt = Attempt::default();
    let mut failed = match is_torn {
        true => out.write_all(b"\n").err(),
        false => None,
    };
    let mut tears = is_torn && failed.is_some();
    for (_, line) in lines.iter() {
        let fate = match &failed {
            Some(_) => Fate::Again { attempted: false },
            None if line.is_empty() => Fate::unreadable(),
            None => match write_line(out, line, pretty) {
                Ok(()) => Fate::Taken,
                Err(error) => {
                    (failed, tears) = (Some(error), true);
                    Fate::Again { attempted: true }
                }
            },
        };
        attempt.fates.push(fate);
    }
    if let Some(error) = failed {
        attempt.is_over = error.kind() == io::ErrorKind::BrokenPipe;
        attempt.trouble = Some(match attempt.is_over {
            true => "stdout is closed: nobody reads what output.console writes".to_owned(),
            false => format!("stdout cannot be written: {error}"),
        });
    }
    (attempt, tears)
}

fn write_line(out: &mut impl Write, line: &[u8], pretty: bool) -> io::Result<()> {
    if !pretty {
        out.write_all(line)?;
        return out.flush();
    }
    let document: Value = serde_json::from_slice(line)?;
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TestDirectory;
    use crate::ship::lines::tests::append;
    use crate::spool::Spool;

    fn lines(count: u64) -> Lines {
        let directory = TestDirectory::new();
        let spool = Spool::open(directory.path(), 1 << 30).unwrap().0;
        append(&spool, "logs-brokerbeat.event-default", 0..count);
        Lines::of(&spool.next(usize::MAX, usize::MAX, |_| true))
    }

    /// Takes so many bytes, and then none.
    struct Full {
        taken: Vec<u8>,
        room: usize,
        error: io::ErrorKind,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(self.error.into());
            }
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_cuts_off_comes_again_on_a_line_of_its_own() {
        let lines = lines(3);
        let first = lines.rows[0].end;
        let mut out = Full {
            taken: Vec::new(),
            room: first + 10,
            error: io::ErrorKind::StorageFull,
        };
        let (attempt, is_torn) = write(&mut out, &lines, false, false);
        let expected = [
            Fate::Taken,
            Fate::Again { attempted: true },
            Fate::Again { attempted: false },
        ];
        assert_eq!(attempt.fates, expected);
        assert!(is_torn && !attempt.is_over && attempt.trouble.is_some());
        out.room = usize::MAX;
        let (attempt, is_torn) = write(&mut out, &lines, false, is_torn);
        assert_eq!(attempt.fates, vec![Fate::Taken; 3]);
        assert!(!is_torn);
        let text = String::from_utf8(out.taken).unwrap();
        let is_whole = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
        assert_eq!(text.lines().filter(is_whole).count(), 4);
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn a_closed_pipe_is_the_end_and_pretty_is_the_same_document() {
        let mut out = Full {
            taken: Vec::new(),
            room: 0,
            error: io::ErrorKind::BrokenPipe,
        };
        let (attempt, _) = write(&mut out, &lines(1), false, false);
        assert!(attempt.is_over);
        assert_eq!(attempt.fates, [Fate::Again { attempted: true }]);
        let (mut plain, mut pretty) = (Vec::new(), Vec::new());
        write(&mut plain, &lines(1), false, false);
        write(&mut pretty, &lines(1), true, false);
        let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        assert_eq!(parse(&plain), parse(&pretty));
        assert!(pretty.iter().filter(|byte| **byte == b'\n').count() > 3);
    }
}
