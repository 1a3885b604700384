//! Finds a JDK. Elasticsearch needs 21 or newer, and one JDK for all servers is one thing less that differs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const OLDEST: u32 = 21;
const HINT: &str = "run scripts/install.sh, or set BROKERBEAT_JDK to the folder of one";

/// A folder with `bin/java` and `bin/javac`.
#[derive(Clone, Debug)]
pub(crate) struct Jdk {
    home: PathBuf,
}

impl Jdk {
    /// The one in `BROKERBEAT_JDK`, or else the oldest of the installed ones that is new enough: the nearer to what
    /// old servers were made for, the better.
    pub(crate) fn find() -> Result<Self> {
        let chosen = match std::env::var_os("BROKERBEAT_JDK") {
            Some(home) => Some(PathBuf::from(home)).filter(|home| is_usable(home)),
            None => candidates()
                .into_iter()
                .filter(|home| is_usable(home))
                .min_by_key(|home| major(home)),
        };
        chosen
            .map(|home| Self { home })
            .ok_or_else(|| Error::Missing {
                what: format!("a JDK of version {OLDEST} or newer"),
                hint: HINT.to_owned(),
            })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::env::var_os("JAVA_HOME")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let sdkman =
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".sdkman/candidates/java"));
    for folder in [Some(PathBuf::from("/usr/lib/jvm")), sdkman]
        .into_iter()
        .flatten()
    {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        all.extend(entries.map(|entry| entry.path()));
    }
    all
}

fn is_usable(home: &Path) -> bool {
    major(home).is_some_and(|major| major >= OLDEST) && home.join("bin/javac").exists()
}

/// Every JDK says its version in a file: `JAVA_VERSION="25.0.1"`.
fn major(home: &Path) -> Option<u32> {
    let release = fs::read_to_string(home.join("release")).ok()?;
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    line.trim_matches('"')
        .split(['.', '-', '+'])
        .next()?
        .parse()
        .ok()
}
