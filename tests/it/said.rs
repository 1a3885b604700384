//! How a command ended and what it said.

use std::process::Output;

pub(crate) struct Said {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn tells(&self, part: &str) {
        assert!(self.err.contains(part), "`{part}` is not in\n{}", self.err);
    }

    /// How many lines of its stdout begin so.
    pub(crate) fn lines(&self, word: &str) -> usize {
        let lines = self.out.lines();
        lines.filter(|line| line.starts_with(word)).count()
    }
}
